#include "client/cli/help.hpp"

#include "client/cli/command_line.hpp"
#include "client/cli/text.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

void visit(const CLI::App& command, const std::function<void(const CLI::App&)>& see) {
    see(command);
    for (const auto* child : command.get_subcommands([](const CLI::App*) { return true; })) {
        visit(*child, see);
    }
}

TEST(Help, OfEveryCommandShowsExamplesFirstAndFitsEightyColumns) {
    const command_line line;
    int commands = 0;
    visit(line.root, [&](const CLI::App& command) {
        ++commands;
        const auto text = render_help(command);
        const auto examples = text.find("\nExamples:\n");
        const auto everywhere = text.find("\nEverywhere:\n");
        EXPECT_NE(examples, std::string::npos) << command.get_name();
        EXPECT_LT(examples, everywhere) << command.get_name();
        EXPECT_NE(text.find("Usage: sluice"), std::string::npos);
        for (std::size_t at = 0; at < text.size();) {
            const auto end = text.find('\n', at);
            EXPECT_LE(columns_of(text.substr(at, end - at)), 80U) << text.substr(at, end - at);
            at = end + 1;
        }
    });
    EXPECT_GE(commands, 19);
}

TEST(Help, DocumentsEveryExitCode) {
    const auto page = help_topic("exit-codes");
    for (const auto code :
         {exit_code::ok, exit_code::failed, exit_code::usage, exit_code::unreachable,
          exit_code::not_found, exit_code::denied, exit_code::conflict, exit_code::missed,
          exit_code::partial, exit_code::timed_out, exit_code::interrupted}) {
        const std::string number = std::to_string(static_cast<int>(code)) + "  ";
        EXPECT_NE(page.find(number), std::string_view::npos) << number;
    }
    EXPECT_NE(help_topic("environment").find("NO_COLOR"), std::string_view::npos);
    EXPECT_TRUE(help_topic("nonsense").empty());
}

TEST(Help, NamesThePlaceholdersOfOptions) {
    const command_line line;
    const auto text = render_help(*line.root.get_subcommand("produce"));
    EXPECT_NE(text.find("-n, --count N "), std::string::npos) << text;
    EXPECT_NE(text.find("--interval A..B"), std::string::npos);
    EXPECT_NE(text.find("    --no-wait "), std::string::npos);
    EXPECT_NE(render_help(*line.root.get_subcommand("job")->get_subcommand("get"))
                  .find("Usage: sluice job get ID... [options]"),
              std::string::npos);
}

}  // namespace
}  // namespace sluice::cli
