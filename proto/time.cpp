#include "proto/time.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice {
namespace {

using namespace std::chrono;

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Reads a text from left to right; every `take_` moves on only when it succeeds.
class scanner {
public:
    explicit scanner(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool take_either(char upper, char lower) { return take(upper) || take(lower); }

    /// Exactly `count` digits.
    bool take_fixed(std::size_t count, int& number) {
        if (rest_.size() < count) return false;
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (!is_digit(rest_[i])) return false;
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(count);
        number = value;
        return true;
    }

    /// One digit or more, at most twelve that count.
    bool take_number(std::int64_t& number) {
        std::size_t count = 0;
        std::int64_t value = 0;
        while (count < rest_.size() && is_digit(rest_[count])) {
            value = value * 10 + (rest_[count] - '0');
            if (value > 999'999'999'999) return false;
            ++count;
        }
        if (count == 0) return false;
        rest_.remove_prefix(count);
        number = value;
        return true;
    }

    /// One digit or more as the decimals of a unit that is split into 10^`places`; digits beyond
    /// are dropped.
    bool take_decimals(int places, std::int64_t& number) {
        std::size_t count = 0;
        std::int64_t value = 0;
        for (; count < rest_.size() && is_digit(rest_[count]); ++count)
            if (count < static_cast<std::size_t>(places)) value = value * 10 + (rest_[count] - '0');
        if (count == 0) return false;
        for (auto i = count; i < static_cast<std::size_t>(places); ++i) value *= 10;
        rest_.remove_prefix(count);
        number = value;
        return true;
    }

private:
    std::string_view rest_;
};

std::optional<sys_days> take_date(scanner& in) {
    int y = 0, m = 0, d = 0;
    if (!in.take_fixed(4, y) || !in.take('-') || !in.take_fixed(2, m) || !in.take('-') ||
        !in.take_fixed(2, d))
        return std::nullopt;
    const year_month_day date{year{y}, month{static_cast<unsigned>(m)},
                              day{static_cast<unsigned>(d)}};
    if (y < 1970 || !date.ok()) return std::nullopt;
    return sys_days{date};
}

std::optional<microseconds> take_time_of_day(scanner& in) {
    int h = 0, m = 0, s = 0;
    if (!in.take_fixed(2, h) || !in.take(':') || !in.take_fixed(2, m) || !in.take(':') ||
        !in.take_fixed(2, s))
        return std::nullopt;
    if (h > 23 || m > 59 || s > 59) return std::nullopt;
    std::int64_t decimals = 0;
    if (in.take('.') && !in.take_decimals(6, decimals)) return std::nullopt;
    return hours{h} + minutes{m} + seconds{s} + microseconds{decimals};
}

std::optional<minutes> take_offset(scanner& in) {
    if (in.take_either('Z', 'z')) return minutes{0};
    const bool east = in.take('+');
    if (!east && !in.take('-')) return std::nullopt;
    int h = 0, m = 0;
    if (!in.take_fixed(2, h) || !in.take(':') || !in.take_fixed(2, m)) return std::nullopt;
    if (h > 23 || m > 59) return std::nullopt;
    const auto offset = hours{h} + minutes{m};
    return east ? offset : -offset;
}

constexpr timestamp timestamp_max = sys_days{year{9999} / 12 / 31} + hours{24} - microseconds{1};

/// `count` is known where it is called, so the loop and the divisions are unrolled.
template <int count>
void put_digits(char* out, std::uint32_t number) {
    for (int i = count - 1; i >= 0; --i) {
        out[i] = static_cast<char>('0' + number % 10);
        number /= 10;
    }
}

}  // namespace

void append_timestamp(std::string& out, timestamp time) {
    constexpr std::size_t second_size = 20;  // with the point
    // The times of one answer lie within a second or two, so the calendar is asked rarely.
    struct written_second {
        sys_seconds second = sys_seconds::min();
        char text[second_size + 1] = "0000-00-00T00:00:00.";
    };
    static thread_local std::array<written_second, 2> latest;
    const auto second = floor<seconds>(time);
    auto& kept = latest[static_cast<std::size_t>(second.time_since_epoch().count()) % 2];
    if (kept.second != second) {
        kept.second = second;
        const auto day_start = floor<days>(second);
        const year_month_day date{day_start};
        const auto in_seconds = static_cast<std::uint32_t>((second - day_start).count());
        put_digits<4>(kept.text, static_cast<std::uint32_t>(static_cast<int>(date.year())));
        put_digits<2>(kept.text + 5, static_cast<unsigned>(date.month()));
        put_digits<2>(kept.text + 8, static_cast<unsigned>(date.day()));
        put_digits<2>(kept.text + 11, in_seconds / 3600);
        put_digits<2>(kept.text + 14, in_seconds / 60 % 60);
        put_digits<2>(kept.text + 17, in_seconds % 60);
    }
    char text[second_size + 7];
    std::copy_n(kept.text, second_size, text);
    put_digits<6>(text + second_size, static_cast<std::uint32_t>((time - second).count()));
    text[sizeof text - 1] = 'Z';
    out.append(text, sizeof text);
}

std::string format_timestamp(timestamp time) {
    std::string out;
    append_timestamp(out, time);
    return out;
}

std::optional<timestamp> parse_timestamp(std::string_view text) {
    scanner in{text};
    const auto date = take_date(in);
    if (!date || !in.take_either('T', 't')) return std::nullopt;
    const auto time_of_day = take_time_of_day(in);
    if (!time_of_day) return std::nullopt;
    const auto offset = take_offset(in);
    if (!offset || !in.at_end()) return std::nullopt;
    const timestamp time = *date + *time_of_day - *offset;
    if (time < timestamp{} || time > timestamp_max) return std::nullopt;
    return time;
}

std::optional<milliseconds> parse_iso_duration(std::string_view text) {
    struct unit {
        char letter;
        milliseconds length;
        bool of_day;  ///< stands after the "T"
    };
    static constexpr std::array units{
        unit{'W', days{7}, false},   unit{'D', days{1}, false},   unit{'H', hours{1}, true},
        unit{'M', minutes{1}, true}, unit{'S', seconds{1}, true},
    };
    scanner in{text};
    if (!in.take('P')) return std::nullopt;
    milliseconds total{0};
    bool after_t = false;
    bool any = false;  ///< a component since the start, or since the "T"
    auto next = units.begin();
    while (!in.at_end()) {
        if (!after_t && in.take('T')) {
            after_t = true;
            any = false;
            continue;
        }
        std::int64_t number = 0;
        std::int64_t decimals = 0;
        if (!in.take_number(number)) return std::nullopt;
        const bool fraction = in.take('.') || in.take(',');
        if (fraction && !in.take_decimals(3, decimals)) return std::nullopt;
        while (next != units.end() && (next->of_day != after_t || next->letter != in.peek()))
            ++next;
        if (next == units.end() || (fraction && next->letter != 'S')) return std::nullopt;
        in.take(next->letter);
        // Beyond a thousand years no limit of ours cares, and nothing below can overflow.
        if (number > days{366'000} / next->length) return std::nullopt;
        total += number * next->length + milliseconds{decimals};
        any = true;
        ++next;
    }
    if (!any) return std::nullopt;
    return total;
}

std::string format_iso_duration(milliseconds duration) {
    const auto total = duration.count() < 0 ? std::int64_t{0} : std::int64_t{duration.count()};
    const auto in_hours = total / 3'600'000;
    const auto in_minutes = total / 60'000 % 60;
    const auto rest = total % 60'000;
    std::string out = "PT";
    if (in_hours != 0) out += std::to_string(in_hours) + 'H';
    if (in_minutes != 0) out += std::to_string(in_minutes) + 'M';
    if (rest == 0 && total != 0) return out;
    out += std::to_string(rest / 1000);
    if (rest % 1000 != 0) {
        char decimals[] = ".000";
        put_digits<3>(decimals + 1, static_cast<std::uint32_t>(rest % 1000));
        std::string_view shown{decimals, sizeof decimals - 1};
        shown.remove_suffix(shown.size() - 1 - shown.find_last_not_of('0'));
        out += shown;
    }
    return out + 'S';
}

std::optional<timestamp> parse_timestamp_or_offset(std::string_view text, timestamp now) {
    if (!text.starts_with('+')) return parse_timestamp(text);
    const auto offset = parse_iso_duration(text.substr(1));
    if (!offset || *offset > timestamp_max - now) return std::nullopt;
    return now + *offset;
}

}  // namespace sluice
