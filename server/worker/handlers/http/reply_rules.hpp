#pragma once

#include "proto/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

/// What an answer means for the job. Pure.
namespace sluice::worker::push {

enum class verdict : std::uint8_t {
    complete,          ///< 2xx
    delegate,          ///< 202 with this job's lease: the receiver acks later
    foreign_lease,     ///< 202 with another lease: it took something that it does not hold
    redirect_refused,  ///< 3xx: the address it names was never checked
    gone,              ///< 410: nobody will ever take it
    slow_down,         ///< 429, 502, 503, 504: later, when Retry-After says so or the policy
    fail,              ///< other 4xx and 5xx, and what is no final status
};

/// `job_lease` is the field of that name in the answer, empty when absent.
verdict judge(unsigned status, std::string_view job_lease, std::string_view own_lease);

inline constexpr std::chrono::hours retry_after_max{1};

/// Seconds, or a date in one of the three forms of RFC 9110, from `now` on; at most
/// `retry_after_max`, zero for a date in the past. Nothing for anything else.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, timestamp now);

}  // namespace sluice::worker::push
