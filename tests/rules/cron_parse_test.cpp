#include "server/rules/cron.hpp"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;

/// Bits `low`, `low + step` ... up to `high`.
std::uint64_t bits(unsigned low, unsigned high, unsigned step = 1) {
    std::uint64_t set = 0;
    for (unsigned n = low; n <= high; n += step) set |= std::uint64_t{1} << n;
    return set;
}

cron_fields fields_of(std::string_view text) {
    const auto read = parse_cron_expression(text);
    EXPECT_TRUE(read) << text << ": " << (read ? "" : read.error().message);
    return read ? std::get<cron_fields>(*read) : cron_fields{};
}

std::chrono::seconds interval_of(std::string_view text) {
    const auto read = parse_cron_expression(text);
    EXPECT_TRUE(read) << text;
    return read ? std::get<std::chrono::seconds>(*read) : 0s;
}

/// Each key word must stand in the message of the error.
void expect_fault(std::string_view text, const std::vector<std::string>& words) {
    const auto read = cron_schedule::parse(text, "UTC");
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::invalid_request) << text;
    EXPECT_EQ(read.error().details, R"("field":"expression")") << text;
    for (const auto& word : words) {
        EXPECT_NE(read.error().message.find(word), std::string::npos)
            << text << ": " << read.error().message << " lacks " << word;
    }
}

TEST(CronParse, ReadsFiveFieldsAsMinuteHourDayMonthWeekday) {
    const auto fields = fields_of("1 2 3 4 5");
    EXPECT_EQ(fields.seconds, bits(0, 0));
    EXPECT_EQ(fields.minutes, bits(1, 1));
    EXPECT_EQ(fields.hours, bits(2, 2));
    EXPECT_EQ(fields.month_days, bits(3, 3));
    EXPECT_EQ(fields.months, bits(4, 4));
    EXPECT_EQ(fields.weekdays, bits(5, 5));
}

TEST(CronParse, ReadsASixthFieldInFrontAsTheSecond) {
    const auto fields = fields_of("  7\t1 2  3 4 5\n");
    EXPECT_EQ(fields.seconds, bits(7, 7));
    EXPECT_EQ(fields.minutes, bits(1, 1));
    EXPECT_EQ(fields.weekdays, bits(5, 5));
}

TEST(CronParse, ReadsStarsListsRangesAndSteps) {
    const auto fields = fields_of("*/15 1-5,20-23/2,7 10/10 * *");
    EXPECT_EQ(fields.minutes, bits(0, 45, 15));
    EXPECT_EQ(fields.hours, bits(1, 5) | bits(20, 22, 2) | bits(7, 7));
    EXPECT_EQ(fields.month_days, bits(10, 30, 10));
    EXPECT_EQ(fields.months, bits(1, 12));
    EXPECT_EQ(fields.weekdays, bits(0, 6));
    EXPECT_EQ(fields_of("59/59 * * * *").minutes, bits(59, 59));
    EXPECT_EQ(fields_of("0 0 * * */2").weekdays, bits(0, 6, 2));
}

TEST(CronParse, ReadsNamesInAnyCase) {
    const auto fields = fields_of("0 0 * jan,Feb-APR,dec Mon-fri");
    EXPECT_EQ(fields.months, bits(1, 4) | bits(12, 12));
    EXPECT_EQ(fields.weekdays, bits(1, 5));
}

TEST(CronParse, TakesZeroAndSevenForSunday) {
    EXPECT_EQ(fields_of("0 0 * * 0").weekdays, bits(0, 0));
    EXPECT_EQ(fields_of("0 0 * * 7").weekdays, bits(0, 0));
    EXPECT_EQ(fields_of("0 0 * * 5-7").weekdays, bits(5, 6) | bits(0, 0));
    EXPECT_EQ(fields_of("0 0 * * FRI-SUN").weekdays, bits(5, 6) | bits(0, 0));
    EXPECT_EQ(fields_of("0 0 * * SUN-TUE").weekdays, bits(0, 2));
    EXPECT_EQ(fields_of("0 0 * * SUN-SUN").weekdays, bits(0, 0));
    EXPECT_EQ(fields_of("0 0 * * 7/2").weekdays, bits(0, 0));
    EXPECT_EQ(fields_of("0 0 * * 0-7").weekdays, bits(0, 6));
}

TEST(CronParse, ReadsTheSpecialDays) {
    auto fields = fields_of("0 0 L,l-3,15W,1w,LW * ?");
    EXPECT_EQ(fields.before_last, bits(0, 0) | bits(3, 3));
    EXPECT_EQ(fields.near_days, bits(15, 15) | bits(1, 1));
    EXPECT_TRUE(fields.last_weekday);
    EXPECT_EQ(fields.month_days, 0U);
    fields = fields_of("0 0 ? * 5L,7L,sunl,FRI#3,7#1");
    EXPECT_EQ(fields.last_weekdays, bits(5, 5) | bits(0, 0));
    EXPECT_EQ(fields.nth_weekdays[3], bits(5, 5));
    EXPECT_EQ(fields.nth_weekdays[1], bits(0, 0));
    EXPECT_EQ(fields.weekdays, 0U);
}

