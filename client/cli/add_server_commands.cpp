#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"

#include <memory>

namespace sluice::cli {

namespace {

/// A command on one queue.
template <class Run>
void add_queue_command(command_line& line, CLI::App& queue, std::string name,
                       std::string description, std::string examples, Run run) {
    auto target = std::make_shared<std::string>();
    auto* command =
        add_command(queue, std::move(name), std::move(description), std::move(examples));
    command->add_option("NAME", *target, "The queue's name")->required()->type_name("");
    command->callback([&line, target, run] {
        line.chosen = [target, run](const context& ctx) { return run(ctx, *target); };
    });
}

void add_queue_commands(command_line& line) {
    auto* queue = add_command(line.root, "queue", "List queues, show what they hold, pause them",
                              "  sluice queue list\n  sluice queue stats default\n"
                              "  sluice queue pause emails\n");
    queue->require_subcommand(0, 1);
    auto* list = add_command(*queue, "list", "List all queues with their counts",
                             "  sluice queue list\n  sluice queue list -o plain | cut -f1,2\n");
    list->callback([&line] { line.chosen = list_queues; });

    auto names = std::make_shared<std::vector<std::string>>();
    auto* stats = add_command(*queue, "stats", "Show how many jobs queues hold, by state",
                              "  sluice queue stats default\n");
    stats->add_option("NAME", *names, "One or more queues")
        ->required()
        ->expected(1, 1000)
        ->type_name("");
    stats->callback([&line, names] {
        line.chosen = [names](const context& ctx) { return show_queues(ctx, *names); };
    });

    add_queue_command(line, *queue, "pause",
                      "Give out no more jobs of a queue; it still takes them",
                      "  sluice queue pause emails\n", pause_queue);
    add_queue_command(line, *queue, "resume", "Give out the jobs of a paused queue again",
                      "  sluice queue resume emails\n", resume_queue);
}

}  // namespace

void add_server_commands(command_line& line) {
    add_queue_commands(line);

    auto files = std::make_shared<std::vector<std::string>>();
    auto* report = add_command(line.root, "report", "Read the JSON of earlier runs",
                               "  sluice report compare one.json two.json\n");
    report->require_subcommand(0, 1);
    auto* compare = add_command(*report, "compare", "Put several runs of produce side by side",
                                "  sluice produce -n 20 --json > one.json\n"
                                "  sluice produce -n 20 --producers 2 --json > two.json\n"
                                "  sluice report compare one.json two.json\n");
    compare->add_option("FILE", *files, "What `sluice produce --json` wrote")
        ->required()
        ->expected(1, 1000)
        ->type_name("");
    compare->callback([&line, files] {
        line.chosen = [files](const context& ctx) { return compare_reports(ctx, *files); };
    });

    auto readiness = std::make_shared<bool>(false);
    auto* health = add_command(line.root, "health", "Ask the server how it feels; exit 0 when well",
                               "  sluice health\n  sluice health --ready --quiet\n");
    health->add_flag("--ready", *readiness, "Whether it takes work now: fails while it drains");
    health->callback([&line, readiness] {
        line.chosen = [readiness](const context& ctx) { return show_health(ctx, *readiness); };
    });

    auto* version = add_command(line.root, "version", "Show the version of this program",
                                "  sluice version --json\n");
    version->callback([&line] { line.chosen = show_version; });
}

}  // namespace sluice::cli
