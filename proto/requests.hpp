#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Body of POST /workers/fetch.
struct fetch_request {
    std::string worker_id;  ///< may be empty
    std::vector<std::string>
        queues;  ///< strict order, left to right; "default" when the body names none
    /// A pool whose rule says which of the queues is next (proto/fair_pool.hpp); empty: none. On
    /// the wire it takes the place of `queues`, which are looked up before anything is fetched.
    std::string pool;
    /// Only these job types; empty: all. Patterns too ("mail.*", "*"), see proto/type_pattern.hpp.
    std::vector<std::string> types;
    std::size_t count = 1;
    std::optional<std::chrono::milliseconds> visibility_timeout;
    std::chrono::milliseconds wait{0};  ///< long poll
    /// The worker's own name for this fetch; may be empty. Asked again under it, when the answer
    /// was lost, the same jobs are told of again.
    std::string fetch_id;
    /// Not on the wire: only types that a handler of this server takes, and no more of them at one
    /// time than it allows. `types` plays no part then.
    bool handled_only = false;
};

/// Body of POST /workers/ack.
struct ack_request {
    uuid job_id;
    std::string worker_id;  ///< may be empty
    std::optional<lease_token> lease;
    raw_json result;                ///< any JSON; empty: none
    std::vector<job_spec> enqueue;  ///< follow-ups: stored with the completion, or neither is
    /// Whether jobs of this queue may be told of to the caller, or replaced by the follow-ups.
    /// Empty: all.
    std::function<bool(std::string_view queue)> may_touch;
    std::optional<fetch_request> fetch;  ///< "ack and go on"
};

/// Body of POST /workers/nack.
struct nack_request {
    uuid job_id;
    std::string worker_id;
    std::optional<lease_token> lease;
    job_failure failure;  ///< attempt and time are set by the engine
    bool retryable = true;
    std::optional<std::chrono::milliseconds>
        retry_after;  ///< the worker's own wish, instead of the policy
    /// No job under the same key of rate limits is to start before (ojs-rate-limiting.md §9.1).
    std::optional<timestamp> rate_limit_until;
    std::optional<std::chrono::milliseconds> hold_limit;  ///< the same, from now on
    /// The handler's own choice instead of the policy's (`code` DISCARD, FAIL or DEAD_LETTER;
    /// ojs-retry.md §7). Comes with `retryable` false.
    std::optional<exhaustion> end;
    bool requeue = false;  ///< back to available at once; the attempt counts
    bool release = false;  ///< back without spending an attempt
    std::optional<std::chrono::milliseconds>
        snooze;  ///< back after this time without spending an attempt
    std::optional<fetch_request> fetch;
};

/// Body of PUT /jobs/{id}/progress.
struct progress_request {
    uuid job_id;  ///< from the path
    std::string worker_id;
    std::optional<lease_token> lease;
    std::optional<double> fraction;  ///< clamped to 0..1; absent: as it was
    std::string message;
    raw_json data;  ///< an object; empty: none
};

/// What a worker says of itself in a heartbeat, and what the server tells it.
enum class worker_state : std::uint8_t { running = 0, quiet = 1, terminate = 2 };
std::string_view to_string(worker_state state);

struct heartbeat_job {
    uuid job_id;
    std::optional<lease_token> lease;
};

/// Body of POST /workers/heartbeat.
struct heartbeat_request {
    std::string worker_id;
    worker_state state = worker_state::running;
    std::vector<heartbeat_job> jobs;
    std::optional<std::chrono::milliseconds> visibility_timeout;
    bool keeps_state = false;  ///< `state` was not said: it is what it was
};

/// Body of POST /workers/batch: answers for many jobs at once.
struct answers_request {
    std::string worker_id;          ///< may be empty
    std::vector<ack_request> acks;  ///< none has a fetch of its own; so with `nacks`
    std::vector<nack_request> nacks;
    heartbeat_request heartbeat;  ///< of the jobs it names; none: not asked for
    std::optional<fetch_request> fetch;
};

}  // namespace sluice
