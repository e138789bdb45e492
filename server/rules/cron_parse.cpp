#include "server/rules/cron_fields.hpp"

#include "proto/json_text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sluice::rules {
namespace {

constexpr std::size_t quoted_bytes_max = 40;

std::string quoted(std::string_view given) {
    std::string text{given};
    cut_text(text, quoted_bytes_max);
    return "'" + text + (text.size() < given.size() ? "...'" : "'");
}

error fault(std::string message) {
    return error{errc::invalid_request, std::move(message), R"("field":"expression")"};
}

constexpr std::array<std::string_view, 12> month_names{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                       "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> weekday_names{"SUN", "MON", "TUE", "WED",
                                                        "THU", "FRI", "SAT"};

/// One kind of field. `names[0]` stands for `low`; `*` and open steps end with `open_high`.
struct field_kind {
    std::string_view name;
    unsigned low;
    unsigned high;
    unsigned open_high;
    std::span<const std::string_view> names;
    std::string_view allowed;
};

constexpr field_kind second_kind{"second", 0, 59, 59, {}, "0 to 59"};
constexpr field_kind minute_kind{"minute", 0, 59, 59, {}, "0 to 59"};
constexpr field_kind hour_kind{"hour", 0, 23, 23, {}, "0 to 23"};
constexpr field_kind month_day_kind{
    "day-of-month", 1, 31, 31, {}, "1 to 31 (also L, L-3, 15W and LW)"};
constexpr field_kind month_kind{"month", 1, 12, 12, month_names, "1 to 12 or JAN to DEC"};
constexpr field_kind weekday_kind{
    "day-of-week", 0, 7, 6, weekday_names, "0 to 7 or SUN to SAT (also 5L and 5#3)"};

error fault(const field_kind& kind, std::string_view given, const std::string& what) {
    return fault(quoted(given) + " in the " + std::string{kind.name} + " field " + what);
}

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool same(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return upper(x) == upper(y); });
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Digits only; what does not fit is the largest number, and so out of any range.
std::optional<unsigned> number(std::string_view text) {
    if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
    unsigned value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc{} ? value : std::numeric_limits<unsigned>::max();
}

constexpr std::uint64_t bit(unsigned n) {
    return std::uint64_t{1} << n;
}

std::vector<std::string_view> words(std::string_view text) {
    constexpr std::string_view blank = " \t\n\r\f\v";
    std::vector<std::string_view> list;
    for (auto begin = text.find_first_not_of(blank); begin != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(blank, begin), text.size());
        list.push_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(blank, end);
    }
    return list;
}

result<unsigned> value_of(const field_kind& kind, std::string_view text) {
    const std::string allowed{kind.allowed};
    if (const auto n = number(text)) {
        if (*n >= kind.low && *n <= kind.high) return *n;
        return fault(kind, text, "is out of range; allowed are " + allowed + ".");
    }
    for (std::size_t i = 0; i < kind.names.size(); ++i) {
        if (same(kind.names[i], text)) return kind.low + static_cast<unsigned>(i);
    }
    if (text.empty()) return fault(kind, text, "lacks a value; allowed are " + allowed + ".");
    return fault(kind, text, "is not understood; allowed are " + allowed + ".");
}

result<unsigned> step_of(const field_kind& kind, std::string_view item, std::string_view text) {
    const auto n = number(text);
    if (n && *n >= 1 && *n <= kind.high) return *n;
    return fault(kind, item, "has a bad step; it must be 1 to " + std::to_string(kind.high) + ".");
}

