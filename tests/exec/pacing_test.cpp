#include "server/worker/handlers/exec/pacing.hpp"

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::steady_clock::time_point begin{1000s};

TEST(RowTurns, AreEachAtATimeOfTheirOwnInOrder) {
    row_turns turns;
    EXPECT_EQ(turns.next(begin, 1), 250ms);
    EXPECT_EQ(turns.next(begin, 1), 500ms);
    EXPECT_EQ(turns.next(begin + 100ms, 1), 650ms);
    EXPECT_EQ(turns.next(begin + 1h, 1), 250ms);
}

TEST(RowTurns, FollowHowLongRunsTakeAndHowManyThereMayBe) {
    row_turns turns;
    for (int i = 0; i < 200; ++i) turns.ran(80ms);
    EXPECT_LE(turns.next(begin, 1), 21ms);
    EXPECT_GE(turns.next(begin + 1h, 1), 20ms);
    EXPECT_LE(turns.next(begin + 2h, 2), 11ms);
    EXPECT_EQ(turns.next(begin + 3h, 1000), 5ms);
    for (int i = 0; i < 200; ++i) turns.ran(1h);
    EXPECT_EQ(turns.next(begin + 4h, 1), 250ms);
}

TEST(RowTurns, KeepNobodyAwayForMoreThanAMinute) {
    row_turns turns;
    std::chrono::milliseconds longest{0};
    for (int i = 0; i < 10'000; ++i) longest = turns.next(begin, 1);
    EXPECT_EQ(longest, 1min);
}

}  // namespace
}  // namespace sluice::worker
