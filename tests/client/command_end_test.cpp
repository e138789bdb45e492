#include "client/cli/command_end.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

constexpr process::shortage_pause::time_point begin{1000s};

process::report end(process::verdict how) {
    process::report ended;
    ended.how = how;
    ended.started = true;
    ended.reason = "why";
    return ended;
}

process::report shortage() {
    auto ended = end(process::verdict::failed);
    ended.started = false;
    ended.shortage = true;
    return ended;
}

TEST(CommandEnd, ForAShortageOfThisMachineSpendsNoAttemptAndPausesLongerEachTime) {
    process::shortage_pause pause;
    const auto snooze = [&](process::shortage_pause::time_point now) {
        const auto how = outcome_of(shortage(), pause, now);
        const auto* later = std::get_if<client::snoozed>(&how);
        return later != nullptr ? later->delay : 0ms;
    };
    EXPECT_EQ(snooze(begin), 1s);
    EXPECT_EQ(snooze(begin + 7s), 7s);
    outcome_of(end(process::verdict::completed), pause, begin + 8s);
    EXPECT_EQ(snooze(begin + 9s), 1s);
}

TEST(CommandEnd, ThatCouldNotBeStartedForItsOwnFaultHasFailed) {
    process::shortage_pause pause;
    auto ended = end(process::verdict::failed);
    ended.started = false;
    const auto how = outcome_of(ended, pause, begin);
    ASSERT_TRUE(std::holds_alternative<client::failed>(how));
    EXPECT_EQ(std::get<client::failed>(how).message, "why");
}

TEST(CommandEnd, OfARunThatWasStoppedGivesTheJobBack) {
    process::shortage_pause pause;
    auto ended = shortage();
    ended.how = process::verdict::stopped;
    const auto how = outcome_of(ended, pause, begin);
    EXPECT_TRUE(std::holds_alternative<client::released>(how));
}

TEST(CommandEnd, IsToldByItsVerdict) {
    process::shortage_pause pause;
    const auto told = [&](process::verdict how) { return outcome_of(end(how), pause, begin); };
    EXPECT_TRUE(std::holds_alternative<client::completed>(told(process::verdict::completed)));
    EXPECT_TRUE(std::holds_alternative<client::dead_lettered>(told(process::verdict::dead_letter)));
    EXPECT_TRUE(std::holds_alternative<client::failed>(told(process::verdict::retry)));
    EXPECT_TRUE(std::holds_alternative<client::failed>(told(process::verdict::failed)));
}

}  // namespace
}  // namespace sluice::cli
