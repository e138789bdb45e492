#pragma once

#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"

#include <cstdint>
#include <string_view>

/// What both families of queue routes have in common.
namespace sluice::http {

/// What the name of a queue can be; anything else in a path is a mistake, not an unknown queue.
bool is_queue_name(std::string_view name);
error malformed_queue_name();

/// Jobs that have not ended.
std::uint64_t depth(const queue_stats& queue);
/// "active" or "paused".
std::string_view status_of(const queue_stats& queue);

/// `"available":1,...`: one member for each state.
void append_counts(json_writer& out, const queue_stats& queue);

/// `"start_latency":{...}`: whether the jobs of a queue start in time.
void append_start_latency(json_writer& out, const objective_status& status);

/// Leaves those the caller may see, by name.
void keep_visible(const request& r, std::vector<queue_stats>& queues);

}  // namespace sluice::http
