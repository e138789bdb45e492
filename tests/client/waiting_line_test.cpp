#include "client/cli/top/waiting_line.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using clock = waiting_line::clock;

const clock::time_point begun{1000s};
const timestamp begun_wall{500'000s};

std::string oldest(const waiting_line& line, std::chrono::nanoseconds at) {
    const auto age =
        line.oldest(begun + at, begun_wall + std::chrono::ceil<std::chrono::microseconds>(at));
    if (!age) return "none";
    return (age->at_least ? ">" : "") +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age->time).count());
}

TEST(WaitingLine, KnowsTheAgeOfJobsItSawComing) {
    waiting_line line;
    EXPECT_EQ(oldest(line, 0s), "none");
    line.enter("a", begun_wall, begun);
    line.enter("b", begun_wall + 3s, begun + 3s);
    line.enter("a", begun_wall + 9s, begun + 9s);  // told twice
    EXPECT_EQ(oldest(line, 10s), "10");
    line.leave("a", true);
    EXPECT_EQ(oldest(line, 10s), "7");
    line.leave("b", false);
    EXPECT_EQ(oldest(line, 10s), "none");
    EXPECT_TRUE(line.empty());
}

TEST(WaitingLine, KnowsOfOthersSinceWhenTheyWereCounted) {
    waiting_line line;
    line.count(2, begun + 1s);
    EXPECT_EQ(oldest(line, 5s), ">4");
    line.count(3, begun + 3s);
    EXPECT_EQ(oldest(line, 5s), ">4");
    line.leave("x", true);
    line.leave("y", true);
    EXPECT_EQ(oldest(line, 5s), ">2");
    line.leave("z", false);  // it may not have been waiting
    EXPECT_EQ(oldest(line, 5s), ">2");
    line.count(0, begun + 6s);
    EXPECT_EQ(oldest(line, 7s), "none");
}

TEST(WaitingLine, TellsTheOlderOfTheTwoKinds) {
    waiting_line line;
    line.enter("a", begun_wall + 2s, begun + 2s);
    line.count(2, begun + 4s);
    EXPECT_EQ(oldest(line, 10s), "8");
    line.leave("a", true);
    EXPECT_EQ(oldest(line, 10s), ">6");
}

TEST(WaitingLine, KnowsAJobAgainThatWasCountedBeforeItsEventCame) {
    waiting_line line;
    for (int second = 1; second < 60; ++second) {
        line.count(1, begun + second * 1s);
        line.enter(std::to_string(second), begun_wall + second * 1s, begun + second * 1s);
        EXPECT_EQ(oldest(line, second * 1s + 500ms), "0") << second;
        line.leave(std::to_string(second), true);
        EXPECT_TRUE(line.empty());
    }
    // The control: one that came later was not counted.
    line.count(1, begun + 60s);
    line.enter("late", begun_wall + 62s, begun + 62s);
    EXPECT_EQ(oldest(line, 70s), ">10");
    line.count(2, begun + 70s);
    line.enter("of an earlier listing", begun_wall + 66s, begun + 66s);
    EXPECT_EQ(oldest(line, 70s), ">10");
}

TEST(WaitingLine, CountsNoMoreThanTheListingSays) {
    waiting_line line;
    line.count(3, begun);
    line.count(1, begun + 2s);
    EXPECT_EQ(oldest(line, 3s), ">3");
    line.leave("x", true);
    EXPECT_EQ(oldest(line, 3s), "none");
}

TEST(WaitingLine, CountsJobsBeyondItsLimit) {
    waiting_line line;
    const auto all = waiting_line::known_max + 10;
    for (std::size_t i = 0; i < all; ++i) line.enter(std::to_string(i), begun_wall, begun);
    line.count(all, begun + 2s);
    for (std::size_t i = 0; i < waiting_line::known_max; ++i) line.leave(std::to_string(i), true);
    EXPECT_EQ(oldest(line, 5s), ">3");
}

TEST(WaitingLine, StaysSmallHoweverOftenItIsCounted) {
    waiting_line line;
    for (int i = 1; i <= 100'000; ++i) line.count(static_cast<std::uint64_t>(i), begun + i * 1s);
    EXPECT_EQ(oldest(line, 100'000s), ">99999");
    for (int i = 0; i < 100'000; ++i) line.leave("unknown", true);
    EXPECT_TRUE(line.empty());
}

}  // namespace
}  // namespace sluice::cli
