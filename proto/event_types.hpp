#pragma once

#include <algorithm>
#include <array>
#include <string_view>

/// The types of lifecycle events (ojs-events.md), and patterns of them.
namespace sluice {

inline constexpr std::array<std::string_view, 23> event_types{"job.enqueued",
                                                              "job.started",
                                                              "job.completed",
                                                              "job.failed",
                                                              "job.discarded",
                                                              "job.retrying",
                                                              "job.cancelled",
                                                              "job.heartbeat",
                                                              "job.scheduled",
                                                              "job.expired",
                                                              "job.interrupted",
                                                              "cron.triggered",
                                                              "cron.skipped",
                                                              "rate_limit.exceeded",
                                                              "rate_limit.released",
                                                              "rate_limit.dropped",
                                                              "rate_limit.dynamic_adjusted",
                                                              "backpressure.warning",
                                                              "backpressure.rejected",
                                                              "backpressure.dropped",
                                                              "backpressure.cleared",
                                                              "slo.burning",
                                                              "slo.recovered"};

/// A pattern is a type, the beginning of types with a star after it ("job.*"), or "*".
inline bool fits_event_pattern(std::string_view pattern, std::string_view type) {
    if (!pattern.ends_with('*')) return pattern == type;
    return type.starts_with(pattern.substr(0, pattern.size() - 1));
}

/// Whether there is a type that fits.
inline bool is_event_pattern(std::string_view pattern) {
    return std::ranges::any_of(
        event_types, [&](std::string_view type) { return fits_event_pattern(pattern, type); });
}

}  // namespace sluice
