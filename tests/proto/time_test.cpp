#include "proto/time.hpp"

#include <gtest/gtest.h>

#include <array>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

timestamp at(std::int64_t microseconds) {
    return timestamp{std::chrono::microseconds{microseconds}};
}

TEST(Timestamp, IsWrittenInUtcWithSixDecimals) {
    EXPECT_EQ(format_timestamp(at(0)), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(format_timestamp(at(1'770'892'200'000'123)), "2026-02-12T10:30:00.000123Z");
    EXPECT_EQ(format_timestamp(at(951'782'399'999'999)), "2000-02-28T23:59:59.999999Z");
    EXPECT_EQ(format_timestamp(at(951'782'400'000'000)), "2000-02-29T00:00:00.000000Z");
    EXPECT_EQ(format_timestamp(at(253'402'300'799'999'999)), "9999-12-31T23:59:59.999999Z");
}

TEST(Timestamp, ReadsRfc3339) {
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 14> table{{
        {"1970-01-01T00:00:00Z", 0},
        {"2026-02-12T10:30:00Z", 1'770'892'200'000'000},
        {"2026-02-12t10:30:00z", 1'770'892'200'000'000},
        {"2026-02-12T10:30:00.5Z", 1'770'892'200'500'000},
        {"2026-02-12T10:30:00.000123Z", 1'770'892'200'000'123},
        {"2026-02-12T10:30:00.0001239999Z", 1'770'892'200'000'123},
        {"2026-02-12T12:30:00+02:00", 1'770'892'200'000'000},
        {"2026-02-12T05:00:00-05:30", 1'770'892'200'000'000},
        {"2026-02-12T10:30:00-00:00", 1'770'892'200'000'000},
        {"1970-01-01T01:00:00+01:00", 0},
        {"2000-02-29T00:00:00Z", 951'782'400'000'000},
        {"2024-02-29T23:59:59.999999Z", 1'709'251'199'999'999},
        {"9999-12-31T23:59:59.999999Z", 253'402'300'799'999'999},
        {"2026-02-13T09:29:00+22:59", 1'770'892'200'000'000},
    }};
    for (const auto& [text, microseconds] : table) {
        const auto time = parse_timestamp(text);
        ASSERT_TRUE(time) << text;
        EXPECT_EQ(time->time_since_epoch().count(), microseconds) << text;
    }
}

TEST(Timestamp, RefusesEverythingElse) {
    constexpr std::array<std::string_view, 31> table{
        "",
        "2026-02-12",
        "2026-02-12T10:30:00",
        "2026-02-12 10:30:00Z",
        "2026-02-12T10:30Z",
        "2026-02-12T10:30:00.Z",
        "2026-02-12T10:30:00,5Z",
        "2026-02-12T10:30:00+0200",
        "2026-02-12T10:30:00+02",
        "2026-02-12T10:30:00+24:00",
        "2026-02-12T10:30:00+02:60",
        "2026-02-12T24:00:00Z",
        "2026-02-12T10:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-12T00:00:00Z",
        "2026-13-12T00:00:00Z",
        "2026-02-00T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "+2026-02-12T10:30:00Z",
        "-2026-02-12T10:30:00Z",
        "2026-02-12T10:30:00Z ",
        " 2026-02-12T10:30:00Z",
        "2026-02-12T10:30:00ZZ",
        "1770892200",
        "2026-02-1\xD9\xA2T10:30:00Z",
    };
    for (const auto text : table) EXPECT_FALSE(parse_timestamp(text)) << text;
}

TEST(Timestamp, SurvivesWritingAndReadingOnEveryDayOfFourCenturies) {
    for (auto time = at(86'399'999'999); time < at(0) + std::chrono::days{366 * 400};
         time += std::chrono::days{1})
        ASSERT_EQ(parse_timestamp(format_timestamp(time)), time) << format_timestamp(time);
}

TEST(IsoDuration, IsReadToTheMillisecond) {
    const std::array<std::pair<std::string_view, std::chrono::milliseconds>, 17> table{{
        {"PT0S", 0ms},
        {"PT1S", 1s},
        {"PT0.5S", 500ms},
        {"PT1,25S", 1250ms},
        {"PT1.0009S", 1s},
        {"PT5M", 5min},
        {"PT90S", 90s},
        {"PT1H", 1h},
        {"PT24H", 24h},
        {"P1D", 24h},
        {"P1DT2H", 26h},
        {"P1W", 168h},
        {"P1W1DT1H1M1.001S", 168h + 24h + 1h + 1min + 1001ms},
        {"PT1H30S", 1h + 30s},
        {"PT007S", 7s},
        {"P366000D", std::chrono::days{366'000}},
        {"PT000000000000000000000001S", 1s},
    }};
    for (const auto& [text, duration] : table) {
        const auto read = parse_iso_duration(text);
        ASSERT_TRUE(read) << text;
        EXPECT_EQ(*read, duration) << text;
    }
}

TEST(IsoDuration, RefusesEverythingElse) {
    constexpr std::array<std::string_view, 28> table{
        "",       "P",       "PT",       "P1DT",
        "1S",     "PT1",     "T1S",      "P1S",
        "PT1D",   "P1Y",     "P1M",      "PT-1S",
        "-PT1S",  "+PT1S",   "pt1s",     "PT1s",
        "PT1.S",  "PT.5S",   "PT1.5M",   "P1.5D",
        "PT1S1M", "PT1M1H",  "PT1S ",    " PT1S",
        "PT1S1S", "P1DTT1S", "P366001D", "PT99999999999999999999999999S",
    };
    for (const auto text : table) EXPECT_FALSE(parse_iso_duration(text)) << text;
}

TEST(IsoDuration, IsWrittenInItsShortForm) {
    EXPECT_EQ(format_iso_duration(0ms), "PT0S");
    EXPECT_EQ(format_iso_duration(1s), "PT1S");
    EXPECT_EQ(format_iso_duration(500ms), "PT0.5S");
    EXPECT_EQ(format_iso_duration(1010ms), "PT1.01S");
    EXPECT_EQ(format_iso_duration(90s), "PT1M30S");
    EXPECT_EQ(format_iso_duration(5min), "PT5M");
    EXPECT_EQ(format_iso_duration(24h), "PT24H");
    EXPECT_EQ(format_iso_duration(1h + 1ms), "PT1H0.001S");
    for (const auto each : {1ms, 999ms, 59'999ms, 60'000ms, 3'600'000ms, 86'399'999ms})
        EXPECT_EQ(parse_iso_duration(format_iso_duration(each)), each);
}

TEST(TimestampOrOffset, CountsFromNowAfterAPlus) {
    const auto now = at(1'000'000);
    EXPECT_EQ(parse_timestamp_or_offset("+PT2S", now), now + 2s);
    EXPECT_EQ(parse_timestamp_or_offset("1970-01-01T00:00:05Z", now), at(5'000'000));
    EXPECT_FALSE(parse_timestamp_or_offset("PT2S", now));
    EXPECT_FALSE(parse_timestamp_or_offset("+", now));
    EXPECT_FALSE(parse_timestamp_or_offset("+PT-2S", now));
    EXPECT_FALSE(parse_timestamp_or_offset("++PT2S", now));
    EXPECT_FALSE(parse_timestamp_or_offset("-PT2S", now));
    // Beyond the year 9999 nothing can be written.
    EXPECT_FALSE(parse_timestamp_or_offset("+PT2S", at(253'402'300'799'000'000)));
}

}  // namespace
}  // namespace sluice
