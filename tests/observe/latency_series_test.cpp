#include "server/observe/latency_series.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr auto waiting = latency_phase::waiting;

/// On the border of both kinds of slots.
const timestamp begin{std::chrono::seconds{1'700'000'400}};

class series_story {
public:
    void add(std::chrono::microseconds at, int count = 1) {
        for (int i = 0; i < count; ++i) series.record(waiting, 5ms, begin + at);
    }
    std::uint64_t counted(latency_window window, std::chrono::microseconds at) const {
        return series.window(window, begin + at)[static_cast<std::size_t>(waiting)].count();
    }
    std::uint64_t minute(std::chrono::microseconds at) const {
        return counted(latency_window::minute, at);
    }
    std::uint64_t hour(std::chrono::microseconds at) const {
        return counted(latency_window::hour, at);
    }

    latency_series series;
};

TEST(LatencySeries, KeepsPhasesApart) {
    latency_series series;
    series.record(latency_phase::enqueue, 1ms, begin);
    series.record(latency_phase::total, 9ms, begin);
    const auto all = series.window(latency_window::minute, begin);
    EXPECT_EQ(all[0].max(), 1ms);
    EXPECT_TRUE(all[1].empty());
    EXPECT_TRUE(all[2].empty());
    EXPECT_EQ(all[3].min(), 9ms);
}

TEST(LatencySeries, TheMinuteIsTheTenSecondsOfNowAndFiftyBefore) {
    series_story s;
    s.add(9s + 999ms);
    EXPECT_EQ(s.minute(10s), 1U);
    EXPECT_EQ(s.minute(60s - 1us), 1U);
    EXPECT_EQ(s.minute(60s), 0U);
    EXPECT_EQ(s.hour(60s), 1U);
    s.add(60s, 2);
    EXPECT_EQ(s.minute(60s), 2U);
    EXPECT_EQ(s.hour(60s), 3U);
    EXPECT_EQ(s.counted(latency_window::start, 60s), 3U);
}

TEST(LatencySeries, EachSampleIsInTheMinuteOnceWhileSlotsPass) {
    series_story s;
    for (int second = 0; second < 600; ++second) {
        s.add(second * 1s);
        const int complete = std::min(second + 1, second % 10 + 1 + 50);
        EXPECT_EQ(s.minute(second * 1s), static_cast<std::uint64_t>(complete)) << second;
        EXPECT_EQ(s.hour(second * 1s), static_cast<std::uint64_t>(second + 1)) << second;
        EXPECT_EQ(s.series.counts()[1].count, static_cast<std::uint64_t>(second + 1)) << second;
    }
}

TEST(LatencySeries, TheHourIsTheFiveMinutesOfNowAndFiftyFiveBefore) {
    series_story s;
    for (int minute = 0; minute < 180; ++minute) {
        s.add(minute * 1min);
        const int complete = std::min(minute + 1, minute % 5 + 1 + 55);
        EXPECT_EQ(s.hour(minute * 1min), static_cast<std::uint64_t>(complete)) << minute;
    }
    EXPECT_EQ(s.hour(179min + 60min), 0U);
    EXPECT_EQ(s.counted(latency_window::start, 179min), 180U);
}

TEST(LatencySeries, WhatComesAgainInTheRingBeginsAtNothing) {
    series_story s;
    s.add(0s, 7);
    s.add(24h);
    EXPECT_EQ(s.minute(24h), 1U);
    EXPECT_EQ(s.hour(24h), 1U);
    s.add(24h + 10s);
    EXPECT_EQ(s.hour(24h + 10s), 2U);
    EXPECT_EQ(s.counted(latency_window::start, 24h), 9U);
}

TEST(LatencySeries, LetsGoOfMemoryThatNoWindowReaches) {
    latency_series series;
    for (int i = 0; i < 3600; ++i)
        for (int j = 0; j < 20; ++j)
            series.record(waiting, std::chrono::microseconds{100 + j * j * 50}, begin + i * 1s);
    const auto heap = [&series] { return series.bytes() - sizeof series; };
    const auto busy = heap();
    series.record(waiting, 100us, begin + 24h);
    series.record(waiting, 100us, begin + 24h + 10s);
    EXPECT_LT(heap(), busy / 4);
    EXPECT_EQ(series.counts()[1].count, 72'002U);
}

}  // namespace
}  // namespace sluice
