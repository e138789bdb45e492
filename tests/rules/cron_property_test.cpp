#include "server/rules/cron.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

// Random schedules around changes of the clocks, compared with a walk over every minute that asks
// the C library what the clocks show.

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;
using std::chrono::local_seconds;
using std::chrono::sys_seconds;

/// A field as text, and the numbers it names, decided here and not read from the text.
struct field {
    std::string text;
    std::set<unsigned> numbers;
    bool star = false;
};

struct expression {
    field minute;
    field hour;
    field month_day;
    field weekday;
    bool last_day = false;      ///< ",L" follows the days of the month
    bool last_weekday = false;  ///< ",0L" follows the days of the week

    std::string text() const {
        return minute.text + " " + hour.text + " " + month_day.text + (last_day ? ",L" : "") +
               " * " + weekday.text + (last_weekday ? ",0L" : "");
    }

    bool names(local_seconds at) const {
        const auto day = std::chrono::floor<std::chrono::days>(at);
        const std::chrono::hh_mm_ss time{at - day};
        if (!hour.numbers.contains(static_cast<unsigned>(time.hours().count()))) return false;
        if (!minute.numbers.contains(static_cast<unsigned>(time.minutes().count()))) return false;
        const std::chrono::year_month_day date{day};
        const auto week_later = std::chrono::year_month_day{day + std::chrono::days{7}};
        const auto tomorrow = std::chrono::year_month_day{day + std::chrono::days{1}};
        const unsigned on = std::chrono::weekday{day}.c_encoding();
        const bool one = month_day.numbers.contains(static_cast<unsigned>(date.day())) ||
                         (last_day && tomorrow.month() != date.month());
        const bool other = weekday.numbers.contains(on) ||
                           (last_weekday && on == 0 && week_later.month() != date.month());
        return month_day.star || weekday.star ? one && other : one || other;
    }
};

/// The C library's zone for as long as this lives.
class libc_zone {
public:
    explicit libc_zone(const std::string& name) { set(name.c_str()); }
    ~libc_zone() { set(before_ ? before_->c_str() : nullptr); }
    libc_zone(const libc_zone&) = delete;
    libc_zone& operator=(const libc_zone&) = delete;

    std::chrono::seconds offset(sys_seconds at) const {
        const std::time_t time = at.time_since_epoch().count();
        std::tm local{};
        localtime_r(&time, &local);
        return std::chrono::seconds{local.tm_gmtoff};
    }

    /// The first change of the offset within 400 days, to the minute.
    std::optional<sys_seconds> change_after(sys_seconds from) const {
        for (auto day = from; day < from + 24h * 400; day += 24h) {
            if (offset(day) == offset(day + 24h)) continue;
            auto at = day;
            while (offset(at) == offset(day)) at += 1min;
            return at;
        }
        return std::nullopt;
    }

private:
    static std::optional<std::string> current() {
        const char* const value = std::getenv("TZ");
        return value == nullptr ? std::nullopt : std::optional<std::string>{value};
    }
    static void set(const char* value) {
        if (value == nullptr) {
            unsetenv("TZ");
        } else {
            setenv("TZ", value, 1);
        }
        tzset();
    }

    std::optional<std::string> before_ = current();
};

using random_source = std::mt19937;

unsigned below(random_source& random, unsigned n) {
    return static_cast<unsigned>(random() % n);
}

field random_field(random_source& random, unsigned low, unsigned high, unsigned stars) {
    field made;
    const auto add = [&made](unsigned first, unsigned last, unsigned step) {
        for (unsigned n = first; n <= last; n += step) made.numbers.insert(n);
    };
    if (below(random, 100) < stars) {
        const unsigned step = below(random, 3) == 0 ? 1 + below(random, high) : 1;
        made.text = step == 1 ? "*" : "*/" + std::to_string(step);
        made.star = true;
        add(low, high, step);
        return made;
    }
    for (unsigned items = 1 + below(random, 3); items > 0; --items) {
        const unsigned first = low + below(random, high - low + 1);
        const unsigned last = first + below(random, high - first + 1);
        const unsigned step = 1 + below(random, 7 < high ? 7 : high);
        if (!made.text.empty()) made.text += ',';
        made.text += std::to_string(first);
        if (below(random, 2) == 0) {
            add(first, first, 1);
            continue;
        }
        made.text += "-" + std::to_string(last) + "/" + std::to_string(step);
        add(first, last, step);
    }
    return made;
}

expression random_expression(random_source& random) {
    expression made;
    made.minute = random_field(random, 0, 59, 40);
    // Mostly in the hours at which clocks are changed.
    made.hour = random_field(random, 0, below(random, 2) == 0 ? 3 : 23, 30);
    if (made.hour.star) made.hour = random_field(random, 0, 23, 100);
    made.month_day = random_field(random, 1, 31, 60);
    made.weekday = random_field(random, 0, 6, 60);
    made.last_day = !made.month_day.star && below(random, 2) == 0;
    made.last_weekday = !made.weekday.star && below(random, 2) == 0;
    return made;
}

