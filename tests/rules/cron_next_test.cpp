#include "server/rules/cron.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;

timestamp time_of(const std::string& text) {
    return parse_timestamp(text.size() == 10 ? text + "T00:00:00Z" : text + ":00Z").value();
}

cron_schedule schedule_of(std::string_view expression) {
    auto read = cron_schedule::parse(expression, "UTC");
    EXPECT_TRUE(read) << expression << ": " << (read ? "" : read.error().message);
    return read.value();
}

/// The next times as "2026-02-12T10:30", without seconds.
std::vector<std::string> times(std::string_view expression, const std::string& after,
                               std::size_t count) {
    const auto schedule = schedule_of(expression);
    std::vector<std::string> list;
    for (auto at = schedule.next_run(time_of(after)); at; at = schedule.next_run(*at)) {
        list.push_back(format_timestamp(*at).substr(0, 16));
        if (list.size() == count) break;
    }
    return list;
}

/// The same at midnight, as days.
std::vector<std::string> dates(const std::string& days, const std::string& after,
                               std::size_t count) {
    auto list = times("0 0 " + days, after, count);
    for (auto& at : list) {
        EXPECT_EQ(at.substr(10), "T00:00");
        at.resize(10);
    }
    return list;
}

using list = std::vector<std::string>;

TEST(CronNext, IsStrictlyAfterTheGivenTime) {
    const auto schedule = schedule_of("30 10 * * *");
    const auto due = time_of("2026-02-12T10:30");
    EXPECT_EQ(schedule.next_run(due - 1us), due);
    EXPECT_EQ(schedule.next_run(due - 1s), due);
    EXPECT_EQ(schedule.next_run(due), due + 24h);
    EXPECT_EQ(schedule.next_run(due + 1us), due + 24h);
}

TEST(CronNext, CountsSecondsWithSixFields) {
    const auto schedule = schedule_of("*/20 59 23 * * *");
    const auto midnight = time_of("2026-03-01");
    EXPECT_EQ(schedule.next_run(midnight - 60s), midnight - 40s);
    EXPECT_EQ(schedule.next_run(midnight - 40s + 500ms), midnight - 20s);
    EXPECT_EQ(schedule.next_run(midnight - 20s), midnight + 24h - 60s);
    EXPECT_EQ(schedule_of("* * * * * *").next_run(midnight), midnight + 1s);
}

TEST(CronNext, CarriesFromMinuteToHourToDay) {
    EXPECT_EQ(
        times("15,45 9,17 * * *", "2026-02-12T09:15", 4),
        (list{"2026-02-12T09:45", "2026-02-12T17:15", "2026-02-12T17:45", "2026-02-13T09:15"}));
    EXPECT_EQ(times("15 9 * * *", "2026-02-12T09:30", 1), (list{"2026-02-13T09:15"}));
}

TEST(CronNext, CrossesTheEndOfAYear) {
    EXPECT_EQ(times("59 23 31 12 *", "2025-12-31T23:58", 2),
              (list{"2025-12-31T23:59", "2026-12-31T23:59"}));
    EXPECT_EQ(times("*/30 * * * *", "2025-12-31T23:30", 1), (list{"2026-01-01T00:00"}));
    EXPECT_EQ(dates("1 1 *", "2025-01-01", 2), (list{"2026-01-01", "2027-01-01"}));
}

TEST(CronNext, SkipsMonthsWithoutTheDay) {
    EXPECT_EQ(dates("31 * *", "2026-01-31", 3), (list{"2026-03-31", "2026-05-31", "2026-07-31"}));
    EXPECT_EQ(dates("31 4,5 *", "2026-01-31", 2), (list{"2026-05-31", "2027-05-31"}));
}

TEST(CronNext, KnowsLeapYears) {
    EXPECT_EQ(dates("29 2 *", "2023-01-01", 3), (list{"2024-02-29", "2028-02-29", "2032-02-29"}));
    EXPECT_EQ(dates("29 2 *", "2096-02-29", 1), (list{"2104-02-29"}));
    EXPECT_EQ(dates("29 2 *", "1999-01-01", 1), (list{"2000-02-29"}));
    // A step keeps the star, so that both must match: the 29th and a Sunday, 28 or 40 years apart.
    EXPECT_EQ(dates("29 2 */7", "2032-03-01", 2), (list{"2060-02-29", "2088-02-29"}));
    EXPECT_EQ(dates("29 2 */7", "2088-02-29", 1), (list{"2128-02-29"}));
}

TEST(CronNext, FindsTheLastDay) {
    EXPECT_EQ(dates("L * *", "2024-01-31", 3), (list{"2024-02-29", "2024-03-31", "2024-04-30"}));
    EXPECT_EQ(dates("L 2 *", "2025-01-01", 1), (list{"2025-02-28"}));
    EXPECT_EQ(dates("L-3 * *", "2026-02-01", 2), (list{"2026-02-25", "2026-03-28"}));
    EXPECT_EQ(dates("L-30 * *", "2026-02-02", 2), (list{"2026-03-01", "2026-05-01"}));
    EXPECT_EQ(dates("15,L * *", "2026-02-01", 3), (list{"2026-02-15", "2026-02-28", "2026-03-15"}));
}

