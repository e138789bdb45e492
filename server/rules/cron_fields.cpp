#include "server/rules/cron_fields.hpp"

#include <bit>
#include <cassert>

namespace sluice::rules {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::months;
using std::chrono::seconds;

constexpr std::uint64_t bit(unsigned n) {
    return std::uint64_t{1} << n;
}

bool contains(std::uint64_t set, unsigned n) {
    return (set & bit(n)) != 0;
}

/// The lowest member that is at least `from`.
std::optional<unsigned> lowest(std::uint64_t set, unsigned from) {
    const std::uint64_t rest = set >> from;
    if (rest == 0) return std::nullopt;
    return from + static_cast<unsigned>(std::countr_zero(rest));
}

/// A month without its place in the calendar.
struct month_shape {
    unsigned first_weekday;
    unsigned length;

    unsigned weekday(unsigned day) const { return (first_weekday + day - 1) % 7; }
    unsigned first(unsigned weekday) const { return 1 + (weekday + 7 - first_weekday) % 7; }

    unsigned nearest_weekday(unsigned day) const {
        if (weekday(day) == 6) return day == 1 ? 3 : day - 1;
        if (weekday(day) == 0) return day == length ? day - 2 : day + 1;
        return day;
    }
};

std::uint64_t by_month_day(const cron_fields& fields, const month_shape& month) {
    std::uint64_t set = fields.month_days;
    if (fields.last_weekday) set |= bit(month.nearest_weekday(month.length));
    if (fields.before_last == 0 && fields.near_days == 0) return set;
    for (unsigned day = 1; day <= month.length; ++day) {
        if (contains(fields.before_last, month.length - day)) set |= bit(day);
        if (contains(fields.near_days, day)) set |= bit(month.nearest_weekday(day));
    }
    return set;
}

std::uint64_t by_weekday(const cron_fields& fields, const month_shape& month) {
    std::uint64_t set = 0;
    for (unsigned weekday = 0; weekday < 7; ++weekday) {
        const unsigned first = month.first(weekday);
        for (unsigned n = 1; n <= 5; ++n) {
            const unsigned day = first + 7 * (n - 1);
            if (day > month.length) break;
            const bool last = day + 7 > month.length;
            if (contains(fields.weekdays, weekday) || contains(fields.nth_weekdays[n], weekday) ||
                (last && contains(fields.last_weekdays, weekday))) {
                set |= bit(day);
            }
        }
    }
    return set;
}

/// The first matching day in [from, end).
std::optional<local_days> first_day(const cron_fields& fields, local_days from, local_seconds end) {
    const std::chrono::year_month_day date{from};
    auto day = static_cast<unsigned>(date.day());
    for (auto month = date.year() / date.month(); local_days{month / 1} < end;
         month += months{1}, day = 1) {
        if (!contains(fields.months, static_cast<unsigned>(month.month()))) continue;
        const std::chrono::weekday first{local_days{month / 1}};
        const auto length = static_cast<unsigned>((month / std::chrono::last).day());
        const auto found = lowest(matching_days(fields, first.c_encoding(), length), day);
        if (found) return local_days{month / static_cast<int>(*found)};
    }
    return std::nullopt;
}

/// The first matching time of a day from `from` on.
std::optional<seconds> first_time(const cron_fields& fields, seconds from) {
    const auto at = [](unsigned hour, unsigned minute, unsigned second) {
        return seconds{hour * 3600 + minute * 60 + second};
    };
    const auto of_day = static_cast<unsigned>(from.count());
    const unsigned hour = of_day / 3600;
    const unsigned minute = of_day / 60 % 60;
    const auto least_minute = static_cast<unsigned>(std::countr_zero(fields.minutes));
    const auto least_second = static_cast<unsigned>(std::countr_zero(fields.seconds));
    if (contains(fields.hours, hour)) {
        if (contains(fields.minutes, minute)) {
            const auto second = lowest(fields.seconds, of_day % 60);
            if (second) return at(hour, minute, *second);
        }
        const auto later = lowest(fields.minutes, minute + 1);
        if (later) return at(hour, *later, least_second);
    }
    const auto later = lowest(fields.hours, hour + 1);
    if (later) return at(*later, least_minute, least_second);
    return std::nullopt;
}

}  // namespace

std::uint32_t matching_days(const cron_fields& fields, unsigned first_weekday, unsigned length) {
    assert(first_weekday < 7 && length >= 28 && length <= 31);
    const month_shape month{first_weekday, length};
    const std::uint64_t one = by_month_day(fields, month);
    const std::uint64_t other = by_weekday(fields, month);
    const std::uint64_t all = bit(length + 1) - bit(1);
    return static_cast<std::uint32_t>((fields.either_day ? one | other : one & other) & all);
}

bool matches_some_day(const cron_fields& fields) {
    constexpr std::array<unsigned, 13> longest{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (unsigned month = 1; month <= 12; ++month) {
        if (!contains(fields.months, month)) continue;
        for (unsigned weekday = 0; weekday < 7; ++weekday) {
            if (matching_days(fields, weekday, longest[month]) != 0) return true;
            if (month == 2 && matching_days(fields, weekday, 28) != 0) return true;
        }
    }
    return false;
}

std::optional<local_seconds> first_match(const cron_fields& fields, local_seconds from,
                                         local_seconds end) {
    assert(fields.minutes != 0 && fields.hours != 0 && fields.seconds != 0);
    auto day = std::chrono::floor<days>(from);
    seconds time = from - day;
    while (day < end) {
        const auto found = first_day(fields, day, end);
        if (!found) return std::nullopt;
        if (*found != day) time = seconds{0};
        if (const auto of_day = first_time(fields, time)) {
            const local_seconds at = *found + *of_day;
            if (at < end) return at;
            return std::nullopt;
        }
        day = *found + days{1};
        time = seconds{0};
    }
    return std::nullopt;
}

}  // namespace sluice::rules
