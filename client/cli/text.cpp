#include "client/cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sluice::cli {
namespace {

constexpr nanoseconds duration_max = std::chrono::hours{1000};

struct number_and_rest {
    double number;
    std::string_view rest;
};

// Digits with at most one decimal point; no sign, no exponent, no "inf".
std::optional<number_and_rest> leading_number(std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    double number = 0;
    const auto [end, bad] =
        std::from_chars(text.data(), text.data() + digits, number, std::chars_format::fixed);
    if (bad != std::errc{} || end != text.data() + digits || text.front() == '.') {
        return std::nullopt;
    }
    return number_and_rest{number, text.substr(digits)};
}

std::optional<double> nanoseconds_per(std::string_view unit) {
    if (unit == "ns") return 1;
    if (unit == "us" || unit == "µs") return 1e3;
    if (unit == "ms") return 1e6;
    if (unit == "s") return 1e9;
    if (unit == "m" || unit == "min") return 60e9;
    if (unit == "h") return 3600e9;
    return std::nullopt;
}

std::string trim_zeros(std::string text) {
    if (text.find('.') == std::string::npos) return text;
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
}

// Three digits that matter, and never an exponent.
std::string three_digits(double value) {
    if (value >= 999.5) return format_count(static_cast<std::uint64_t>(std::llround(value)));
    if (value >= 99.95) return fmt::format("{:.0f}", value);
    if (value >= 9.995) return fmt::format("{:.1f}", value);
    return fmt::format("{:.2f}", value);
}

std::size_t length_of_sequence(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
    }
    return length;
}

/// Whether a code point makes those after it stand elsewhere than they come, or begins a new line.
bool turns_text(std::string_view point) {
    constexpr std::string_view isolates = "\xE2\x81\xA6\xE2\x81\xA7\xE2\x81\xA8\xE2\x81\xA9";
    if (point == "\xD8\x9C") return true;  // U+061C
    if (point.size() != 3 || point[0] != '\xE2') return false;
    const auto last = static_cast<unsigned char>(point[2]);
    if (point[1] == '\x80')  // U+200E, U+200F, U+2028 to U+202E
        return last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE);
    return isolates.find(point) != std::string_view::npos;  // U+2066 to U+2069
}

}  // namespace

std::optional<nanoseconds> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const auto parsed = leading_number(text);
    if (!parsed) return std::nullopt;
    if (parsed->rest.empty()) {
        if (parsed->number != 0) return std::nullopt;
        return nanoseconds{0};
    }
    const auto unit = nanoseconds_per(parsed->rest);
    if (!unit) return std::nullopt;
    const double value = parsed->number * *unit;
    if (value > static_cast<double>(duration_max.count())) return std::nullopt;
    return nanoseconds{std::llround(value)};
}

std::optional<span> parse_span(std::string_view text) {
    const auto dots = text.find("..");
    const auto from = parse_duration(text.substr(0, dots));
    if (!from) return std::nullopt;
    if (dots == std::string_view::npos) return span{*from, *from};
    const auto to = parse_duration(text.substr(dots + 2));
    if (!to || *to < *from) return std::nullopt;
    return span{*from, *to};
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
    std::string digits{text};
    std::erase(digits, ',');
    std::erase(digits, '_');
    if (digits.empty()) return std::nullopt;
    const auto parsed = leading_number(digits);
    if (!parsed) return std::nullopt;
    double factor = 1;
    if (parsed->rest == "k") {
        factor = 1e3;
    } else if (parsed->rest == "m") {
        factor = 1e6;
    } else if (!parsed->rest.empty()) {
        return std::nullopt;
    }
    const double value = parsed->number * factor;
    if (value != std::floor(value) || value > 1e12) return std::nullopt;
    return static_cast<std::uint64_t>(value);
}

std::optional<double> parse_rate(std::string_view text) {
    if (text.ends_with("/s")) text.remove_suffix(2);
    if (text.empty()) return std::nullopt;
    const auto parsed = leading_number(text);
    if (!parsed || (parsed->rest != "" && parsed->rest != "k")) return std::nullopt;
    const double value = parsed->number * (parsed->rest == "k" ? 1e3 : 1);
    if (value <= 0 || value > 1e6) return std::nullopt;
    return value;
}

std::string format_count(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
    return text;
}