/// `*`, `a` or `a-b`, each with a step or without.
result<std::uint64_t> numbers_of(const field_kind& kind, std::string_view item) {
    const auto slash = item.find('/');
    const bool stepped = slash != std::string_view::npos;
    const std::string_view base = item.substr(0, slash);
    unsigned low = kind.low;
    unsigned high = kind.open_high;
    unsigned step = 1;
    if (stepped) {
        const auto read = step_of(kind, item, item.substr(slash + 1));
        if (!read) return read.error();
        step = *read;
    }
    if (base != "*") {
        const auto dash = base.find('-');
        const auto first = value_of(kind, base.substr(0, dash));
        if (!first) return first.error();
        low = *first;
        if (dash != std::string_view::npos) {
            const std::string_view end = base.substr(dash + 1);
            const auto last = value_of(kind, end);
            if (!last) return last.error();
            // SUN ends a week here: FRI-SUN.
            high = low > 0 && same(end, weekday_names[0]) ? kind.high : *last;
            if (high < low) return fault(kind, base, "is a reversed range; it must rise.");
        } else {
            high = stepped ? std::max(low, kind.open_high) : low;
        }
    }
    std::uint64_t set = 0;
    for (unsigned n = low; n <= high; n += step) set |= bit(n);
    return set;
}

/// Calls `read(item)` for each item of a list, until one has an error.
template <class Read>
std::optional<error> each_item(const field_kind& kind, std::string_view list, Read read) {
    for (std::size_t begin = 0; begin <= list.size();) {
        const auto end = std::min(list.find(',', begin), list.size());
        const std::string_view item = list.substr(begin, end - begin);
        if (item.empty()) return fault(kind, list, "has an empty item.");
        if (auto bad = read(item)) return bad;
        begin = end + 1;
    }
    return std::nullopt;
}

std::optional<error> read_numbers(const field_kind& kind, std::string_view text,
                                  std::uint64_t& set) {
    return each_item(kind, text, [&](std::string_view item) -> std::optional<error> {
        const auto numbers = numbers_of(kind, item);
        if (!numbers) return numbers.error();
        set |= *numbers;
        return std::nullopt;
    });
}

std::optional<error> read_month_day(std::string_view item, cron_fields& fields) {
    const auto& kind = month_day_kind;
    if (same(item, "LW")) {
        fields.last_weekday = true;
    } else if (same(item, "L")) {
        fields.before_last |= bit(0);
    } else if (same(item.substr(0, 2), "L-")) {
        const auto n = number(item.substr(2));
        if (!n || *n < 1 || *n > 30) {
            return fault(kind, item, "is out of range; allowed are L-1 to L-30.");
        }
        fields.before_last |= bit(*n);
    } else if (is_digit(item[0]) && upper(item.back()) == 'W') {
        const auto day = value_of(kind, item.substr(0, item.size() - 1));
        if (!day) return day.error();
        fields.near_days |= bit(*day);
    } else {
        return read_numbers(kind, item, fields.month_days);
    }
    return std::nullopt;
}

std::optional<error> read_weekday(std::string_view item, cron_fields& fields) {
    const auto& kind = weekday_kind;
    const auto hash = item.find('#');
    if (hash != std::string_view::npos) {
        const auto weekday = value_of(kind, item.substr(0, hash));
        if (!weekday) return weekday.error();
        const auto n = number(item.substr(hash + 1));
        if (!n || *n < 1 || *n > 5) {
            return fault(kind, item, "is out of range; allowed after # are 1 to 5.");
        }
        fields.nth_weekdays[*n] |= bit(*weekday % 7);
    } else if (same(item, "L")) {
        return fault(kind, item, "needs a weekday before the L, such as 5L.");
    } else if (upper(item.back()) == 'L') {
        const auto weekday = value_of(kind, item.substr(0, item.size() - 1));
        if (!weekday) return weekday.error();
        fields.last_weekdays |= bit(*weekday % 7);
    } else {
        if (auto bad = read_numbers(kind, item, fields.weekdays)) return bad;
        if ((fields.weekdays & bit(7)) != 0) fields.weekdays = (fields.weekdays | bit(0)) & ~bit(7);
    }
    return std::nullopt;
}

