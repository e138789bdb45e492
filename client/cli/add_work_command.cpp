#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/text.hpp"

#include <memory>

namespace sluice::cli {
namespace {

constexpr auto work_examples =
    "  sluice work -q images -t image.resize --concurrency 4 -- /usr/local/bin/resize\n"
    "      each job's JSON on standard input; exit code 0 completes it\n"
    "  sluice work -q mails -- python3 /srv/send.py --verbose\n"
    "  sluice work -q nightly --until-empty --json -- sh -c 'jq .args' >done.jsonl\n"
    "      work the queue off, then end\n"
    "\n"
    "  The command gets the job's JSON on standard input; its standard output is the\n"
    "  result (JSON, or text). Exit code 0 completes the job, 75 tries again later,\n"
    "  65 makes a dead letter, others fail. Descriptor 3 takes lines of JSON:\n"
    "  {\"progress\":0.5}, {\"log\":\"...\"}, {\"result\":...}. It runs in an empty directory\n"
    "  of its own; what it starts does not outlive it.\n";

void add_time(CLI::App& command, const std::string& name, const std::string& what,
              std::chrono::milliseconds& target, bool zero) {
    add_value(command, name, "TIME", what, "a duration such as 30s",
              [&target, zero](const std::string& text) {
                  const auto time = parse_duration(text);
                  if (!time || (time->count() == 0 && !zero)) return false;
                  target = std::chrono::ceil<std::chrono::milliseconds>(*time);
                  return true;
              });
}

void add_what(CLI::App& command, work_settings& options) {
    command
        .add_option("-q,--queue", options.worker.queues,
                    "Queue, \"default\" by default; several: in strict order")
        ->type_name("NAME")
        ->expected(1)
        ->allow_extra_args(false)  // else it takes the -- that begins the command
        ->take_all();
    command
        .add_option("-t,--type", options.types,
                    "Only this job type, or a pattern such as 'mail.*'; may be given again")
        ->type_name("TYPE")
        ->expected(1)
        ->allow_extra_args(false)  // else it takes the -- that begins the command
        ->take_all();
    add_value(command, "-c,--concurrency", "N", "Commands at one time, 1 by default",
              "a whole number from 1 to 1,000", [&options](const std::string& text) {
                  const auto count = parse_count(text);
                  if (!count || *count < 1 || *count > 1000) return false;
                  options.worker.concurrency = static_cast<std::size_t>(*count);
                  return true;
              });
    command
        .add_option("--worker-id", options.worker.id,
                    "Name of this worker, by default made of host and process")
        ->type_name("NAME");
    command.add_option("COMMAND", options.command, "After --: the program and its arguments")
        ->required()
        ->expected(1, 1000)
        ->type_name("");
}

void add_times(CLI::App& command, work_settings& options) {
    add_time(command, "--visibility-timeout",
             "How long a lease lives without a heartbeat, 60s by default",
             options.worker.visibility_timeout, false);
    add_time(
        command, "--worker-silence",
        "How long the server lets a worker be silent, until it says so itself, 60s by default; "
        "heartbeats come three times as often",
        options.worker.worker_silence, false);
    add_time(command, "--grace",
             "After Ctrl-C: how long running commands may go on, 25s by default; a second Ctrl-C "
             "ends it",
             options.worker.drain_grace, true);
    add_time(command, "--kill-after",
             "Between SIGTERM and SIGKILL for a command that is stopped, 5s by default",
             options.kill_after, true);
}

void add_ending(CLI::App& command, work_settings& options) {
    add_value(command, "--max-jobs", "N", "End after so many jobs", "a whole number above 0",
              [&options](const std::string& text) {
                  const auto count = parse_count(text);
                  options.worker.max_jobs = count.value_or(0);
                  return options.worker.max_jobs > 0;
              });
    command.add_flag("--until-empty", options.worker.until_empty,
                     "End when nothing waits and nothing runs");
}

}  // namespace

void add_work_command(command_line& line) {
    auto options = std::make_shared<work_settings>();
    auto* command =
        add_command(line.root, "work", "Run a command for each job of a queue", work_examples);
    add_what(*command, *options);
    add_times(*command, *options);
    add_ending(*command, *options);
    command->callback([&line, options] {
        if (options->worker.id.starts_with("sluice."))
            throw CLI::ValidationError("--worker-id", "names with sluice. are the server's own");
        line.chosen = [options](const context& ctx) { return work(ctx, *options); };
    });
}

}  // namespace sluice::cli