std::string format_latency(nanoseconds value) {
    const double ms = static_cast<double>(value.count()) / 1e6;
    if (ms == 0) return "0ms";
    if (ms < 0.0995) return fmt::format("{:.3f}ms", ms);
    if (ms < 999.5) return three_digits(ms) + "ms";
    return three_digits(ms / 1e3) + "s";
}

std::string format_duration(nanoseconds value) {
    struct unit {
        double size;
        std::string_view name;
    };
    constexpr std::array<unit, 5> units{
        {{3600e9, "h"}, {60e9, "m"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}}};
    const auto count = static_cast<double>(value.count());
    if (value.count() == 0) return "0";
    for (const auto& [size, name] : units) {
        const bool whole = std::fmod(count, size) == 0;
        if (count >= size && (size <= 1e9 || whole)) {
            return trim_zeros(fmt::format("{:.3f}", count / size)) + std::string{name};
        }
    }
    return fmt::format("{}ns", value.count());
}

std::string format_span(span value) {
    if (value.from == value.to) return format_duration(value.from);
    return format_duration(value.from) + ".." + format_duration(value.to);
}

std::string format_rate(double per_second) {
    if (per_second < 100) return trim_zeros(three_digits(per_second));
    return three_digits(per_second);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);  // two rows back, for swaps
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::swap(before, above);
        std::swap(above, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replaced, above[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
    std::optional<std::string> best;
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (const auto& candidate : candidates) {
        const bool begins = word.size() >= 3 && candidate.starts_with(word);
        const std::size_t distance = begins ? 1 : edit_distance(word, candidate);
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

std::string printable_line(std::string_view text) {
    std::string safe;
    for (;;) {
        const auto tab = text.find('\t');
        safe += printable(text.substr(0, tab));
        if (tab == std::string_view::npos) return safe;
        safe += '\t';
        text.remove_prefix(tab + 1);
    }
}

namespace {

/// The text with `replace` of each code point, or invalid byte, that a terminal should not see.
template <class Replace>
std::string replace_unsafe(std::string_view text, Replace replace) {
    std::string safe;
    while (!text.empty()) {
        const std::size_t length = length_of_sequence(text);
        const auto first = static_cast<unsigned char>(text[0]);
        const bool c1 = length == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
        const bool unsafe = c1 || turns_text(text.substr(0, length));
        const auto unit = text.substr(0, std::max<std::size_t>(length, 1));
        if (length == 0 || first < 0x20 || first == 0x7F || unsafe)
            safe += replace(unit);
        else
            safe += unit;
        text.remove_prefix(unit.size());
    }
    return safe;
}

/// Of a code point of up to three bytes, or of a byte that is none.
std::string json_escape(std::string_view unit) {
    const auto byte = [unit](std::size_t i) { return static_cast<unsigned>(unit[i]) & 0x3FU; };
    auto point = static_cast<unsigned>(static_cast<unsigned char>(unit[0]));
    if (unit.size() == 2) point = (point & 0x1FU) << 6 | byte(1);
    if (unit.size() == 3) point = (point & 0x0FU) << 12 | byte(1) << 6 | byte(2);
    return fmt::format("\\u{:04x}", point);
}

}  // namespace

std::string printable(std::string_view text) {
    return replace_unsafe(text, [](std::string_view) { return "?"; });
}

std::string printable_json(std::string_view json, const terminal& term) {
    return term.tty ? replace_unsafe(json, json_escape) : std::string(json);
}

std::string wrap_words(std::string_view text, std::size_t indent, std::size_t width) {
    std::string out;
    std::size_t used = indent;
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto word = text.substr(0, space);
        const std::size_t columns = columns_of(word);
        if (used > indent && used + 1 + columns > width) {
            out += "\n" + std::string(indent, ' ');
            used = indent;
        } else if (used > indent) {
            out += ' ';
            ++used;
        }
        out += word;
        used += columns;
        text = space == std::string_view::npos ? "" : text.substr(space + 1);
    }
    return out;
}

std::size_t columns_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

std::string clip(std::string_view text, std::size_t columns, std::string_view mark) {
    if (columns_of(text) <= columns) return std::string{text};
    const std::size_t mark_columns = columns_of(mark);
    const std::size_t keep = columns > mark_columns ? columns - mark_columns : 0;
    std::size_t end = 0;
    for (std::size_t kept = 0; end < text.size(); ++end) {
        const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
        if (begins && kept++ == keep) break;
    }
    return std::string{text.substr(0, end)} + std::string{mark};
}

}  // namespace sluice::cli