TEST(CronParse, EitherDayIsEnoughOnlyWhenBothAreRestricted) {
    EXPECT_TRUE(fields_of("0 0 13 * FRI").either_day);
    EXPECT_TRUE(fields_of("0 0 L * 5#3").either_day);
    for (const auto* text : {"0 0 * * FRI", "0 0 13 * *", "0 0 */2 * FRI", "0 0 13 * */2",
                             "0 0 ? * FRI", "0 0 13 * ?", "0 0 ? * ?"}) {
        EXPECT_FALSE(fields_of(text).either_day) << text;
    }
}

TEST(CronParse, ReadsShorthands) {
    const auto same = [](std::string_view a, std::string_view b) {
        const auto x = fields_of(a);
        const auto y = fields_of(b);
        return x.minutes == y.minutes && x.hours == y.hours && x.month_days == y.month_days &&
               x.months == y.months && x.weekdays == y.weekdays && x.either_day == y.either_day;
    };
    EXPECT_TRUE(same("@yearly", "0 0 1 1 *"));
    EXPECT_TRUE(same("@annually", "0 0 1 1 *"));
    EXPECT_TRUE(same("@monthly", "0 0 1 * *"));
    EXPECT_TRUE(same("@weekly", "0 0 * * 0"));
    EXPECT_TRUE(same(" @daily ", "0 0 * * *"));
    EXPECT_TRUE(same("@Midnight", "0 0 * * *"));
    EXPECT_TRUE(same("@hourly", "0 * * * *"));
}

TEST(CronParse, ReadsIntervals) {
    EXPECT_EQ(interval_of("@every 1h30m"), 90min);
    EXPECT_EQ(interval_of("@every  45s"), 45s);
    EXPECT_EQ(interval_of("@EVERY 1h2m3s"), 3723s);
    EXPECT_EQ(interval_of("@every 90m0s"), 90min);
    EXPECT_EQ(interval_of("@every 876000h"), 876000h);
}

TEST(CronParse, RefusesBadIntervals) {
    for (const auto* text :
         {"@every 0s", "@every 500ms", "@every 1.5s", "@every 10", "@every h", "@every -1h",
          "@every 1h 30m x", "@every 1d", "@every 876000h1s", "@every 99999999999999999999h"}) {
        expect_fault(text, {"@every", "such as"});
    }
    expect_fault("@every", {"@every takes one duration"});
    expect_fault("@every 1h 30m", {"@every takes one duration"});
}

TEST(CronParse, RefusesUnknownShorthandsAndWhatFollowsOne) {
    expect_fault("@reboot", {"'@reboot'", "shorthand", "@daily", "@every"});
    expect_fault("@", {"shorthand"});
    expect_fault("@daily 5", {"@daily", "stands alone"});
}

TEST(CronParse, RefusesAnythingButFiveOrSixFields) {
    expect_fault("", {"empty"});
    expect_fault(" \t\n", {"empty"});
    expect_fault("*", {"5 fields", "6", "not 1"});
    expect_fault("not a valid cron", {"not 4"});
    expect_fault("0 0 0 0 0 0 0", {"not 7"});
    expect_fault(std::string(1025, '*'), {"longer", "1024"});
}

TEST(CronParse, NamesTheFieldTheValueAndWhatIsAllowed) {
    expect_fault("99 25 32 13 8", {"'99'", "minute field", "out of range", "0 to 59"});
    expect_fault("0 24 * * *", {"'24'", "hour field", "0 to 23"});
    expect_fault("0 0 0 * *", {"'0'", "day-of-month field", "1 to 31", "15W"});
    expect_fault("0 0 32 * *", {"'32'", "day-of-month field", "1 to 31"});
    expect_fault("0 0 * 0 *", {"'0'", "month field", "1 to 12", "JAN"});
    expect_fault("0 0 * 13 *", {"'13'", "month field", "1 to 12"});
    expect_fault("0 0 * * 8", {"'8'", "day-of-week field", "0 to 7", "SUN", "5#3"});
    expect_fault("60 0 0 * * *", {"'60'", "second field", "0 to 59"});
    expect_fault("99999999999999999999 * * * *", {"minute field", "out of range"});
}

