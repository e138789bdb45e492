#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// A point on the wall clock, in microseconds since 1970-01-01T00:00:00Z.
using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// One reading of both clocks. `steady` never jumps and measures leases and timeouts; `wall` is
/// what people and `scheduled_at` mean. Code that decides takes an `instant` as an argument and
/// never reads a clock.
struct instant {
    timestamp wall;
    std::chrono::microseconds steady{0};
};

/// RFC 3339 in UTC with six decimals, such as "2026-02-12T10:30:00.000123Z".
std::string format_timestamp(timestamp time);
void append_timestamp(std::string& out, timestamp time);

/// Reads RFC 3339 (any offset, any number of decimals; digits beyond the sixth are dropped).
/// Empty for anything else, including a leap second, a day that does not exist and years outside
/// 1970–9999.
std::optional<timestamp> parse_timestamp(std::string_view text);

/// Reads an ISO 8601 duration of weeks, days, hours, minutes and seconds ("PT1.5S", "P1DT2H"),
/// to the millisecond. Years and months have no fixed length and are refused, as is a negative one.
std::optional<std::chrono::milliseconds> parse_iso_duration(std::string_view text);
std::string format_iso_duration(std::chrono::milliseconds duration);

/// Reads an RFC 3339 time, or "+" and an ISO 8601 duration from `now` on, such as "+PT2S".
std::optional<timestamp> parse_timestamp_or_offset(std::string_view text, timestamp now);

}  // namespace sluice