std::optional<error> read_days(std::string_view month_days, std::string_view weekdays,
                               cron_fields& fields) {
    if (month_days == "?") month_days = "*";
    if (weekdays == "?") weekdays = "*";
    fields.either_day = month_days[0] != '*' && weekdays[0] != '*';
    if (auto bad = each_item(month_day_kind, month_days,
                             [&](std::string_view item) { return read_month_day(item, fields); })) {
        return bad;
    }
    return each_item(weekday_kind, weekdays,
                     [&](std::string_view item) { return read_weekday(item, fields); });
}

result<cron_expression> read_fields(std::span<const std::string_view> parts) {
    if (parts.size() != 5 && parts.size() != 6) {
        return fault(
            "A cron expression has 5 fields (minute hour day-of-month month day-of-week) or 6 "
            "(second first), not " +
            std::to_string(parts.size()) + ".");
    }
    cron_fields fields;
    if (parts.size() == 6) {
        fields.seconds = 0;
        if (auto bad = read_numbers(second_kind, parts[0], fields.seconds)) return *bad;
        parts = parts.subspan(1);
    }
    if (auto bad = read_numbers(minute_kind, parts[0], fields.minutes)) return *bad;
    if (auto bad = read_numbers(hour_kind, parts[1], fields.hours)) return *bad;
    if (auto bad = read_days(parts[2], parts[4], fields)) return *bad;
    if (auto bad = read_numbers(month_kind, parts[3], fields.months)) return *bad;
    if (!matches_some_day(fields)) {
        return fault("The cron expression never fires: none of its months has such a day.");
    }
    return fields;
}

/// "1h30m": numbers with a unit each.
result<cron_expression> read_interval(std::string_view text) {
    using std::chrono::seconds;
    constexpr seconds longest = std::chrono::hours{876'000};
    const error bad =
        fault(quoted(text) +
              " after @every must be whole hours, minutes and seconds, such as 1h30m or 45s, from "
              "1s to 876000h.");
    seconds sum{0};
    while (!text.empty()) {
        const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
        const auto n = number(text.substr(0, digits));
        if (!n || digits == text.size()) return bad;
        const char unit = text[digits];
        if (unit != 'h' && unit != 'm' && unit != 's') return bad;
        sum += seconds{unit == 'h' ? 3600 : unit == 'm' ? 60 : 1} * *n;
        if (sum > longest) return bad;
        text.remove_prefix(digits + 1);
    }
    if (sum < seconds{1}) return bad;
    return sum;
}

result<cron_expression> read_shorthand(std::span<const std::string_view> parts) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> shorthands{{
        {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
        {"@monthly", "0 0 1 * *"},
        {"@weekly", "0 0 * * 0"},
        {"@daily", "0 0 * * *"},
        {"@midnight", "0 0 * * *"},
        {"@hourly", "0 * * * *"},
    }};
    if (same(parts[0], "@every")) {
        if (parts.size() == 2) return read_interval(parts[1]);
        return fault("@every takes one duration, such as @every 1h30m.");
    }
    for (const auto& [name, meaning] : shorthands) {
        if (!same(parts[0], name)) continue;
        if (parts.size() == 1) return read_fields(words(meaning));
        return fault(std::string{name} + " stands alone; nothing may follow it.");
    }
    return fault(quoted(parts[0]) +
                 " is not a shorthand; allowed are @yearly, @annually, @monthly, @weekly, @daily, "
                 "@midnight, @hourly and @every.");
}

}  // namespace

result<cron_expression> parse_cron_expression(std::string_view text) {
    if (text.size() > cron_expression_bytes_max) {
        return fault("The cron expression is longer than " +
                     std::to_string(cron_expression_bytes_max) + " bytes.");
    }
    const auto parts = words(text);
    if (parts.empty()) return fault("The cron expression is empty.");
    if (parts[0].starts_with('@')) return read_shorthand(parts);
    return read_fields(parts);
}

}  // namespace sluice::rules
