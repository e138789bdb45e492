#include "server/config/command_line.hpp"

#include <gtest/gtest.h>
#include <sysexits.h>

#include <sstream>
#include <string>
#include <vector>

namespace sluice::config {
namespace {

using action = command_line::action;

command_line parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "sluiced");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, RunsByDefault) {
    const auto line = parse({});
    EXPECT_EQ(line.what, action::run);
    EXPECT_TRUE(line.from.flags.empty());
}

TEST(CommandLine, TakesShortAndLongFlags) {
    const auto line = parse({"--listen", "127.0.0.1:0", "--store-directory=/tmp/x", "--workers",
                             "3", "--enable-reset", "--insecure-no-auth=false"});
    ASSERT_EQ(line.what, action::run) << line.text;
    const auto result = load(line.from);
    ASSERT_TRUE(result.problems.empty()) << result.problems.front();
    EXPECT_EQ(result.settings.http.port, 0);
    EXPECT_EQ(result.settings.store.directory, "/tmp/x");
    EXPECT_EQ(result.settings.workers.concurrency, 3U);
    EXPECT_TRUE(result.settings.server.enable_reset);
    EXPECT_FALSE(result.settings.http.insecure_no_auth);
}

TEST(CommandLine, EndsWith64OnWrongUsage) {
    for (const auto& arguments : std::vector<std::vector<const char*>>{
             {"--nosuch"}, {"stray"}, {"--listen"}, {"--listen", "a:1", "--listen", "b:1"}}) {
        const auto line = parse(arguments);
        EXPECT_EQ(line.what, action::say);
        EXPECT_EQ(line.exit_code, EX_USAGE);
        EXPECT_NE(line.text.find("sluiced --help"), std::string::npos);
    }
}

TEST(CommandLine, HelpsWithEverySetting) {
    const auto line = parse({"--help"});
    EXPECT_EQ(line.what, action::say);
    EXPECT_EQ(line.exit_code, 0);
    EXPECT_NE(line.text.find("Examples:"), std::string::npos);
    for (const auto& s : all_settings())
        EXPECT_NE(line.text.find(flag_of(s)), std::string::npos) << s.key;
    std::istringstream text{line.text};
    for (std::string row; std::getline(text, row);) EXPECT_LE(row.size(), 80U) << row;
}

TEST(CommandLine, SaysItsVersion) {
    const auto line = parse({"--version"});
    EXPECT_EQ(line.text, std::string{"sluiced "} + SLUICE_VERSION + "\n");
    EXPECT_EQ(line.exit_code, 0);
}

TEST(CommandLine, ChoosesWhatToDo) {
    EXPECT_EQ(parse({"--print-config"}).what, action::print_config);
    EXPECT_EQ(parse({"--check-config"}).what, action::check_config);
    EXPECT_EQ(parse({"--print-config-reference"}).what, action::print_reference);
    const auto salvage = parse({"--salvage", "/saved"});
    EXPECT_EQ(salvage.what, action::salvage);
    EXPECT_EQ(salvage.salvage_to, "/saved");
}

}  // namespace
}  // namespace sluice::config
