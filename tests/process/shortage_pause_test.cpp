#include "server/process/shortage_pause.hpp"

#include <gtest/gtest.h>

namespace sluice::process {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::steady_clock::time_point begin{1000s};

TEST(ShortagePause, LastsAsLongAsTheShortageHasLasted) {
    shortage_pause pause;
    EXPECT_EQ(pause.not_started(begin), 1s);
    EXPECT_EQ(pause.not_started(begin + 10ms), 1s);  // many jobs meet the same shortage
    EXPECT_EQ(pause.not_started(begin + 5s), 5s);
    EXPECT_EQ(pause.not_started(begin + 100s), 1min);
    pause.started();
    EXPECT_EQ(pause.not_started(begin + 101s), 1s);
}

TEST(ShortagePause, BeginsAnewWhenNothingWasHeardOfTheShortageForLong) {
    shortage_pause pause;
    EXPECT_EQ(pause.not_started(begin), 1s);
    EXPECT_EQ(pause.not_started(begin + 2min), 1min);
    EXPECT_EQ(pause.not_started(begin + 4min), 1min);  // the control: the same shortage
    EXPECT_EQ(pause.not_started(begin + 6min + 1s), 1s);
    EXPECT_EQ(pause.not_started(begin + 6min + 4s), 3s);
}

TEST(ShortagePause, IsSpokenOfNowAndThen) {
    shortage_pause pause;
    EXPECT_TRUE(pause.worth_saying(begin));
    EXPECT_FALSE(pause.worth_saying(begin + 9s));
    EXPECT_TRUE(pause.worth_saying(begin + 10s));
}

}  // namespace
}  // namespace sluice::process
