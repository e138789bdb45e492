#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/text.hpp"
#include "proto/limits.hpp"

#include <memory>

namespace sluice::cli {
namespace {

void add_name(CLI::App& command, std::string& target) {
    command.add_option("NAME", target, "The cron job's name")->required()->type_name("");
}

/// A command on one cron job.
template <class Run>
void add_name_command(command_line& line, CLI::App& cron, std::string name, std::string description,
                      std::string examples, Run run) {
    auto target = std::make_shared<std::string>();
    auto* command = add_command(cron, std::move(name), std::move(description), std::move(examples));
    add_name(*command, *target);
    command->callback([&line, target, run] {
        line.chosen = [target, run](const context& ctx) { return run(ctx, *target); };
    });
}

void add_list(command_line& line, CLI::App& cron) {
    auto wanted = std::make_shared<std::optional<bool>>();
    auto* command = add_command(cron, "list", "List cron jobs by name",
                                "  sluice cron list\n"
                                "  sluice cron list --disabled -o plain | cut -f1\n");
    auto* enabled = command->add_flag_callback(
        "--enabled", [wanted] { *wanted = true; }, "Only those that are enabled");
    command
        ->add_flag_callback(
            "--disabled", [wanted] { *wanted = false; }, "Only those that are not")
        ->excludes(enabled);
    command->callback([&line, wanted] {
        line.chosen = [wanted](const context& ctx) { return list_crons(ctx, *wanted); };
    });
}

void add_policies(CLI::App& command, client::new_cron& cron) {
    add_value(command, "--overlap", "POLICY",
              "When a job before has not ended: skip (by default), allow, cancel_previous, enqueue",
              "one of skip, allow, cancel_previous, enqueue", [&cron](const std::string& text) {
                  const auto policy = parse_overlap_policy(text);
                  cron.overlap = policy.value_or(overlap_policy::skip);
                  return policy.has_value();
              });
    add_value(command, "--catch-up", "POLICY",
              "Jobs for the times missed while the server was down: one (by default), none, all",
              "one of one, none, all", [&cron](const std::string& text) {
                  const auto policy = parse_catch_up_policy(text);
                  cron.catch_up = policy.value_or(catch_up_policy::one);
                  return policy.has_value();
              });
}

void add_registration(command_line& line, CLI::App& cron) {
    struct wish {
        client::new_cron cron;
        bool disabled = false;
    };
    auto asked = std::make_shared<wish>();
    auto* command =
        add_command(cron, "add", "Register a cron job, or change the one of this name",
                    "  sluice cron add report '0 9 * * MON-FRI' -t report.daily\n"
                    "  sluice cron add sync '@every 10m' -t crm.sync --overlap enqueue\n"
                    "  sluice cron add bills '0 6 LW * *' -t bill.send --args '[\"all\"]' \\\n"
                    "      --timezone Europe/Berlin\n");
    auto& made = asked->cron;
    add_name(*command, made.name);
    command
        ->add_option("EXPRESSION", made.expression, "When, such as \"0 9 * * MON-FRI\" or @daily")
        ->required()
        ->type_name("");
    command->add_option("-t,--type", made.job.type, "Type of the jobs")
        ->required()
        ->type_name("TYPE");
    add_args(*command, made.job.args);
    command->add_option("-q,--queue", made.job.queue, "Queue of the jobs, \"default\" by default")
        ->type_name("NAME");
    command
        ->add_option("--timezone", made.timezone,
                     "Zone of the times, such as Europe/Berlin; UTC by default")
        ->type_name("ZONE");
    add_policies(*command, made);
    command->add_flag("--disabled", asked->disabled, "Make no jobs until it is enabled");
    command->add_option("--description", made.description, "What it is for")->type_name("TEXT");
    command->callback([&line, asked] {
        asked->cron.enabled = !asked->disabled;
        line.chosen = [asked](const context& ctx) { return set_cron(ctx, asked->cron); };
    });
}

void add_preview(command_line& line, CLI::App& cron) {
    struct wish {
        std::string name;
        std::size_t count = 10;
    };
    auto asked = std::make_shared<wish>();
    auto* command = add_command(cron, "preview", "Show when a cron job is due next",
                                "  sluice cron preview report\n"
                                "  sluice cron preview report -n 100 -o plain | cut -f1\n");
    add_name(*command, asked->name);
    add_value(*command, "-n,--count", "COUNT", "How many times, 10 by default",
              "a whole number from 1 to 1,000", [asked](const std::string& text) {
                  const auto count = parse_count(text);
                  if (!count || *count < 1 || *count > limits::cron_preview_max) return false;
                  asked->count = static_cast<std::size_t>(*count);
                  return true;
              });
    command->callback([&line, asked] {
        line.chosen = [asked](const context& ctx) {
            return preview_cron(ctx, asked->name, asked->count);
        };
    });
}

}  // namespace

void add_cron_commands(command_line& line) {
    auto* cron = add_command(line.root, "cron", "Jobs that are made at the times of a schedule",
                             "  sluice cron add report '0 9 * * MON-FRI' -t report.daily\n"
                             "  sluice cron list\n"
                             "  sluice cron preview report\n");
    cron->require_subcommand(0, 1);
    add_list(line, *cron);
    add_name_command(line, *cron, "show", "Show a cron job: its schedule, its job, its runs",
                     "  sluice cron show report\n"
                     "  sluice cron show report --json | jq .job_template\n",
                     show_cron);
    add_registration(line, *cron);
    add_name_command(
        line, *cron, "enable", "Make jobs again, from the next time on",
        "  sluice cron enable report\n",
        [](const context& ctx, const std::string& name) { return enable_cron(ctx, name, true); });
    add_name_command(
        line, *cron, "disable", "Make no jobs until it is enabled again",
        "  sluice cron disable report\n",
        [](const context& ctx, const std::string& name) { return enable_cron(ctx, name, false); });
    add_name_command(line, *cron, "delete", "Delete a cron job; the jobs it has made stay",
                     "  sluice cron delete report\n", delete_cron);
    add_preview(line, *cron);
}

}  // namespace sluice::cli
