#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/text.hpp"
#include "proto/state.hpp"

#include <memory>

namespace sluice::cli {
namespace {

void add_ids(CLI::App& command, ids& target, const std::string& what) {
    command.add_option("ID", target, what)->required()->expected(1, 10'000)->type_name("");
}

void add_page(CLI::App& command, client::job_filter& filter) {
    add_value(command, "--limit", "N", "How many at most, 50 by default",
              "a whole number from 1 to 1,000", [&filter](const std::string& text) {
                  const auto count = parse_count(text);
                  if (!count || *count < 1 || *count > 1000) return false;
                  filter.limit = static_cast<std::size_t>(*count);
                  return true;
              });
    command.add_option("--after", filter.after, "Go on where the page before ended")
        ->type_name("CURSOR");
}

void add_filter(CLI::App& command, client::job_filter& filter) {
    command.add_option("-q,--queue", filter.queue, "Only of this queue")->type_name("NAME");
    command.add_option("-t,--type", filter.type, "Only of this type")->type_name("TYPE");
}

/// A command on one or more ids.
template <class Run>
void add_id_command(command_line& line, CLI::App& parent, std::string name, std::string description,
                    std::string examples, Run run) {
    auto jobs = std::make_shared<ids>();
    auto* command =
        add_command(parent, std::move(name), std::move(description), std::move(examples));
    add_ids(*command, *jobs, "One or more job ids");
    command->callback([&line, jobs, run] {
        line.chosen = [jobs, run](const context& ctx) { return run(ctx, *jobs); };
    });
}

void add_job_list(command_line& line, CLI::App& job) {
    auto filter = std::make_shared<client::job_filter>();
    auto* command = add_command(job, "list", "List jobs, newest first",
                                "  sluice job list --state active -q default\n"
                                "  sluice job list -o plain | cut -f1\n");
    add_value(*command, "--state", "STATE", "Only in this state",
              "one of pending, scheduled, available, active, retryable, completed, cancelled, "
              "discarded",
              [filter](const std::string& text) {
                  filter->state = text;
                  return parse_job_state(text).has_value();
              });
    add_filter(*command, *filter);
    add_page(*command, *filter);
    command->callback([&line, filter] {
        line.chosen = [filter](const context& ctx) { return list_jobs(ctx, *filter); };
    });
}

void add_job_wait(command_line& line, CLI::App& job) {
    struct wish {
        ids jobs;
        nanoseconds patience{0};
    };
    auto asked = std::make_shared<wish>();
    auto* command =
        add_command(job, "wait", "Wait until jobs have ended; exit 0 when all were completed",
                    "  sluice job wait ID && echo done\n"
                    "  sluice job wait ID --wait-timeout 30s\n");
    add_ids(*command, asked->jobs, "One or more job ids");
    add_value(*command, "--wait-timeout", "TIME", "Give up after this long (exit 124)",
              "a duration such as 30s", [asked](const std::string& text) {
                  const auto time = parse_duration(text);
                  asked->patience = time.value_or(nanoseconds{0});
                  return time && time->count() > 0;
              });
    command->callback([&line, asked] {
        line.chosen = [asked](const context& ctx) {
            return wait_for_jobs(ctx, asked->jobs, asked->patience);
        };
    });
}

void add_job_logs(command_line& line, CLI::App& job) {
    auto options = std::make_shared<log_options>();
    auto* command = add_command(job, "logs", "Show what a job has logged",
                                "  sluice job logs ID\n"
                                "  sluice job logs ID -f\n"
                                "  sluice job logs ID --json | jq -r .text\n");
    command->add_option("ID", options->job, "The job's id")->required()->type_name("");
    command->add_flag("-f,--follow", options->follow, "Go on until the job has ended");
    command->add_flag("--timestamps", options->timestamps, "Begin each line with its time");
    command->callback([&line, options] {
        line.chosen = [options](const context& ctx) { return show_log(ctx, *options); };
    });
}

void add_dead_list(command_line& line, CLI::App& dead) {
    auto filter = std::make_shared<client::job_filter>();
    auto* command = add_command(dead, "list", "List dead letters, newest first",
                                "  sluice dead list -q emails\n");
    add_filter(*command, *filter);
    add_page(*command, *filter);
    command->callback([&line, filter] {
        line.chosen = [filter](const context& ctx) { return list_dead_letters(ctx, *filter); };
    });
}

void add_dead_delete(command_line& line, CLI::App& dead) {
    struct wish {
        ids jobs;
        bool confirmed = false;
    };
    auto asked = std::make_shared<wish>();
    auto* command = add_command(dead, "delete", "Delete dead letters for good",
                                "  sluice dead delete ID --yes\n");
    add_ids(*command, asked->jobs, "One or more job ids");
    command->add_flag("-y,--yes", asked->confirmed, "Do not ask");
    command->callback([&line, asked] {
        line.chosen = [asked](const context& ctx) {
            return delete_dead_letters(ctx, asked->jobs, asked->confirmed);
        };
    });
}

}  // namespace

void add_job_commands(command_line& line) {
    auto* job = add_command(line.root, "job", "Look at jobs, cancel, retry, wait for them",
                            "  sluice job get ID\n  sluice job list --state active\n");
    job->require_subcommand(0, 1);
    add_id_command(line, *job, "get", "Show jobs: state, result and where the time went",
                   "  sluice job get ID\n  sluice job get ID --json | jq .result\n", get_jobs);
    add_job_list(line, *job);
    add_id_command(line, *job, "cancel", "Cancel jobs that have not ended",
                   "  sluice job cancel ID\n", cancel_jobs);
    add_id_command(line, *job, "retry", "Give dead letters another life, from the first attempt",
                   "  sluice job retry ID\n", retry_jobs);
    add_job_wait(line, *job);
    add_job_logs(line, *job);

    auto* dead = add_command(line.root, "dead", "Look at dead letters, retry or delete them",
                             "  sluice dead list\n  sluice dead retry ID\n");
    dead->require_subcommand(0, 1);
    add_dead_list(line, *dead);
    add_id_command(line, *dead, "retry", "Give dead letters another life, from the first attempt",
                   "  sluice dead retry ID\n"
                   "  sluice dead list -o plain | cut -f1 | xargs sluice dead retry\n",
                   retry_dead_letters);
    add_dead_delete(line, *dead);
    add_redrive_commands(line, *dead);
}

}  // namespace sluice::cli
