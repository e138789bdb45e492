#pragma once

#include "proto/limit_rule.hpp"
#include "proto/time.hpp"

#include <cstdint>

/// How often something may happen: the generic cell rate algorithm, a leaky bucket that keeps one
/// time and no counters.
namespace sluice::rules {

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
/// was set back, or the rule became stricter, nobody waits longer than a full burst takes.
rate_answer take(const rate_rule& rule, rate_state state, timestamp now);

/// The state after a start, which another rule may have allowed: it counts under this one as well.
rate_state spend(const rate_rule& rule, rate_state state, timestamp now);

/// How many `take` would allow at `now`.
std::int64_t remaining(const rate_rule& rule, rate_state state, timestamp now);

}  // namespace sluice::rules