TEST(CronParse, RefusesWhatIsNoValue) {
    expect_fault("x * * * *", {"'x'", "minute field", "not understood"});
    expect_fault("JAN * * * *", {"'JAN'", "minute field"});
    expect_fault("0 0 * MON *", {"'MON'", "month field", "JAN to DEC"});
    expect_fault("0 0 * * JAN", {"'JAN'", "day-of-week field"});
    expect_fault("? * * * *", {"'?'", "minute field"});
    expect_fault("0 0 1,? * *", {"'?'", "day-of-month field"});
    expect_fault("+1 * * * *", {"'+1'"});
    expect_fault("** * * * *", {"'**'"});
    expect_fault("1.5 * * * *", {"'1.5'"});
    expect_fault("L * * * *", {"'L'", "minute field"});
    expect_fault(std::string_view{"\0 * * * *", 9}, {"minute field", "not understood"});
    expect_fault("\xFF\xFE * * * *", {"minute field", "not understood"});
    expect_fault(std::string(500, 'x') + " * * * *", {"xxx...'", "minute field"});
}

TEST(CronParse, RefusesEmptyItemsAndEnds) {
    expect_fault(", * * * *", {"','", "minute field", "empty item"});
    expect_fault("1, * * * *", {"'1,'", "empty item"});
    expect_fault("0 1,,2 * * *", {"'1,,2'", "hour field", "empty item"});
    expect_fault("-5 * * * *", {"minute field", "lacks a value"});
    expect_fault("5- * * * *", {"minute field", "lacks a value"});
    expect_fault("/5 * * * *", {"minute field", "lacks a value"});
    expect_fault("0 0 * * L", {"day-of-week field", "needs a weekday"});
    expect_fault("0 0 * * #2", {"day-of-week field", "lacks a value"});
}

TEST(CronParse, RefusesReversedRanges) {
    expect_fault("0 17-9 * * *", {"'17-9'", "hour field", "reversed"});
    expect_fault("0 0 * DEC-JAN *", {"'DEC-JAN'", "month field", "reversed"});
    expect_fault("0 0 * * SAT-MON", {"'SAT-MON'", "day-of-week field", "reversed"});
    expect_fault("0 0 * * 5-0", {"'5-0'", "reversed"});
}

TEST(CronParse, RefusesBadSteps) {
    expect_fault("*/0 * * * *", {"'*/0'", "minute field", "step", "1 to 59"});
    expect_fault("*/60 * * * *", {"step", "1 to 59"});
    expect_fault("0 */24 * * *", {"hour field", "step", "1 to 23"});
    expect_fault("*/ * * * *", {"step"});
    expect_fault("*/x * * * *", {"step"});
    expect_fault("*/-1 * * * *", {"step"});
    expect_fault("*/5/5 * * * *", {"step"});
    expect_fault("0 0 * */13 *", {"month field", "step", "1 to 12"});
}

TEST(CronParse, RefusesBadSpecialDays) {
    expect_fault("0 0 L-31 * *", {"'L-31'", "day-of-month field", "L-1 to L-30"});
    expect_fault("0 0 L-0 * *", {"L-1 to L-30"});
    expect_fault("0 0 L-3W * *", {"L-1 to L-30"});
    expect_fault("0 0 32W * *", {"'32'", "day-of-month field", "out of range"});
    expect_fault("0 0 W * *", {"'W'", "day-of-month field"});
    expect_fault("0 0 1-5W * *", {"'1-5'", "day-of-month field"});
    expect_fault("0 0 L/2 * *", {"'L'", "day-of-month field"});
    expect_fault("0 0 * * 8L", {"'8'", "day-of-week field", "out of range"});
    expect_fault("0 0 * * 5#0", {"'5#0'", "day-of-week field", "1 to 5"});
    expect_fault("0 0 * * 5#6", {"'5#6'", "1 to 5"});
    expect_fault("0 0 * * 5#", {"'5#'", "1 to 5"});
    expect_fault("0 0 * * 1-5#2", {"'1-5'", "day-of-week field"});
}

TEST(CronParse, RefusesWhatCanNeverFire) {
    for (const auto* text : {"0 0 30 2 *", "0 0 30,31 FEB *", "0 0 31 4,6 *", "0 0 31 4,6,9,11 ?",
                             "0 0 30W 2 *", "0 0 L-30 4 *", "0 0 31 9 */2"}) {
        expect_fault(text, {"never fires"});
    }
}

TEST(CronParse, TakesWhatFiresSeldom) {
    for (const auto* text : {"0 0 29 2 *", "0 0 29 2 */6", "0 0 31 1,2 *", "0 0 30 2 MON",
                             "0 0 L-29 1 *", "0 0 29 2 */4", "0 0 ? 2 1#5", "0 0 L-28 2 *"}) {
        EXPECT_TRUE(cron_schedule::parse(text, "UTC")) << text;
    }
}

TEST(CronParse, KnowsExactlyWhichDaysExist) {
    // Each month and day that the calendar has, and no other.
    constexpr std::array<int, 13> longest{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 1; month <= 12; ++month) {
        for (int day = 1; day <= 31; ++day) {
            const auto text = "0 0 " + std::to_string(day) + " " + std::to_string(month) + " *";
            EXPECT_EQ(cron_schedule::parse(text, "UTC").has_value(),
                      day <= longest[static_cast<std::size_t>(month)])
                << text;
        }
    }
}

}  // namespace
}  // namespace sluice::rules
