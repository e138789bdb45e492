#include "client/cli/command_line.hpp"
#include "client/cli/text.hpp"
#include "client/cli/top/top_command.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace sluice::cli {
namespace {

constexpr auto shortest = std::chrono::milliseconds{100};

constexpr auto examples =
    "  sluice top\n"
    "  sluice top --sort backlog --queue 'mail*' --interval 5s\n"
    "  sluice top --once -o plain | cut -f2,7\n"
    "  sluice top --json | jq '.all.per_second.finished'\n";

}  // namespace

void add_top_command(command_line& line) {
    auto settings = std::make_shared<top_settings>();
    auto* command = add_command(
        line.root, "top", "Watch the queues: rates, backlog, how long jobs wait and run", examples);
    add_value(*command, "--interval", "TIME", "Time that figures are of, 1s by default",
              "a duration of 100ms or more", [settings](const std::string& text) {
                  const auto time = parse_duration(text);
                  if (!time || *time < shortest) return false;
                  settings->interval = *time;
                  return true;
              });
    add_value(
        *command, "--sort", "ORDER", "waiting (the default), rate, backlog or name",
        "one of waiting, rate, backlog, name", [settings](const std::string& text) {
            constexpr std::array<std::string_view, 4> orders{"waiting", "rate", "backlog", "name"};
            const auto at = std::ranges::find(orders, text);
            if (at == orders.end()) return false;
            settings->order = static_cast<top_order>(at - orders.begin());
            return true;
        });
    command
        ->add_option("-q,--queue", settings->queues,
                     "Only queues of this name or pattern, such as 'mail*'; may be repeated")
        ->check(CLI::Validator(
            [](const std::string& text) {
                return text.empty() ? std::string{"must not be empty"} : std::string{};
            },
            ""))
        ->type_name("PATTERN")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_flag("--once", settings->once, "One interval, then end");
    command->callback([&line, settings] {
        line.chosen = [settings](const context& ctx) { return show_top(ctx, *settings); };
    });
}

}  // namespace sluice::cli
