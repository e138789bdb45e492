#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/text.hpp"
#include "proto/durability.hpp"

#include <memory>
#include <random>

namespace sluice::cli {
namespace {

constexpr auto produce_examples =
    "  sluice produce -n 20 --interval 0.5s..1.5s --pause 0.25s..0.75s\n"
    "      twenty jobs, each squares a number and takes its time\n"
    "  sluice produce -n 20000 --rate 5000\n"
    "      a constant rate; nothing slows it down, so stalls show\n"
    "  sluice produce -t image.resize -q images --args '[{\"w\":320}]' --no-wait\n"
    "      a job for a worker of yours\n"
    "  sluice produce -n 20 --interval 0.5s..1.5s --in-process-baseline --json\n"
    "      the same work with and without a queue, as JSON\n";

auto store_count(std::uint64_t& target) {
    return [&target](const std::string& text) {
        const auto count = parse_count(text);
        target = count.value_or(0);
        return count.has_value();
    };
}

auto store_share(std::int64_t& target) {
    return [&target](const std::string& text) {
        const auto count = parse_count(text);
        if (!count || *count < 1 || *count > 1000) return false;
        target = static_cast<std::int64_t>(*count);
        return true;
    };
}

void add_what(CLI::App& command, produce_options& options) {
    command.add_option("-q,--queue", options.queue, "Queue, \"default\" by default")
        ->type_name("NAME");
    command.add_option("-t,--type", options.work.type, "Job type, sluice.square by default")
        ->type_name("TYPE");
    add_args(command, options.work.args);
    command
        .add_option("--fairness-key", options.fairness_key,
                    "Keys of one queue take turns, such as a tenant's name; none by default")
        ->type_name("KEY");
    add_value(command, "--fairness-weight", "N", "How many turns the key gets; 1 by default",
              "a whole number from 1 to 1,000", store_share(options.fairness_weight));
    add_value(command, "--cost", "N", "How many turns of its key a job takes; 1 by default",
              "a whole number from 1 to 1,000", store_share(options.cost));
    add_value(command, "--pause", "A..B",
              "How long sluice.square takes, such as 0.25s..0.75s; 0 by default",
              "a duration such as 250ms, or a range such as 0.25s..0.75s",
              [&options](const std::string& text) {
                  const auto pause = parse_span(text);
                  options.work.pause = pause.value_or(span{});
                  return pause.has_value();
              });
    add_value(
        command, "--durability", "CLASS",
        "What each job has survived when it is created: fsync (a power cut), written (the end "
        "of the server), memory (nothing yet); as the server says by default",
        "fsync, written or memory", [&options](const std::string& text) {
            options.durability = parse_durability(text);
            return options.durability.has_value();
        });
    add_value(command, "--seed", "N", "Makes the same numbers, pauses and intervals again",
              "a whole number", store_count(options.work.seed));
}

void add_pace(CLI::App& command, produce_options& options) {
    add_value(command, "-n,--count", "N", "How many jobs, 1 by default; 0: until Ctrl-C",
              "a whole number such as 500 or 20k", store_count(options.work.count));
    auto* rate = add_value(
        command, "--rate", "R", "Jobs a second, all producers together, at a constant rate",
        "a rate above 0 such as 5000, 5k or 0.5", [&options](const std::string& text) {
            options.work.rate = parse_rate(text);
            return options.work.rate.has_value();
        });
    add_value(command, "--interval", "A..B",
              "Time between two jobs of one producer, such as 1s or 0.5s..1.5s",
              "a duration such as 1s, or a range such as 0.5s..1.5s",
              [&options](const std::string& text) {
                  options.work.interval = parse_span(text);
                  return options.work.interval.has_value();
              })
        ->excludes(rate);
    add_value(command, "--producers", "N",
              "How many create jobs side by side, each on its own connection; 1 by default, as "
              "many as needed with --rate",
              "a whole number from 1 to 1,000", [&options](const std::string& text) {
                  const auto count = parse_count(text);
                  if (!count || *count < 1 || *count > 1000) return false;
                  options.producers = static_cast<std::size_t>(*count);
                  return true;
              });
}

void add_ending(CLI::App& command, produce_options& options) {
    command.add_flag_callback(
        "--no-wait", [&options] { options.wait = false; },
        "Create the jobs and leave; do not follow them");
    add_value(command, "--wait-timeout", "TIME",
              "Give up when all are created and none has finished for so long; 60s by default",
              "a duration such as 5m", [&options](const std::string& text) {
                  const auto time = parse_duration(text);
                  if (!time || time->count() == 0) return false;
                  options.wait_timeout = *time;
                  return true;
              });
    command
        .add_option_function<std::string>(
            "--in-process-baseline",
            [&options](const std::string& text) {
                if (text != "also" && text != "only") {
                    throw CLI::ValidationError("--in-process-baseline",
                                               "\"" + text + "\" is not one of also, only");
                }
                options.baseline = text == "only" ? baseline_choice::only : baseline_choice::also;
            },
            "Do the same work the synchronous way too (make all, then process all, in this "
            "process), or --in-process-baseline=only")
        ->expected(0, 1)
        ->default_str("also")
        ->type_name("[=only]");
    add_value(command, "--time-scale", "F",
              "The baseline sleeps this share of each interval and pause, 1 by default; its "
              "report says so and scales the times back",
              "a number above 0, up to 1", [&options](const std::string& text) {
                  const auto factor = parse_rate(text);
                  if (!factor || *factor > 1) return false;
                  options.time_scale = *factor;
                  return true;
              });
    command.add_option("--label", options.label, "Name of the run in its report")
        ->type_name("TEXT");
    command
        .add_option("--save", options.save,
                    "Also write the report to this file, as --json prints it, for report compare")
        ->type_name("FILE");
}

void check(const produce_options& options) {
    const bool baseline = options.baseline != baseline_choice::none;
    if (baseline && options.work.type != square_type) {
        throw CLI::ValidationError("--in-process-baseline", "it can do sluice.square only");
    }
    if (baseline && options.work.count == 0) {
        throw CLI::ValidationError("--in-process-baseline", "it needs a number of jobs (-n)");
    }
    if (baseline && !options.work.args.empty() && !read_square_args(options.work.args)) {
        throw CLI::ValidationError("--args", "sluice.square takes [number, pause in ms]");
    }
    if (options.fairness_key.empty() && (options.fairness_weight != 1 || options.cost != 1)) {
        throw CLI::ValidationError("--fairness-key", "a weight or a cost goes with a key");
    }
    if (!baseline && options.time_scale != 1) {
        throw CLI::ValidationError("--time-scale", "it goes with --in-process-baseline");
    }
}

}  // namespace

void add_produce_command(command_line& line) {
    auto options = std::make_shared<produce_options>();
    options->work.seed = std::random_device{}();
    auto* command = add_command(line.root, "produce",
                                "Create jobs and report the latency from creation to processing",
                                produce_examples);
    add_what(*command, *options);
    add_pace(*command, *options);
    add_ending(*command, *options);
    command->callback([&line, options] {
        check(*options);
        line.chosen = [options](const context& ctx) { return produce(ctx, *options); };
    });
}

}  // namespace sluice::cli
