#include "client/cli/text.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;

TEST(ParseDuration, TakesANumberAndAUnit) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("0.5s"), 500ms);
    EXPECT_EQ(parse_duration("1.5s"), 1500ms);
    EXPECT_EQ(parse_duration("2m"), 2min);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("80us"), 80us);
    EXPECT_EQ(parse_duration("80µs"), 80us);
    EXPECT_EQ(parse_duration("7ns"), 7ns);
    EXPECT_EQ(parse_duration("0"), 0ns);
    EXPECT_EQ(parse_duration("0s"), 0ns);
}

TEST(ParseDuration, RefusesEverythingElse) {
    for (const auto* text : {"", "s", "5", "-1s", "+1s", "1 s", "1sec", "1e3s", ".5s", "1..2s",
                             "1.2.3s", "nan", "inf", "0x10s", "1001h", "1s ", " 1s"}) {
        EXPECT_FALSE(parse_duration(text).has_value()) << text;
    }
}

TEST(ParseSpan, TakesARangeOrOneDuration) {
    EXPECT_EQ(parse_span("0.5s..1.5s"), (span{500ms, 1500ms}));
    EXPECT_EQ(parse_span("1s"), (span{1s, 1s}));
    EXPECT_EQ(parse_span("0..10ms"), (span{0ms, 10ms}));
    EXPECT_EQ(parse_span("1s..1s"), (span{1s, 1s}));
}

TEST(ParseSpan, RefusesARangeThatRunsBackwardsOrLacksAnEnd) {
    for (const auto* text :
         {"", "..", "1s..", "..1s", "2s..1s", "1s...2s", "1s..2s..3s", "1..2s"}) {
        EXPECT_FALSE(parse_span(text).has_value()) << text;
    }
}

TEST(ParseCount, TakesSeparatorsAndSuffixes) {
    EXPECT_EQ(parse_count("0"), 0U);
    EXPECT_EQ(parse_count("20000"), 20'000U);
    EXPECT_EQ(parse_count("20,000"), 20'000U);
    EXPECT_EQ(parse_count("20_000"), 20'000U);
    EXPECT_EQ(parse_count("20k"), 20'000U);
    EXPECT_EQ(parse_count("1.5k"), 1500U);
    EXPECT_EQ(parse_count("2m"), 2'000'000U);
    for (const auto* text : {"", "-1", "1.5", "k", "1kk", "1e3", "99999999999999", ",", "ten"}) {
        EXPECT_FALSE(parse_count(text).has_value()) << text;
    }
}

TEST(ParseRate, IsAboveZeroAndMayBeAFraction) {
    EXPECT_EQ(parse_rate("5000"), 5000.0);
    EXPECT_EQ(parse_rate("5k"), 5000.0);
    EXPECT_EQ(parse_rate("5k/s"), 5000.0);
    EXPECT_EQ(parse_rate("0.5"), 0.5);
    for (const auto* text : {"", "0", "-1", "/s", "5/m", "2000000", "fast"}) {
        EXPECT_FALSE(parse_rate(text).has_value()) << text;
    }
}

TEST(FormatCount, GroupsDigits) {
    EXPECT_EQ(format_count(0), "0");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_count(1000), "1,000");
    EXPECT_EQ(format_count(1234567), "1,234,567");
}

TEST(FormatLatency, ShowsThreeDigitsThatMatter) {
    EXPECT_EQ(format_latency(0ns), "0ms");
    EXPECT_EQ(format_latency(34us), "0.034ms");
    EXPECT_EQ(format_latency(99'499ns), "0.099ms");
    EXPECT_EQ(format_latency(210us), "0.21ms");
    EXPECT_EQ(format_latency(4700us), "4.70ms");
    EXPECT_EQ(format_latency(38'200us), "38.2ms");
    EXPECT_EQ(format_latency(104ms), "104ms");
    EXPECT_EQ(format_latency(1230ms), "1.23s");
    EXPECT_EQ(format_latency(75s), "75.0s");
    EXPECT_EQ(format_latency(120s), "120s");
    EXPECT_EQ(format_latency(1204s), "1,204s");
}

TEST(FormatLatency, NeverRoundsIntoAForthDigit) {
    EXPECT_EQ(format_latency(99'600ns), "0.10ms");
    EXPECT_EQ(format_latency(9'996us), "10.0ms");
    EXPECT_EQ(format_latency(99'960us), "100ms");
    EXPECT_EQ(format_latency(999'600us), "1.00s");
    EXPECT_EQ(format_latency(9'999ms), "10.0s");
}

TEST(FormatDuration, SpeaksAsPeopleType) {
    EXPECT_EQ(format_duration(0ns), "0");
    EXPECT_EQ(format_duration(250ms), "250ms");
    EXPECT_EQ(format_duration(1500ms), "1.5s");
    EXPECT_EQ(format_duration(2min), "2m");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(1h), "1h");
    EXPECT_EQ(format_duration(1h + 1ms), "3600.001s");
    EXPECT_EQ(format_duration(80us), "80us");
    EXPECT_EQ(format_duration(5ns), "5ns");
    EXPECT_EQ(format_span({500ms, 1500ms}), "500ms..1.5s");
    EXPECT_EQ(format_span({1s, 1s}), "1s");
}

TEST(FormatRate, DropsDecimalsThatSayNothing) {
    EXPECT_EQ(format_rate(0.5), "0.5");
    EXPECT_EQ(format_rate(5), "5");
    EXPECT_EQ(format_rate(12.34), "12.3");
    EXPECT_EQ(format_rate(250), "250");
    EXPECT_EQ(format_rate(4998.4), "4,998");
}

TEST(EditDistance, CountsStepsAndASwapAsOne) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("produce", "produce"), 0U);
    EXPECT_EQ(edit_distance("produec", "produce"), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance("gte", "get"), 1U);
}

TEST(Nearest, OffersOnlyWhatMayHaveBeenMeant) {
    const std::vector<std::string> commands{"produce", "job", "dead", "queue", "health"};
    EXPECT_EQ(nearest("prodcue", commands), "produce");
    EXPECT_EQ(nearest("jbo", commands), "job");
    EXPECT_EQ(nearest("heal", commands), "health");
    EXPECT_FALSE(nearest("frobnicate", commands).has_value());
    EXPECT_FALSE(nearest("x", {}).has_value());
}

TEST(Printable, LetsNoControlSequenceThrough) {
    EXPECT_EQ(printable("plain äöü → ok"), "plain äöü → ok");
    EXPECT_EQ(printable("a\x1b[31mred\nline\ttab\x7f"), "a?[31mred?line?tab?");
    EXPECT_EQ(printable("\xff\xc3"), "??");
    EXPECT_EQ(printable("\xc2\x9b"), "?");  // the one-character form of ESC [
}

TEST(Clip, CutsBetweenCharactersAndMarksIt) {
    EXPECT_EQ(clip("short", 5, "…"), "short");
    EXPECT_EQ(clip("longer", 5, "…"), "long…");
    EXPECT_EQ(clip("äöüäöü", 4, "…"), "äöü…");
    EXPECT_EQ(clip("longer", 5, "..."), "lo...");
    EXPECT_EQ(columns_of("äöü→"), 4U);
}

}  // namespace
}  // namespace sluice::cli
