#include "client/cli/top/waiting_line.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using clock = waiting_line::clock;

const clock::time_point start{1000s};
const timestamp wall{500'000s};

std::string oldest(const waiting_line& line, std::chrono::nanoseconds at) {
    const auto age =
        line.oldest(start + at, wall + std::chrono::ceil<std::chrono::microseconds>(at));
    if (!age) return "none";
    return (age->at_least ? ">" : "") +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age->time).count());
}

TEST(WaitingLine, KnowsTheAgeOfJobsItSawComing) {
    waiting_line line;
    EXPECT_EQ(oldest(line, 0s), "none");
    line.enter("a", wall, start);
    line.enter("b", wall + 3s, start + 3s);
    line.enter("a", wall + 9s, start + 9s);  // told twice
    EXPECT_EQ(oldest(line, 10s), "10");
    line.leave("a", true);
    EXPECT_EQ(oldest(line, 10s), "7");
    line.leave("b", false);
    EXPECT_EQ(oldest(line, 10s), "none");
    EXPECT_TRUE(line.empty());
}

TEST(WaitingLine, KnowsOfOthersSinceWhenTheyWereCounted) {
    waiting_line line;
    line.count(2, start + 1s);
    EXPECT_EQ(oldest(line, 5s), ">4");
    line.count(3, start + 3s);
    EXPECT_EQ(oldest(line, 5s), ">4");
    line.leave("x", true);
    line.leave("y", true);
    EXPECT_EQ(oldest(line, 5s), ">2");
    line.leave("z", false);  // it may not have been waiting
    EXPECT_EQ(oldest(line, 5s), ">2");
    line.count(0, start + 6s);
    EXPECT_EQ(oldest(line, 7s), "none");
}

TEST(WaitingLine, TellsTheOlderOfTheTwoKinds) {
    waiting_line line;
    line.enter("a", wall + 2s, start + 2s);
    line.count(2, start + 4s);
    EXPECT_EQ(oldest(line, 10s), "8");
    line.leave("a", true);
    EXPECT_EQ(oldest(line, 10s), ">6");
}

TEST(WaitingLine, KnowsAJobAgainThatWasCountedBeforeItsEventCame) {
    waiting_line line;
    for (int second = 1; second < 60; ++second) {
        line.count(1, start + second * 1s);
        line.enter(std::to_string(second), wall + second * 1s, start + second * 1s);
        EXPECT_EQ(oldest(line, second * 1s + 500ms), "0") << second;
        line.leave(std::to_string(second), true);
        EXPECT_TRUE(line.empty());
    }
    // The control: one that came later was not counted.
    line.count(1, start + 60s);
    line.enter("late", wall + 62s, start + 62s);
    EXPECT_EQ(oldest(line, 70s), ">10");
    line.count(2, start + 70s);
    line.enter("of an earlier listing", wall + 66s, start + 66s);
    EXPECT_EQ(oldest(line, 70s), ">10");
}

TEST(WaitingLine, CountsNoMoreThanTheListingSays) {
    waiting_line line;
    line.count(3, start);
    line.count(1, start + 2s);
    EXPECT_EQ(oldest(line, 3s), ">3");
    line.leave("x", true);
    EXPECT_EQ(oldest(line, 3s), "none");
}

TEST(WaitingLine, CountsJobsBeyondItsLimit) {
    waiting_line line;
    const auto all = waiting_line::known_max + 10;
    for (std::size_t i = 0; i < all; ++i) line.enter(std::to_string(i), wall, start);
    line.count(all, start + 2s);
    for (std::size_t i = 0; i < waiting_line::known_max; ++i) line.leave(std::to_string(i), true);
    EXPECT_EQ(oldest(line, 5s), ">3");
}

TEST(WaitingLine, StaysSmallHoweverOftenItIsCounted) {
    waiting_line line;
    for (int i = 1; i <= 100'000; ++i) line.count(static_cast<std::uint64_t>(i), start + i * 1s);
    EXPECT_EQ(oldest(line, 100'000s), ">99999");
    for (int i = 0; i < 100'000; ++i) line.leave("unknown", true);
    EXPECT_TRUE(line.empty());
}

}  // namespace
}  // namespace sluice::cli
