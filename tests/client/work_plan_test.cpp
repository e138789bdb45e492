#include "client/cli/work_plan.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

TEST(WorkPlan, MakesTheSameJobsFromTheSameSeed) {
    work_options options;
    options.seed = 42;
    options.pause = {250ms, 750ms};
    options.interval = span{500ms, 1500ms};
    const work_plan one{options};
    const work_plan same{options};
    options.seed = 43;
    const work_plan other{options};
    std::set<std::string> seen;
    bool differs = false;
    for (std::uint64_t i = 0; i < 50; ++i) {
        EXPECT_EQ(one.args(i), same.args(i));
        EXPECT_EQ(one.interval(i), same.interval(i));
        differs = differs || one.args(i) != other.args(i);
        seen.insert(one.args(i));
    }
    EXPECT_TRUE(differs);
    EXPECT_GT(seen.size(), 40U);
}

TEST(WorkPlan, StaysWithinItsRanges) {
    work_options options;
    options.pause = {250ms, 750ms};
    options.interval = span{500ms, 1500ms};
    const work_plan plan{options};
    nanoseconds shortest = 1h;
    nanoseconds longest = 0ns;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        const auto work = read_square_args(plan.args(i));
        ASSERT_TRUE(work.has_value()) << plan.args(i);
        EXPECT_GE(work->number, 1);
        EXPECT_LE(work->number, 100);
        EXPECT_GE(work->pause, 250ms);
        EXPECT_LE(work->pause, 750ms);
        EXPECT_GE(plan.interval(i), 500ms);
        EXPECT_LE(plan.interval(i), 1500ms);
        shortest = std::min(shortest, plan.interval(i));
        longest = std::max(longest, plan.interval(i));
    }
    EXPECT_LT(shortest, 510ms);
    EXPECT_GT(longest, 1490ms);
}

TEST(WorkPlan, SendsGivenArgumentsAsTheyAre) {
    work_options options;
    options.args = "[ 1e400 ]";
    EXPECT_EQ(work_plan{options}.args(7), "[ 1e400 ]");
    options.args.clear();
    options.type = "other";
    EXPECT_EQ(work_plan{options}.args(7), "[]");
}

TEST(SendSchedule, HasAllProducersShareOneRate) {
    work_options options;
    options.count = 3;
    options.rate = 100;
    send_schedule schedule{work_plan{options}, 2};
    EXPECT_EQ(schedule.next(0)->at, 0ns);
    EXPECT_EQ(schedule.next(1)->at, 10ms);
    const auto last = schedule.next(1);
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(last->index, 2U);
    EXPECT_EQ(last->at, 20ms);
    EXPECT_FALSE(schedule.next(0).has_value());
    EXPECT_EQ(schedule.handed_out(), 3U);
}

TEST(SendSchedule, GivesEachProducerItsOwnIntervals) {
    work_options options;
    options.count = 4;
    options.interval = span{1s, 1s};
    send_schedule schedule{work_plan{options}, 2};
    EXPECT_EQ(schedule.next(0)->at, 0s);
    EXPECT_EQ(schedule.next(1)->at, 0s);
    EXPECT_EQ(schedule.next(0)->at, 1s);
    EXPECT_EQ(schedule.next(0)->at, 2s);
    EXPECT_FALSE(schedule.next(1).has_value());
}

TEST(SendSchedule, HasNoTimesWithoutAPaceAndNoEndWithoutACount) {
    work_options options;
    options.count = 0;
    send_schedule schedule{work_plan{options}, 1};
    for (int i = 0; i < 1000; ++i) {
        const auto slot = schedule.next(0);
        ASSERT_TRUE(slot.has_value());
        EXPECT_FALSE(slot->at.has_value());
    }
}

TEST(SendSchedule, EndsWithItsDurationAndHoldsItsRateUntilThen) {
    work_options options;
    options.count = 0;
    options.rate = 1000;
    options.duration = 250ms;
    send_schedule schedule{work_plan{options}, 1};
    for (int i = 0; i < 250; ++i) EXPECT_EQ(schedule.next(0)->at, 1ms * i);
    EXPECT_FALSE(schedule.next(0).has_value());
    EXPECT_EQ(schedule.handed_out(), 250U);
}

std::vector<nanoseconds> poisson_times(std::uint64_t seed) {
    work_options options;
    options.count = 0;
    options.rate = 2000;
    options.poisson = true;
    options.duration = 10s;
    options.seed = seed;
    send_schedule schedule{work_plan{options}, 1};
    std::vector<nanoseconds> times;
    while (const auto slot = schedule.next(0)) times.push_back(*slot->at);
    return times;
}

TEST(SendSchedule, SpreadsPoissonArrivalsAsTheirSeedSays) {
    const auto times = poisson_times(1);
    EXPECT_EQ(times, poisson_times(1));
    EXPECT_NE(times, poisson_times(2));
    // 20,000 are expected; the deviation of their number is the root of it, 141.
    EXPECT_NEAR(static_cast<double>(times.size()), 20'000, 5 * 141);
    double sum = 0;
    double squares = 0;
    std::size_t long_gaps = 0;
    for (std::size_t i = 1; i < times.size(); ++i) {
        ASSERT_GE(times[i], times[i - 1]);
        const double gap = std::chrono::duration<double>(times[i] - times[i - 1]).count() * 2000;
        sum += gap;
        squares += gap * gap;
        long_gaps += gap > 1 ? 1 : 0;
    }
    const auto count = static_cast<double>(times.size() - 1);
    const double mean = sum / count;
    // Exponential gaps: as large a deviation as their mean, and 1/e of them above it.
    EXPECT_NEAR(std::sqrt(squares / count - mean * mean) / mean, 1, 0.05);
    EXPECT_NEAR(static_cast<double>(long_gaps) / count, std::exp(-1), 0.02);
    EXPECT_LT(times.back(), 10s);
}

TEST(ReadSquareArgs, TakesANumberAndAPauseInMilliseconds) {
    const auto work = read_square_args("[7, 1.5]");
    ASSERT_TRUE(work.has_value());
    EXPECT_EQ(work->number, 7);
    EXPECT_EQ(work->pause, 1500us);
    EXPECT_EQ(read_square_args("[-2]")->pause, 0ns);
    for (const auto* text : {"[]", "[1,2,3]", "[\"7\"]", "7", "[7,-1]", "[7", "{}", "[1e999]"}) {
        EXPECT_FALSE(read_square_args(text).has_value()) << text;
    }
}

TEST(FormatNumber, WritesWholeNumbersWithoutDecimals) {
    EXPECT_EQ(format_number(49), "49");
    EXPECT_EQ(format_number(0.25), "0.25");
    EXPECT_EQ(format_number(-3), "-3");
}

}  // namespace
}  // namespace sluice::cli
