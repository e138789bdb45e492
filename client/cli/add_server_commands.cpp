#include "client/cli/bench/objective.hpp"
#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "proto/limits.hpp"

#include <cmath>
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

/// "p99<250ms" or "none". False for what a queue cannot have as its objective.
bool read_start_objective(const std::string& text, std::optional<start_objective>& wanted) {
    wanted.reset();
    if (text == "none") return true;
    const auto read = bench::parse_objective(text);
    if (!read) return false;
    // Without a phase it is about the start, as all objectives of queues are.
    const bool of_the_start = read->of == bench::phase::waiting || read->text.starts_with('p');
    if (!of_the_start) return false;
    const auto within = std::chrono::floor<std::chrono::milliseconds>(read->limit);
    // 99.9 % is 0.999, not 0.9990000000000001.
    const double share = std::round(read->share * 1e7) / 1e7;
    wanted = start_objective{share, within};
    return within == read->limit && within >= limits::start_within_min &&
           within <= limits::start_within_max && share >= limits::start_objective_min &&
           share <= limits::start_objective_max;
}

void add_queue_set(command_line& line, CLI::App& queue) {
    struct wish {
        std::string name;
        client::queue_bound bound;
        std::string concurrency;
        std::optional<start_objective> start_latency;
    };
    auto asked = std::make_shared<wish>();
    auto* command =
        add_command(queue, "set", "Bound a queue, and say how soon its jobs are to start",
                    "  sluice queue set emails --max-depth 10000\n"
                    "  sluice queue set emails --max-depth 500 --strategy drop_oldest\n"
                    "  sluice queue set emails --concurrency 20\n"
                    "  sluice queue set emails --max-depth 0 --concurrency any\n"
                    "  sluice queue set emails --slo 'p99<250ms'\n");
    command->add_option("NAME", asked->name, "The queue's name")->required()->type_name("");
    auto* depth = command->add_option("--max-depth", asked->bound.max_depth,
                                      "Jobs that have not ended; 0: any number");
    depth->check(CLI::Range(0.0, 1e9).description(""))->type_name("N");
    command
        ->add_option("--strategy", asked->bound.strategy,
                     "What becomes of one more: reject (the default), block, drop_oldest")
        ->needs(depth)
        ->check(CLI::IsMember({"reject", "block", "drop_oldest"}).description(""))
        ->type_name("WHAT");
    command
        ->add_option("--warn-at", asked->bound.warning_threshold,
                     "From which part of it on producers are warned, 0.8 by default")
        ->needs(depth)
        ->check(CLI::Range(0.0, 1.0).description(""))
        ->type_name("PART");
    auto* running =
        command
            ->add_option("--concurrency", asked->concurrency, "Jobs that run at a time, or \"any\"")
            ->check(CLI::Validator(
                [](const std::string& text) {
                    const bool digits = !text.empty() && text.size() <= 7 &&
                                        text.find_first_not_of("0123456789") == std::string::npos;
                    return digits || text == "any" ? std::string()
                                                   : "must be a number or \"any\", not " + text;
                },
                ""))
            ->type_name("N");
    auto* objective = add_value(
        *command, "--slo", "OBJECTIVE",
        "How soon jobs are to start, such as p99<250ms, or \"none\"",
        "an objective from p50 to p99.999 within 1ms to 24h, such as p99<250ms, nor \"none\"",
        [asked](const std::string& text) {
            return read_start_objective(text, asked->start_latency);
        });
    command->require_option(1, 0);
    command->callback([&line, asked, depth, running, objective] {
        client::queue_change change;
        if (depth->count() > 0) change.bound = asked->bound;
        if (running->count() > 0) change.concurrency = asked->concurrency;
        if (objective->count() > 0) change.start_latency = asked->start_latency;
        line.chosen = [asked, change](const context& ctx) {
            return set_queue(ctx, asked->name, change);
        };
    });
}

void add_queue_purge(command_line& line, CLI::App& queue) {
    struct wish {
        client::purge_order order;
        bool confirmed = false;
    };
    auto asked = std::make_shared<wish>();
    auto* command = add_command(
        queue, "purge", "Delete the ended jobs of a queue, cancel the others, by state",
        "  sluice queue purge emails --state completed,cancelled --yes\n"
        "  sluice queue purge emails --state discarded --older-than 2026-01-01T00:00:00Z\n");
    command->add_option("NAME", asked->order.queue, "The queue's name")->required()->type_name("");
    command->add_option("--state", asked->order.states, "Job states, with commas between them")
        ->required()
        ->type_name("STATES");
    command
        ->add_option("--older-than", asked->order.older_than,
                     "Only those that ended before this time (RFC 3339)")
        ->type_name("TIME");
    command->add_flag("-y,--yes", asked->confirmed, "Do not ask");
    command->callback([&line, asked] {
        line.chosen = [asked](const context& ctx) {
            return purge_queue(ctx, asked->order, asked->confirmed);
        };
    });
}

void add_queue_commands(command_line& line) {
    auto* queue =
        add_command(line.root, "queue", "List queues, pause them, bound them, purge them",
                    "  sluice queue list\n  sluice queue stats default\n"
                    "  sluice queue pause emails\n  sluice queue set emails --max-depth 10000\n");
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
    add_queue_set(line, *queue);
    add_queue_purge(line, *queue);
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
