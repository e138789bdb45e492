#pragma once

#include "client/cli/terminal.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What people type and read: durations, counts, rates; and what they may have meant.
namespace sluice::cli {

using nanoseconds = std::chrono::nanoseconds;

/// A range of durations, both ends included; one duration is a range of one.
struct span {
    nanoseconds from{0};
    nanoseconds to{0};

    friend bool operator==(const span&, const span&) = default;
};

/// "250ms", "0.5s", "2m", "1h", "80us" (or "µs"); "0" needs no unit. Nothing for anything else,
/// negative values and those above 1,000 hours.
std::optional<nanoseconds> parse_duration(std::string_view text);

/// "A..B" with A <= B, or one duration.
std::optional<span> parse_span(std::string_view text);

/// "20000", "20,000", "20k", "1.5k", "2m": a whole number up to 10^12.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// A count or a fraction a second: "5000", "5k", "0.5", "5k/s". Above zero, at most 10^6.
std::optional<double> parse_rate(std::string_view text);

/// "20,000".
std::string format_count(std::uint64_t number);

/// Three digits that matter in milliseconds or seconds, such as "0.034ms", "0.21ms", "4.70ms",
/// "38.2ms", "104ms", "1.23s", "75.0s", "1,204s".
std::string format_latency(nanoseconds value);

/// As a person would say it: "0", "250ms", "1.5s", "2m", "1h".
std::string format_duration(nanoseconds value);
std::string format_span(span value);

/// "0.5", "250", "4,998": three digits at least, no more decimals than matter.
std::string format_rate(double per_second);

/// Steps (insert, delete, replace, swap neighbours) from one word to the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, if it is near enough to have been meant.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

/// Text from elsewhere made safe for a terminal: control characters, those that change the
/// direction of writing, and invalid UTF-8 become "?".
std::string printable(std::string_view text);

/// The same for a line of a log, in which tabs stay.
std::string printable_line(std::string_view text);

/// JSON without line ends; what `printable` would replace is escaped where `term` is a terminal,
/// which leaves the meaning as it is.
std::string printable_json(std::string_view json, const terminal& term);

/// Words wrapped to lines of `width` columns. The text begins in column `indent`, and so does each
/// further line.
std::string wrap_words(std::string_view text, std::size_t indent, std::size_t width);

/// Columns that UTF-8 text takes, one per code point.
std::size_t columns_of(std::string_view text);

/// The first `columns` columns; what is cut off is marked by `mark`, such as "…".
std::string clip(std::string_view text, std::size_t columns, std::string_view mark);

}  // namespace sluice::cli
