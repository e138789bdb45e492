#include "server/rules/cron.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;
using std::chrono::minutes;

cron_schedule schedule_of(std::string_view expression, std::string_view zone) {
    auto read = cron_schedule::parse(expression, zone);
    EXPECT_TRUE(read) << expression << " " << zone << ": " << (read ? "" : read.error().message);
    return read.value();
}

/// Every occurrence from `begin` on and before `end`: "07:30", with "missing" or "both".
std::vector<std::string> occurrences(std::string_view expression, std::string_view zone,
                                     const std::string& begin, const std::string& end) {
    const auto schedule = schedule_of(expression, zone);
    const auto last = parse_timestamp(end + "Z").value();
    std::vector<std::string> found;
    auto step = schedule.next(parse_timestamp(begin + "Z").value() - 1us);
    for (; step && step->at < last; step = schedule.next(step->at)) {
        found.push_back(format_timestamp(step->at).substr(0, 16));
        if (step->missing) found.back() += step->runs ? " both" : " missing";
    }
    return found;
}

using list = std::vector<std::string>;

TEST(CronZone, TakesNamesOfTheDatabase) {
    for (const auto* zone :
         {"UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia", "US/Eastern",
          "America/Port-au-Prince", "America/North_Dakota/New_Salem", "Asia/Kolkata"}) {
        EXPECT_TRUE(cron_schedule::parse("@daily", zone)) << zone;
    }
}

TEST(CronZone, RefusesAllOtherNames) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "empty"},
        {"EST", "abbreviations"},
        {"MST", "abbreviations"},
        {"HST", "abbreviations"},
        {"CET", "abbreviations"},
        {"WET", "abbreviations"},
        {"GMT", "abbreviations"},
        {"utc", "abbreviations"},
        {"Z", "abbreviations"},
        {"localtime", "abbreviations"},
        {"EST5EDT", "abbreviations"},
        {"UTC+5", "offsets"},
        {"+0500", "offsets"},
        {"+05:00", "not a name"},
        {"EST5EDT,M3.2.0,M11.1.0", "not a name"},
        {"<+05>-5", "not a name"},
        {"Etc/GMT+5", "offsets"},
        {"Etc/GMT", "offsets"},
        {"SystemV/EST5", "offsets"},
        {"posix/Europe/Berlin", "offsets"},
        {"right/Europe/Berlin", "offsets"},
        {"Mars/Olympus", "not known"},
        {"europe/berlin", "not known"},
        {"America", "abbreviations"},
        {"America/Argentina", "not known"},
        {"Europe/Berlin/", "not known"},
        {"/Europe/Berlin", "not known"},
        {"Europe//Berlin", "not known"},
        {"/usr/share/zoneinfo/Europe/Berlin", "not known"},
        {"../zoneinfo/Europe/Berlin", "not a name"},
        {"America/../Europe/Berlin", "not a name"},
        {"Europe/./Berlin", "not a name"},
        {"Europe/Berlin ", "not a name"},
        {std::string{"Europe/Berlin\0", 14}, "not a name"},
        {std::string{"UTC\0", 4}, "not a name"},
        {"\xC3\xA9t\xC3\xA9/\xFF", "not a name"},
        {"A/" + std::string(100'000, 'x'), "too long"},
    };
    for (const auto& [zone, words] : cases) {
        const auto read = cron_schedule::parse("@daily", zone);
        ASSERT_FALSE(read) << zone;
        EXPECT_EQ(read.error().code, errc::invalid_request) << zone;
        EXPECT_EQ(read.error().details, R"("field":"timezone")") << zone;
        EXPECT_NE(read.error().message.find(words), std::string::npos) << read.error().message;
        EXPECT_LT(read.error().message.size(), 300U);
    }
}

TEST(CronZone, TellsALeaptTimeOnceAndDoesNotMakeUpForIt) {
    EXPECT_EQ(
        occurrences("30 2 * * *", "America/New_York", "2026-03-07T00:00:00", "2026-03-10T00:00:00"),
        (list{"2026-03-07T07:30", "2026-03-08T07:00 missing", "2026-03-09T06:30"}));
    EXPECT_EQ(
        occurrences("* 2 * * *", "America/New_York", "2026-03-08T00:00:00", "2026-03-09T06:00:00"),
        (list{"2026-03-08T07:00 missing"}));
    const auto schedule = schedule_of("30 2 * * *", "America/New_York");
    EXPECT_EQ(schedule.next_run(parse_timestamp("2026-03-07T07:30:00Z").value()),
              parse_timestamp("2026-03-09T06:30:00Z"));
}

