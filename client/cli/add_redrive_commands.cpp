#include "client/cli/command_line.hpp"
#include "client/cli/commands.hpp"
#include "client/cli/text.hpp"

#include <memory>

namespace sluice::cli {
namespace {

struct redrive_wish {
    client::new_redrive redrive;
    bool wait = false;
};

/// A whole number in an option of its own.
void add_number(CLI::App& command, const std::string& name, const std::string& description,
                std::uint64_t min, std::uint64_t max, std::optional<std::uint64_t>& target) {
    add_value(command, name, "N", description,
              "a whole number from " + std::to_string(min) + " to " + format_count(max),
              [&target, min, max](const std::string& text) {
                  target = parse_count(text);
                  return target && *target >= min && *target <= max;
              });
}

void add_redrive(command_line& line, CLI::App& dead) {
    auto asked = std::make_shared<redrive_wish>();
    auto& redrive = asked->redrive;
    auto* command =
        add_command(dead, "redrive", "Send dead letters back at a rate, behind a canary",
                    "  sluice dead redrive -q emails --rate 50/s --canary 3 --wait\n"
                    "  sluice dead redrive -t 'mail.*' --error-type SmtpError --max 1000\n");
    auto* queue = command->add_option("-q,--queue", redrive.queue, "Only of this queue");
    auto* type = command->add_option("-t,--type", redrive.type, "Only of this type, or mail.*");
    auto* why = command->add_option("--error-type", redrive.error_type,
                                    "Only those whose latest failure is of this type");
    queue->type_name("NAME");
    type->type_name("TYPE");
    why->type_name("TYPE");
    add_value(*command, "--rate", "R", "Jobs a second, 10 by default",
              "a rate from 0.001 to 10,000 such as 50, 50/s or 0.5",
              [asked](const std::string& text) {
                  asked->redrive.rate = parse_rate(text);
                  const auto& rate = asked->redrive.rate;
                  return rate && *rate >= 0.001 && *rate <= 10'000;
              });
    add_number(*command, "--canary", "Jobs that go first and must complete, 1 by default", 0, 100,
               redrive.canaries);
    add_number(*command, "--max", "Jobs in all", 1, 1'000'000'000, redrive.max);
    command->add_flag("--wait", asked->wait,
                      "Follow it until it is over; exit 1 when it was stopped or cancelled");
    command->callback([&line, asked] {
        const auto& wanted = asked->redrive;
        if (wanted.queue.empty() && wanted.type.empty() && wanted.error_type.empty())
            throw CLI::ValidationError(
                "say which dead letters are meant: -q QUEUE, -t TYPE or --error-type TYPE");
        line.chosen = [asked](const context& ctx) {
            return begin_redrive(ctx, asked->redrive, asked->wait);
        };
    });
}

}  // namespace

void add_redrive_commands(command_line& line, CLI::App& dead) {
    add_redrive(line, dead);
    auto* list = add_command(dead, "redrives", "List redrives, oldest first",
                             "  sluice dead redrives\n  sluice dead redrives --json\n");
    list->callback([&line] { line.chosen = list_redrives; });
    auto id = std::make_shared<std::string>();
    auto* cancel = add_command(dead, "cancel-redrive", "Have a redrive send nothing more",
                               "  sluice dead cancel-redrive ID\n");
    cancel->add_option("ID", *id, "The redrive's id")->required()->type_name("");
    cancel->callback([&line, id] {
        line.chosen = [id](const context& ctx) { return cancel_redrive(ctx, *id); };
    });
}

}  // namespace sluice::cli