struct told {
    sys_seconds at;
    bool runs;
    bool missing;
    bool operator==(const told&) const = default;
};

std::string text_of(const std::vector<told>& found) {
    std::string text;
    for (const auto& step : found) {
        text += "\n  " + format_timestamp(step.at) + (step.runs ? " runs" : "") +
                (step.missing ? " missing" : "");
    }
    return text;
}

/// What happens in [begin, end), minute by minute. Two days before are walked too, to know which
/// local times have been.
std::vector<told> walk(const expression& made, const libc_zone& zone, sys_seconds begin,
                       sys_seconds end) {
    const bool every_hour = made.hour.numbers.size() == 24;
    std::vector<told> found;
    std::set<local_seconds> seen;
    local_seconds due{};  // the local time that follows the latest minute
    for (auto at = begin - 48h; at < end; at += 1min) {
        const local_seconds local{at.time_since_epoch() + zone.offset(at)};
        told now{at, made.names(local) && (every_hour || !seen.contains(local)), false};
        for (auto skipped = due; !seen.empty() && skipped < local; skipped += 1min) {
            now.missing =
                now.missing || (!every_hour && !seen.contains(skipped) && made.names(skipped));
        }
        if (at >= begin && (now.runs || now.missing)) found.push_back(now);
        seen.insert(local);
        due = local + 1min;
    }
    return found;
}

std::vector<told> steps(const cron_schedule& schedule, sys_seconds begin, sys_seconds end) {
    std::vector<told> found;
    timestamp before = begin - 1us;
    for (auto step = schedule.next(before); step && step->at < end; step = schedule.next(before)) {
        EXPECT_GT(step->at, before) << "a step must be forward";
        if (step->at <= before) break;
        before = step->at;
        found.push_back(
            {std::chrono::floor<std::chrono::seconds>(step->at), step->runs, step->missing});
    }
    return found;
}

TEST(CronProperty, LeavesNothingOutAndAddsNothingAroundTheChangesOfTheClocks) {
    constexpr std::array zones{"America/New_York",    "America/Sao_Paulo", "America/St_Johns",
                               "America/Caracas",     "Europe/London",     "Europe/Dublin",
                               "Europe/Istanbul",     "Africa/Cairo",      "Africa/Casablanca",
                               "Asia/Gaza",           "Asia/Pyongyang",    "Asia/Kolkata",
                               "Australia/Lord_Howe", "Pacific/Apia",      "Pacific/Chatham",
                               "Antarctica/Troll",    "Antarctica/Casey",  "America/Asuncion"};
    random_source random(20260212);  // fixed, so that a failure repeats
    for (int round = 0; round < 400; ++round) {
        const std::string name = zones[below(random, zones.size())];
        const libc_zone zone(name);
        const expression made = random_expression(random);
        const auto schedule = cron_schedule::parse(made.text(), name);
        ASSERT_TRUE(schedule) << made.text() << ": " << schedule.error().message;

        const sys_seconds some = std::chrono::sys_days{std::chrono::year{2000} / 1 / 1} +
                                 std::chrono::days{below(random, 13'000)};
        const auto change = zone.change_after(some);
        const sys_seconds begin = change ? *change - 36h : some;
        const sys_seconds end = begin + 96h;
        const auto expected = walk(made, zone, begin, end);
        const auto found = steps(*schedule, begin, end);
        ASSERT_EQ(found, expected)
            << made.text() << " in " << name << " from " << format_timestamp(begin) << " expected"
            << text_of(expected) << "\nfound" << text_of(found);
    }
}

TEST(CronProperty, IsTheSameFromWhereverItIsAsked) {
    random_source random(20260213);
    for (int round = 0; round < 200; ++round) {
        const expression made = random_expression(random);
        const auto schedule = cron_schedule::parse(made.text(), "Europe/Berlin");
        ASSERT_TRUE(schedule) << made.text();
        const auto start = std::chrono::sys_days{std::chrono::year{2026} / 3 / 27} +
                           std::chrono::seconds{below(random, 259'200)};
        const auto step = schedule->next(start);
        ASSERT_TRUE(step) << made.text();
        // Any time between has the same next one.
        const auto span = std::chrono::duration_cast<std::chrono::microseconds>(step->at - start);
        for (const auto part : {span / 3, span / 2, span - 1us}) {
            const auto again = schedule->next(start + part);
            ASSERT_TRUE(again);
            EXPECT_EQ(again->at, step->at) << made.text() << " " << format_timestamp(start);
        }
    }
}

}  // namespace
}  // namespace sluice::rules