TEST(CronZone, TellsARunAndMissingTimesAtOneMoment) {
    EXPECT_EQ(occurrences("0,30 2-3 * * *", "America/New_York", "2026-03-08T00:00:00",
                          "2026-03-08T12:00:00"),
              (list{"2026-03-08T07:00 both", "2026-03-08T07:30"}));
    EXPECT_EQ(
        occurrences("0 3 * * *", "America/New_York", "2026-03-08T00:00:00", "2026-03-08T12:00:00"),
        (list{"2026-03-08T07:00"}));
}

TEST(CronZone, FiresARepeatedTimeOnceAtTheFirst) {
    EXPECT_EQ(
        occurrences("30 1 * * *", "America/New_York", "2026-11-01T00:00:00", "2026-11-02T12:00:00"),
        (list{"2026-11-01T05:30", "2026-11-02T06:30"}));
    EXPECT_EQ(
        occurrences("0,30 1-2 * * *", "America/New_York", "2026-11-01T00:00:00",
                    "2026-11-02T00:00:00"),
        (list{"2026-11-01T05:00", "2026-11-01T05:30", "2026-11-01T07:00", "2026-11-01T07:30"}));
    // Asked between the two, when the first has passed.
    const auto schedule = schedule_of("30 1 * * *", "America/New_York");
    EXPECT_EQ(schedule.next_run(parse_timestamp("2026-11-01T06:10:00Z").value()),
              parse_timestamp("2026-11-02T06:30:00Z"));
}

TEST(CronZone, KeepsABeatOfEveryHourThroughBothChanges) {
    for (const auto* expression :
         {"*/5 * * * *", "*/5 0-23 * * *", "*/5 */1 * * *", "*/5 0-11,12-23 * * *"}) {
        const auto schedule = schedule_of(expression, "America/New_York");
        for (const auto* day : {"2026-03-08T00:00:00Z", "2026-11-01T00:00:00Z"}) {
            const auto begin = parse_timestamp(day).value();
            auto at = begin;
            while (at < begin + 24h) {
                const auto step = schedule.next(at).value();
                EXPECT_TRUE(step.runs && !step.missing);
                EXPECT_EQ(step.at, at + 5min) << expression << " " << format_timestamp(step.at);
                at = step.at;
            }
        }
    }
}

TEST(CronZone, HandlesAShiftOfHalfAnHour) {
    EXPECT_EQ(occurrences("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T12:00:00",
                          "2026-10-05T12:00:00"),
              (list{"2026-10-02T15:45", "2026-10-03T15:30 missing", "2026-10-04T15:15"}));
    EXPECT_EQ(occurrences("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00",
                          "2026-04-06T00:00:00"),
              (list{"2026-04-04T14:45", "2026-04-05T15:15"}));
}

TEST(CronZone, HandlesDaysWithoutAMidnight) {
    EXPECT_EQ(
        occurrences("0 0 * * *", "America/Sao_Paulo", "2018-11-03T00:00:00", "2018-11-06T00:00:00"),
        (list{"2018-11-03T03:00", "2018-11-04T03:00 missing", "2018-11-05T02:00"}));
    EXPECT_EQ(
        occurrences("0 0 * * *", "Africa/Cairo", "2024-04-24T12:00:00", "2024-04-27T12:00:00"),
        (list{"2024-04-24T22:00", "2024-04-25T22:00 missing", "2024-04-26T21:00"}));
    // Back from 24:00 to 23:00: the last hour of Thursday comes twice.
    EXPECT_EQ(
        occurrences("30 23 * * 4", "Africa/Cairo", "2024-10-31T00:00:00", "2024-11-02T00:00:00"),
        (list{"2024-10-31T20:30"}));
    EXPECT_EQ(
        occurrences("0 0 * * *", "Africa/Cairo", "2024-10-31T00:00:00", "2024-11-02T00:00:00"),
        (list{"2024-10-31T22:00", "2024-11-01T22:00"}));
}

