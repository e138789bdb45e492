#pragma once

#include "proto/error.hpp"
#include "proto/limit_rule.hpp"
#include "proto/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// What becomes of a job for a queue that is full (ojs-backpressure.md §5).
enum class full_strategy : std::uint8_t { reject, block, drop_oldest };
std::string_view to_string(full_strategy strategy);
std::optional<full_strategy> parse_full_strategy(std::string_view name);

/// How many jobs a queue may hold.
struct queue_bound {
    std::uint64_t max_depth = 0;  ///< jobs that have not ended; 0: any number
    full_strategy strategy = full_strategy::reject;
    double warning_threshold = 0.8;  ///< the part of `max_depth` from which producers are warned

    /// Whether a depth is to be warned of.
    bool presses(std::uint64_t depth) const {
        return max_depth > 0 &&
               static_cast<double>(depth) >= warning_threshold * static_cast<double>(max_depth);
    }
    friend bool operator==(const queue_bound&, const queue_bound&) = default;
};

/// How soon the jobs of a queue are to start.
struct start_objective {
    double objective = 0.99;              ///< the share that is to; between 0 and 1
    std::chrono::milliseconds within{0};  ///< from when they could

    friend bool operator==(const start_objective&, const start_objective&) = default;
};

/// What an operator has set for one queue.
struct queue_config {
    queue_bound bound;
    /// Jobs of the queue that run at a time, whatever their own limits; absent: any number.
    std::optional<std::int64_t> concurrency = std::nullopt;
    /// Only measured and told of; changes nothing of what runs when. Absent: none.
    std::optional<start_objective> start_latency = std::nullopt;

    friend bool operator==(const queue_config&, const queue_config&) = default;
};

/// Reads the body of PUT and PATCH /admin/queues/{name}/config, and what encode_queue_config wrote:
/// what is not named stays as it is in `base`.
result<queue_config> decode_queue_config(std::string_view body, queue_config base = {});
std::string encode_queue_config(const queue_config& config);
/// "250ms" or "2s".
std::string format_within(const start_objective& objective);

/// What an operator has set in place of the rules that the jobs under one key came with.
struct limit_override {
    std::optional<std::int64_t> concurrency;  ///< absent: as the job says
    std::optional<rate_rule> rate;            ///< absent: as the job says
    std::optional<timestamp> expires_at;

    friend bool operator==(const limit_override&, const limit_override&) = default;
};

/// Reads the body of PUT /rate-limits/{key}, and what encode_limit_override wrote. `now` is the
/// start of an offset such as "+PT1H".
result<limit_override> decode_limit_override(std::string_view body, timestamp now);
std::string encode_limit_override(const limit_override& given);

}  // namespace sluice