TEST(CronNext, FindsTheNearestWeekdayInTheSameMonth) {
    EXPECT_EQ(dates("15W * *", "2026-02-01", 1), (list{"2026-02-16"}));  // a Sunday
    EXPECT_EQ(dates("15W * *", "2026-08-01", 1), (list{"2026-08-14"}));  // a Saturday
    EXPECT_EQ(dates("15W * *", "2026-06-01", 1), (list{"2026-06-15"}));  // a Monday
    EXPECT_EQ(dates("1W * *", "2026-07-31", 1), (list{"2026-08-03"}));   // Saturday the 1st
    EXPECT_EQ(dates("1W * *", "2026-01-31", 1), (list{"2026-02-02"}));   // Sunday the 1st
    EXPECT_EQ(dates("31W * *", "2026-05-01", 2), (list{"2026-05-29", "2026-07-31"}));  // Sunday
    EXPECT_EQ(dates("LW * *", "2026-01-01", 3), (list{"2026-01-30", "2026-02-27", "2026-03-31"}));
    EXPECT_EQ(dates("LW * *", "2026-05-01", 1), (list{"2026-05-29"}));  // Sunday the 31st
}

TEST(CronNext, FindsTheNthAndTheLastWeekday) {
    EXPECT_EQ(dates("* * 5#3", "2026-01-01", 3), (list{"2026-01-16", "2026-02-20", "2026-03-20"}));
    EXPECT_EQ(dates("* * 5L", "2026-01-01", 3), (list{"2026-01-30", "2026-02-27", "2026-03-27"}));
    EXPECT_EQ(dates("* * MON#5", "2026-01-01", 2), (list{"2026-03-30", "2026-06-29"}));
    EXPECT_EQ(dates("* * SUN#1", "2026-01-31", 2), (list{"2026-02-01", "2026-03-01"}));
    EXPECT_EQ(dates("? 2 1#5", "2024-03-01", 1), (list{"2044-02-29"}));
}

TEST(CronNext, TakesEitherDayWhenBothAreRestricted) {
    EXPECT_EQ(dates("13 * FRI", "2026-02-10", 5),
              (list{"2026-02-13", "2026-02-20", "2026-02-27", "2026-03-06", "2026-03-13"}));
    EXPECT_EQ(dates("1 * MON", "2026-03-31", 3), (list{"2026-04-01", "2026-04-06", "2026-04-13"}));
    EXPECT_EQ(dates("L * 1#1", "2026-03-31", 3), (list{"2026-04-06", "2026-04-30", "2026-05-04"}));
}

TEST(CronNext, WantsBothDaysWhenOneBeginsWithAStar) {
    EXPECT_EQ(dates("*/2 * MON", "2026-03-31", 3),
              (list{"2026-04-13", "2026-04-27", "2026-05-11"}));
    EXPECT_EQ(dates("13 * */5", "2026-01-01", 2), (list{"2026-02-13", "2026-03-13"}));
    EXPECT_EQ(dates("? * MON", "2026-03-31", 1), (list{"2026-04-06"}));
}

TEST(CronNext, FollowsTheShorthands) {
    EXPECT_EQ(times("@hourly", "2026-02-12T10:00", 1), (list{"2026-02-12T11:00"}));
    EXPECT_EQ(times("@daily", "2026-02-12T10:00", 1), (list{"2026-02-13T00:00"}));
    EXPECT_EQ(times("@weekly", "2026-02-12T10:00", 1), (list{"2026-02-15T00:00"}));
    EXPECT_EQ(times("@monthly", "2026-02-12T10:00", 1), (list{"2026-03-01T00:00"}));
    EXPECT_EQ(times("@yearly", "2026-02-12T10:00", 1), (list{"2027-01-01T00:00"}));
}

TEST(CronNext, AnchorsAnIntervalAtTheGivenTime) {
    const auto schedule = schedule_of("@every 1h30m");
    const auto start = time_of("2026-02-12T10:30") + 123456us;
    EXPECT_EQ(schedule.next_run(start), start + 90min);
    EXPECT_TRUE(schedule.next(start)->runs);
    EXPECT_FALSE(schedule.next(start)->missing);
}

TEST(CronNext, EndsWithTheYear9999) {
    const auto last = time_of("9999-12-31");
    EXPECT_EQ(schedule_of("@daily").next_run(last - 1us), last);
    EXPECT_FALSE(schedule_of("@daily").next(last));
    EXPECT_FALSE(schedule_of("29 2 29 2 *").next(last));
    EXPECT_FALSE(schedule_of("@daily").next(timestamp::max()));
    EXPECT_FALSE(schedule_of("@every 24h").next(last));
    EXPECT_FALSE(schedule_of("@every 24h").next(timestamp::max()));
}

TEST(CronNext, TakesTheEarliestTimeThereIs) {
    EXPECT_TRUE(schedule_of("@daily").next(timestamp::min()));
    const auto zoned = cron_schedule::parse("0 0 * * *", "America/New_York");
    EXPECT_TRUE(zoned.value().next(timestamp::min()));
    EXPECT_FALSE(zoned.value().next(timestamp::max()));
}

}  // namespace
}  // namespace sluice::rules
