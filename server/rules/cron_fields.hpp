#pragma once

#include "proto/error.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace sluice::rules {

inline constexpr std::size_t cron_expression_bytes_max = 1024;

/// What the fields of a cron expression name, as sets: bit n stands for the number n.
struct cron_fields {
    std::uint64_t seconds = 1;
    std::uint64_t minutes = 0;
    std::uint64_t hours = 0;
    std::uint64_t months = 0;  ///< 1 to 12

    std::uint64_t month_days = 0;   ///< 1 to 31
    std::uint64_t before_last = 0;  ///< so many days before the last of the month: L is 0, L-3 is 3
    std::uint64_t near_days = 0;    ///< the weekday nearest to this day: 15W
    bool last_weekday = false;      ///< LW
    std::uint64_t weekdays = 0;     ///< 0 (Sunday) to 6
    std::uint64_t last_weekdays = 0;              ///< the last one of the month: 5L
    std::array<std::uint64_t, 6> nth_weekdays{};  ///< [3] holds 5 for 5#3; [0] is unused

    /// Both day fields are restricted, so a day matches when either names it.
    bool either_day = false;

    bool every_hour() const { return hours == (std::uint64_t{1} << 24) - 1; }
};

/// Fields, or the interval of "@every".
using cron_expression = std::variant<cron_fields, std::chrono::seconds>;

/// Reads "minute hour day-of-month month day-of-week", or six fields with the second in front.
///
/// Each field is a list of `*`, values, ranges `a-b` and steps `*/n`, `a-b/n` and `a/n` (from a to
/// the end), where n is at least 1 and at most the field's highest value. JAN to DEC and SUN to SAT
/// stand for numbers, in any case; 0 and 7 are Sunday, and a range may end with SUN as with 7.
/// Day-of-month also takes `L` (the last day), `L-3` (three days before it), `15W` (the weekday
/// nearest to the 15th in the same month) and `LW` (the last weekday); day-of-week takes `5L` (the
/// last Friday) and `5#3` (the third Friday). `?` may stand for `*` in these two.
///
/// If one of the two day fields begins with `*` (or is `?`), a day must match both. If neither
/// does, a day matches when EITHER names it, as in Vixie cron: "0 0 13 * FRI" is each Friday and
/// 13th.
///
/// Shorthands: @yearly or @annually, @monthly, @weekly, @daily or @midnight, @hourly, and
/// "@every 1h30m": hours, minutes and seconds, from 1 s to 876000 h in all.
///
/// Errors: errc::invalid_request; the message names the field, what was given and what is allowed,
/// the details are `"field":"expression"`. An expression that names no day of any year, such as
/// "0 0 30 2 *", is an error too.
result<cron_expression> parse_cron_expression(std::string_view text);

/// The days that match, bit n for day n, in a month that has `length` days and begins on
/// `first_weekday` (0 is Sunday). Does not look at `fields.months`.
std::uint32_t matching_days(const cron_fields& fields, unsigned first_weekday, unsigned length);

/// Whether any day of any year matches. Exact: in 400 years each month begins on each weekday, at
/// each of its lengths.
bool matches_some_day(const cron_fields& fields);

/// The first local time in [from, end) that matches. Walks by months, at most until `end`.
std::optional<std::chrono::local_seconds> first_match(const cron_fields& fields,
                                                      std::chrono::local_seconds from,
                                                      std::chrono::local_seconds end);

}  // namespace sluice::rules
