#include "client/cli/command_line.hpp"
#include "client/cli/demo/demo_settings.hpp"
#include "client/cli/demo/job_set.hpp"
#include "client/cli/text.hpp"

#include <memory>
#include <random>

namespace sluice::cli {
namespace {

constexpr auto demo_examples =
    "  sluice demo producer-consumer --producers 2\n"
    "  sluice demo names-and-ages\n"
    "  sluice demo site-status https://example.com https://expired.badssl.com\n"
    "  sluice demo commands -- uname -a\n"
    "  sluice demo gather\n"
    "  sluice demo as-completed\n"
    "\n"
    "  A lesson starts a server of its own and removes it again, unless one is named\n"
    "  with --url or SLUICE_URL.\n";

constexpr auto producer_examples =
    "  sluice demo producer-consumer\n"
    "  sluice demo producer-consumer --producers 3 --consumers 2 --count 30\n"
    "  sluice demo producer-consumer --synchronous --time-scale 0.1\n";

constexpr auto names_examples =
    "  sluice demo names-and-ages\n"
    "  sluice demo names-and-ages --count 8 --concurrency 2 --time-scale 0.5\n";

constexpr auto site_examples =
    "  sluice demo site-status https://example.com https://expired.badssl.com\n"
    "  sluice demo site-status https://example.com http://10.0.0.1 --site-timeout 3s\n"
    "      ends with 8 when some of them did not answer well\n";

constexpr auto commands_examples =
    "  sluice demo commands\n"
    "  sluice demo commands -- ls -l /usr\n";

constexpr auto gather_examples =
    "  sluice demo gather\n"
    "  sluice demo gather --count 20 --pause 0.1s..2s --json\n";

constexpr auto completed_examples =
    "  sluice demo as-completed\n"
    "  sluice demo as-completed --count 20 --time-scale 0.1\n";

template <class Number>
void add_number(CLI::App& command, const std::string& name, const std::string& what, Number& target,
                std::uint64_t most) {
    add_value(command, name, "N", what, "a whole number from 1 to " + format_count(most),
              [&target, most](const std::string& text) {
                  const auto count = parse_count(text);
                  if (!count || *count < 1 || *count > most) return false;
                  target = static_cast<std::size_t>(*count);
                  return true;
              });
}

void add_span(CLI::App& command, const std::string& name, const std::string& what, span& target) {
    add_value(command, name, "A..B", what, "a duration such as 1s, or a range such as 0.5s..1.5s",
              [&target](const std::string& text) {
                  const auto read = parse_span(text);
                  if (!read || read->to > std::chrono::hours{1}) return false;
                  target = *read;
                  return true;
              });
}

void add_common(CLI::App& command, demo_settings& settings) {
    add_value(command, "--seed", "N", "Makes the same numbers and pauses again", "a whole number",
              [&settings](const std::string& text) {
                  const auto seed = parse_count(text);
                  settings.seed = seed.value_or(0);
                  return seed.has_value();
              });
    add_value(command, "--time-scale", "F",
              "Each pause lasts this share of what it is, 1 by default",
              "a number above 0, up to 1", [&settings](const std::string& text) {
                  const auto factor = parse_rate(text);
                  if (!factor || *factor > 1) return false;
                  settings.time_scale = *factor;
                  return true;
              });
}

/// One lesson's command; `Lesson` is what it was asked for.
template <class Lesson>
std::pair<CLI::App*, std::shared_ptr<Lesson>> add_lesson(command_line& line, CLI::App& demo,
                                                         const std::string& name,
                                                         const std::string& description,
                                                         const std::string& examples,
                                                         Lesson defaults = {}) {
    auto* command = add_command(demo, name, description, examples);
    auto settings = std::make_shared<demo_settings>();
    settings->seed = std::random_device{}();
    auto lesson = std::make_shared<Lesson>(std::move(defaults));
    add_common(*command, *settings);
    const auto* url = line.root.get_option("--url");
    command->callback([&line, url, settings, lesson] {
        line.chosen = [url, settings, lesson](const context& ctx) {
            settings->own_server = url->count() == 0;
            return run_lesson(ctx, *settings, *lesson);
        };
    });
    return {command, std::move(lesson)};
}

void add_producer_consumer(command_line& line, CLI::App& demo) {
    auto [command, lesson] = add_lesson<producer_lesson>(
        line, demo, "producer-consumer", "Some create items, some process them, side by side",
        producer_examples);
    add_number(*command, "--producers", "How many create items side by side, 1 by default",
               lesson->producers, 1000);
    add_number(*command, "--consumers", "How many are processed at one time, 1 by default",
               lesson->consumers, 1000);
    add_number(*command, "-n,--count", "How many items, 20 by default", lesson->count, 100'000);
    add_span(*command, "--interval", "Between two items of a producer, 0.5s..1.5s by default",
             lesson->interval);
    add_span(*command, "--pause", "How long an item takes, 0.25s..0.75s by default", lesson->pause);
    command->add_flag("--synchronous", lesson->synchronous,
                      "Without a queue: make all items, then process all");
}

void add_names_and_ages(command_line& line, CLI::App& demo) {
    auto [command, lesson] = add_lesson<names_lesson>(
        line, demo, "names-and-ages", "Two unlike kinds of jobs, interleaved on one worker",
        names_examples);
    add_number(*command, "-n,--count", "How many of each kind, 5 by default", lesson->count, 100);
    add_number(*command, "-c,--concurrency", "How many the worker does at one time, 4 by default",
               lesson->concurrency, 100);
    add_span(*command, "--pause", "How long a job takes, 0.25s..1.5s by default", lesson->pause);
}

void add_site_status(command_line& line, CLI::App& demo) {
    auto [command, lesson] = add_lesson<site_lesson>(
        line, demo, "site-status", "A GET for each URL; results as they complete", site_examples);
    command->add_option("URL", lesson->urls, "What to ask, http or https")
        ->required()
        ->expected(1, static_cast<int>(job_set::jobs_max))
        ->type_name("");
    add_value(*command, "--site-timeout", "TIME", "Longest wait for each URL, 10s by default",
              "a duration from 1ms to 15m", [target = lesson](const std::string& text) {
                  const auto time = parse_duration(text);
                  if (!time || time->count() == 0 || *time > std::chrono::minutes{15}) return false;
                  target->timeout = std::chrono::ceil<std::chrono::milliseconds>(*time);
                  return true;
              });
}

void add_commands(command_line& line, CLI::App& demo) {
    auto [command, lesson] = add_lesson<commands_lesson>(
        line, demo, "commands", "Shell-style commands as jobs, then one after the other",
        commands_examples);
    command->add_option("COMMAND", lesson->given, "After --: one more program and its arguments")
        ->expected(1, 1000)
        ->type_name("");
}

void add_gather(command_line& line, CLI::App& demo, bool as_completed) {
    gather_lesson defaults;
    defaults.as_completed = as_completed;
    auto [command, lesson] = add_lesson<gather_lesson>(
        line, demo, as_completed ? "as-completed" : "gather",
        as_completed ? "Submit a set of jobs, take each result as it comes"
                     : "Submit a set of jobs, take all results in the order of submission",
        as_completed ? completed_examples : gather_examples, defaults);
    add_number(*command, "-n,--count", "How many jobs, 8 by default", lesson->count,
               job_set::jobs_max);
    add_span(*command, "--pause", "How long a job takes, 0.5s..3s by default", lesson->pause);
}

}  // namespace

void add_demo_command(command_line& line) {
    auto* demo = add_command(line.root, "demo", "Lessons that show what a job queue is good for",
                             demo_examples);
    demo->require_subcommand(0, 1);
    add_producer_consumer(line, *demo);
    add_names_and_ages(line, *demo);
    add_site_status(line, *demo);
    add_commands(line, *demo);
    add_gather(line, *demo, false);
    add_gather(line, *demo, true);
}

}  // namespace sluice::cli