TEST(CronZone, HandlesADayThatWasLeftOut) {
    EXPECT_EQ(
        occurrences("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00", "2012-01-01T00:00:00"),
        (list{"2011-12-29T22:00", "2011-12-30T10:00 missing", "2011-12-30T22:00",
              "2011-12-31T22:00"}));
    EXPECT_EQ(
        occurrences("0 0,6 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00", "2012-06-01T00:00:00"),
        (list{"2011-12-30T10:00 missing"}));
    EXPECT_EQ(
        occurrences("0 0 * * *", "Pacific/Apia", "2011-12-29T00:00:00", "2011-12-31T00:00:00"),
        (list{"2011-12-29T10:00", "2011-12-30T10:00 both"}));
    EXPECT_EQ(
        occurrences("30 * 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00", "2012-06-01T00:00:00"),
        list{});
}

TEST(CronZone, TellsNothingAboutALeapItDoesNotName) {
    EXPECT_EQ(
        occurrences("30 2 * * 1", "America/New_York", "2026-03-07T00:00:00", "2026-03-10T00:00:00"),
        (list{"2026-03-09T06:30"}));
}

TEST(CronZone, MayNameMissingTimesOnly) {
    // The clocks of New York leap over 2:30 on each second Sunday in March.
    EXPECT_EQ(
        occurrences("30 2 ? 3 SUN#2", "America/New_York", "2026-01-01T00:00:00",
                    "2029-01-01T00:00:00"),
        (list{"2026-03-08T07:00 missing", "2027-03-14T07:00 missing", "2028-03-12T07:00 missing"}));
}

/// "0 25+20x3 -" as in the golden table; "-" is nothing.
std::vector<minutes> unpack(const std::string& text) {
    std::vector<minutes> times;
    std::istringstream words(text);
    for (std::string word; words >> word && word != "-";) {
        int first = 0;
        int step = 0;
        int count = 0;
        const char* const end = word.data() + word.size();
        auto read = std::from_chars(word.data(), end, first);
        if (read.ptr != end) read = std::from_chars(read.ptr + 1, end, step);
        if (read.ptr != end) std::from_chars(read.ptr + 1, end, count);
        for (int n = 0; n <= count; ++n) times.emplace_back(first + n * step);
    }
    return times;
}

/// Whether the schedule does in the three days from `day` on what the row says.
bool agrees(const cron_schedule& schedule, timestamp day, const std::vector<minutes>& runs,
            const std::vector<minutes>& missing) {
    std::vector<minutes> found_runs;
    std::vector<minutes> found_missing;
    auto step = schedule.next(day - 1us);
    for (; step && step->at < day + 72h; step = schedule.next(step->at)) {
        const auto at = std::chrono::duration_cast<minutes>(step->at - day);
        if (step->runs) found_runs.push_back(at);
        if (step->missing) found_missing.push_back(at);
    }
    return found_runs == runs && found_missing == missing;
}

TEST(CronZone, AgreesWithTheGoldenTable) {
    std::ifstream file(SLUICE_CRON_GOLDEN);
    std::vector<std::string> bad;
    std::size_t rows = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#')) continue;
        std::istringstream cells(line);
        std::string zone;
        std::string expression;
        std::string day;
        std::string runs;
        std::string missing;
        for (auto* cell : {&zone, &expression, &day, &runs, &missing}) {
            ASSERT_TRUE(std::getline(cells, *cell, '\t')) << line;
        }
        ++rows;
        const auto begin = parse_timestamp(day + "T00:00:00Z");
        ASSERT_TRUE(begin) << line;
        if (!agrees(schedule_of(expression, zone), *begin, unpack(runs), unpack(missing))) {
            bad.push_back(zone + " '" + expression + "' from " + day);
        }
    }
    EXPECT_GT(rows, 2000U);
    std::string text;
    for (std::size_t n = 0; n < std::min<std::size_t>(bad.size(), 20); ++n) text += bad[n] + "\n";
    EXPECT_TRUE(bad.empty()) << bad.size() << " of " << rows << " rows differ:\n"
                             << text
                             << "If all are of one zone, its rules have changed since the table's "
                                "version of tzdata: run data/make_cron_golden.py anew.";
}

}  // namespace
}  // namespace sluice::rules
