#include "server/observe/slow_runs.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const timestamp begin{std::chrono::seconds{1'700'000'400}};

/// How many of so many runs at `now` are told.
int tell(slow_runs& runs, int count, timestamp now) {
    int told = 0;
    for (int i = 0; i < count; ++i) {
        if (!runs.may_tell(now)) continue;
        runs.add({});
        ++told;
    }
    return told;
}

TEST(SlowRuns, AFloodOfThemIsAFewLinesAndACount) {
    slow_runs runs;
    EXPECT_EQ(tell(runs, 1000, begin), 10);
    EXPECT_EQ(tell(runs, 1000, begin + 9s), 0);
    EXPECT_EQ(tell(runs, 3, begin + 10s), 3);
    const auto told = runs.take();
    ASSERT_EQ(told.size(), 13U);
    EXPECT_EQ(told[9].left_out, 0U);
    EXPECT_EQ(told[10].left_out, 1990U);
    EXPECT_EQ(told[11].left_out, 0U);
    EXPECT_TRUE(runs.take().empty());
}

TEST(SlowRuns, AFewAreAllTold) {
    slow_runs runs;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(tell(runs, 1, begin + i * 1s), 1);
    for (const auto& run : runs.take()) EXPECT_EQ(run.left_out, 0U);
}

}  // namespace
}  // namespace sluice
