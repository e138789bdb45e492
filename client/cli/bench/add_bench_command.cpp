#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"

#include "proto/limits.hpp"

#include <memory>
#include <random>

namespace sluice::cli {
namespace {

using namespace bench;

constexpr auto bench_examples =
    "  sluice bench --rate 2k --duration 30s\n"
    "      a constant rate; a stall of the server shows in full\n"
    "  sluice bench --rates 1k,2k,5k,10k --slo 'waiting.p99<5ms' --plot out.svg\n"
    "      latency against load; exit code 7 when a rate misses\n"
    "  sluice bench --find-max --slo 'p99<10ms' --poisson\n"
    "      the highest rate that keeps the objective\n"
    "  sluice bench --rate 500 --handler remote:5ms --workers 8 --json\n"
    "      workers that fetch over HTTP, as JSON\n"
    "  sluice bench --closed --connections 8 --batch 100\n"
    "      throughput alone\n";

auto store_between(std::size_t& target, std::size_t least, std::size_t most) {
    return [&target, least, most](const std::string& text) {
        const auto count = parse_count(text);
        if (!count || *count < least || *count > most) return false;
        target = static_cast<std::size_t>(*count);
        return true;
    };
}

auto store_time(nanoseconds& target, bool may_be_zero) {
    return [&target, may_be_zero](const std::string& text) {
        const auto time = parse_duration(text);
        if (!time || (time->count() == 0 && !may_be_zero)) return false;
        target = *time;
        return true;
    };
}

bool read_rates(const std::string& text, std::vector<double>& rates) {
    rates.clear();
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(',', at), text.size());
        const auto rate = parse_rate(std::string_view{text}.substr(at, end - at));
        if (!rate) return false;
        rates.push_back(*rate);
        at = end + 1;
    }
    return true;
}

void add_objectives(CLI::App& command, bench_options& options) {
    const auto take = [&options](const std::vector<std::string>& texts) {
        for (const auto& text : texts) {
            const auto what = parse_objective(text);
            if (!what) {
                throw CLI::ValidationError("--slo", "\"" + text +
                                                        "\" is not an objective such as p99<10ms, "
                                                        "waiting.p99.9<5ms, enqueue.max<1s");
            }
            options.objectives.push_back(*what);
        }
    };
    command
        .add_option_function<std::vector<std::string>>(
            "--slo", take,
            "Objective, such as 'p99<10ms' or 'waiting.p99.9<5ms'; several with commas or several "
            "times. Phases: enqueue, waiting, running, total, overall (the default)")
        ->delimiter(',')
        ->expected(1, 100)
        ->allow_extra_args(false)
        ->type_name("SLO");
}

void add_pace(CLI::App& command, bench_options& options) {
    auto* rate =
        add_value(command, "--rate", "R", "Jobs a second, 1000 by default",
                  "a rate above 0 such as 5000, 5k or 0.5", [&options](const std::string& text) {
                      const auto one = parse_rate(text);
                      if (one) options.rates = {*one};
                      return one.has_value();
                  });
    auto* rates =
        add_value(command, "--rates", "A,B,C", "Several rates, one after the other",
                  "a list of rates such as 1k,2k,5k",
                  [&options](const std::string& text) { return read_rates(text, options.rates); });
    rates->excludes(rate);
    auto* search = command.add_flag("--find-max", options.find_max,
                                    "Look for the highest rate that meets --slo, from --rate on");
    search->excludes(rates);
    auto* poisson = command.add_flag("--poisson", options.poisson,
                                     "Jobs come at random times, as from many users; evenly "
                                     "spaced otherwise");
    command
        .add_flag("--closed", options.closed,
                  "Each connection sends when its last answer has come, as fast as that goes")
        ->excludes(rate)
        ->excludes(rates)
        ->excludes(search)
        ->excludes(poisson);
    add_value(command, "--connections", "N",
              "At most so many requests at a time; 1 by default with --closed, else 128",
              "a whole number from 1 to 1,000", [&options](const std::string& text) {
                  std::size_t count = 0;
                  if (!store_between(count, 1, 1000)(text)) return false;
                  options.connections = count;
                  return true;
              });
    add_value(command, "--duration", "TIME", "How long each rate is kept, 10s by default",
              "a duration such as 30s", store_time(options.duration, false));
    add_value(command, "--warmup", "TIME",
              "Load before the first rate, which no report counts; 2s by default",
              "a duration such as 5s, or 0", store_time(options.warmup, true));
    add_value(command, "--drain", "TIME",
              "How long open jobs may take after the last was due, 10s by default",
              "a duration such as 30s", store_time(options.drain, true));
}

void add_jobs(CLI::App& command, bench_options& options) {
    add_value(command, "--handler", "WHAT",
              "What runs the jobs: noop, sleep:TIME or square in the server, or remote[:TIME] "
              "here; noop by default",
              "noop, sleep:5ms, square, remote or remote:5ms", [&options](const std::string& text) {
                  const auto choice = parse_handler(text);
                  if (choice) options.handler = *choice;
                  return choice.has_value();
              });
    add_value(command, "--workers", "N", "Jobs at a time with --handler remote, 16 by default",
              "a whole number from 1 to 1,000", store_between(options.workers, 1, 1000));
    add_value(command, "--batch", "N", "Jobs in a request, 1 by default",
              "a whole number from 1 to 1,000",
              store_between(options.batch, 1, limits::batch_jobs_max));
    add_value(command, "--size", "BYTES", "Fill the arguments of each job up to so many bytes",
              "a size such as 128B or 4KiB, at most 1MiB", [&options](const std::string& text) {
                  const auto bytes = parse_size(text);
                  options.args_bytes = bytes.value_or(0);
                  return bytes.has_value();
              });
    add_value(command, "--durability", "CLASS",
              "What a job has survived when it is created: fsync, written or memory; as the "
              "server says by default",
              "fsync, written or memory", [&options](const std::string& text) {
                  options.durability = parse_durability(text);
                  return options.durability.has_value();
              });
    add_value(command, "--seed", "N", "Makes the same arrival times again", "a whole number",
              [&options](const std::string& text) {
                  const auto number = parse_count(text);
                  options.seed = number.value_or(0);
                  return number.has_value();
              });
}

void check(const bench_options& options) {
    if (options.find_max && options.objectives.empty()) {
        throw CLI::ValidationError("--find-max", "it needs an objective, such as --slo 'p99<10ms'");
    }
    if (!options.hdr.empty() && (options.rates.size() > 1 || options.find_max)) {
        throw CLI::ValidationError("--hdr",
                                   "it goes with one rate; --json has the histogram of each");
    }
}

}  // namespace

void add_bench_command(command_line& line) {
    auto options = std::make_shared<bench_options>();
    options->seed = std::random_device{}();
    auto* command = add_command(line.root, "bench",
                                "Put a load on the server and report the latency without omissions",
                                bench_examples);
    add_pace(*command, *options);
    add_jobs(*command, *options);
    add_objectives(*command, *options);
    command
        ->add_option("--hdr", options->hdr,
                     "Also write the distribution of overall as HdrHistogram's .hgrm text")
        ->type_name("FILE");
    command
        ->add_option("--plot", options->plot,
                     "Also draw the latency, against the rate or over time, as SVG")
        ->type_name("FILE");
    command->callback([&line, options] {
        check(*options);
        line.chosen = [options](const context& ctx) { return run_bench(ctx, *options); };
    });
}

}  // namespace sluice::cli
