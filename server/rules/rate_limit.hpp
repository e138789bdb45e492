#pragma once

#include "proto/error.hpp"
#include "proto/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

/// How often something may happen: the generic cell rate algorithm, a leaky bucket that keeps one
/// time and no counters.
namespace sluice::rules {

inline constexpr std::int64_t rate_limit_max = 1'000'000'000;
inline constexpr std::int64_t rate_burst_max = 1'000'000;
inline constexpr std::chrono::milliseconds rate_period_min{1};
inline constexpr std::chrono::milliseconds rate_period_max = std::chrono::hours{24 * 7};

struct limit_definition {
    std::int64_t limit = 1;  ///< in each `period`, evenly spread
    std::chrono::milliseconds period{1000};
    std::int64_t burst = 1;                   ///< how many may come at once after a rest
    std::optional<std::int64_t> concurrency;  ///< at the same time; 0 holds all back

    friend bool operator==(const limit_definition&, const limit_definition&) = default;
};

/// What is wrong with the definition: errc::validation_failed with its `field`. Nothing when it may
/// be used below.
std::optional<error> check(const limit_definition& definition);

/// The theoretical arrival time: when the next one would come if all were evenly spread. A new one
/// has had a rest.
struct rate_state {
    timestamp next;
    /// What is left of a microsecond, in parts of which `limit` are a whole, since few rates fit
    /// whole microseconds.
    std::int64_t part = 0;

    friend auto operator<=>(const rate_state&, const rate_state&) = default;
};

struct rate_answer {
    bool allowed = false;
    rate_state state;  ///< to be kept; as it was when not allowed
    timestamp at;      ///< `now` when allowed, else the earliest time that will be
};

/// Asks for one. Within any time t at most burst + limit * t / period are allowed. When the clock
/// was set back, or the definition became stricter, nobody waits longer than a full burst takes.
rate_answer take(const limit_definition& definition, rate_state state, timestamp now);

/// How many `take` would allow at `now`.
std::int64_t remaining(const limit_definition& definition, rate_state state, timestamp now);

}  // namespace sluice::rules
