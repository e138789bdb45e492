#pragma once

#include "proto/durability.hpp"
#include "proto/state.hpp"
#include "proto/time.hpp"
#include "proto/uuid.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// JSON text that was validated when it came in and is stored and returned byte for byte. Empty
/// means absent.
using raw_json = std::string;

struct unique_rule;    // proto/unique.hpp
struct limit_rule;     // proto/limit_rule.hpp
struct fairness_rule;  // proto/fairness.hpp

enum class backoff_strategy : std::uint8_t {
    none = 0,
    constant = 1,
    linear = 2,
    exponential = 3,
    polynomial = 4
};
enum class exhaustion : std::uint8_t { discard = 0, dead_letter = 1 };

/// The names on the wire, such as "exponential" and "dead_letter".
std::string_view to_string(backoff_strategy strategy);
std::optional<backoff_strategy> parse_backoff_strategy(std::string_view name);
std::string_view to_string(exhaustion action);
std::optional<exhaustion> parse_exhaustion(std::string_view name);

/// How a failed job is tried again (ojs-retry.md). The defaults are the specification's.
struct retry_policy {
    std::uint32_t max_attempts = 3;  ///< first try included; 0 counts as 1
    std::chrono::milliseconds initial_interval{1000};
    double backoff_coefficient = 2.0;
    std::chrono::milliseconds max_interval{300'000};
    bool jitter = true;
    backoff_strategy strategy = backoff_strategy::exponential;
    exhaustion on_exhaustion = exhaustion::discard;
    std::vector<std::string> non_retryable_errors;  ///< exact types, or a prefix that ends in ".*"

    friend bool operator==(const retry_policy&, const retry_policy&) = default;
};

/// What the producer asked for. It never changes once the job is stored.
struct job_spec {
    uuid id;                 ///< set by the engine unless `client_id`
    bool client_id = false;  ///< the producer chose the id
    std::string type;
    std::string queue = "default";
    int priority = 0;  ///< higher first
    raw_json args = "[]";
    raw_json meta;  ///< an object
    raw_json tags;  ///< an array of strings
    std::string schema;
    raw_json extra;          ///< unknown members of the envelope, `"x_a":1,"x_b":[2]`
    raw_json extra_options;  ///< unknown members of `options`, the same form
    raw_json extra_retry;    ///< unknown members of `retry`, the same form
    retry_policy retry;
    std::optional<std::chrono::milliseconds> timeout;  ///< execution timeout
    std::optional<std::chrono::milliseconds> visibility_timeout;
    std::optional<timestamp> scheduled_at;
    std::string scheduled_at_text;  ///< as the producer wrote it, when it was an absolute time
    std::optional<timestamp> expires_at;
    std::string expires_at_text;
    std::optional<timestamp>
        produced_at;       ///< the producer's clock; shown, never used for decisions
    bool pending = false;  ///< wait for ACTIVATE
    std::optional<durability_class>
        durability;                             ///< asked of its submit; absent: as the server says
    std::shared_ptr<const unique_rule> unique;  ///< null: it may be there any number of times
    std::shared_ptr<const limit_rule> limit;    ///< null: it may run at any time
    std::shared_ptr<const fairness_rule> fairness;  ///< null: it has no key
    std::optional<uuid> workflow;  ///< the workflow it is a job of; set by the engine
};

/// A worker's claim on an active job. Each grant has a token that was never issued before: the boot
/// epoch is bumped and synced whenever the store is opened, the counter goes up with each grant,
/// the nonce is random.
struct lease_token {
    std::uint32_t epoch = 0;  ///< 0: no lease was ever granted
    std::uint64_t counter = 0;
    std::uint32_t nonce = 0;

    friend bool operator==(const lease_token&, const lease_token&) = default;
    explicit operator bool() const { return epoch != 0; }
};

/// Opaque to clients: URL-safe text such as "7.1a2b.90cd12ef", at most 34 bytes. Each token has
/// exactly one text; `parse_lease` takes no other.
std::string to_string(const lease_token& token);
std::optional<lease_token> parse_lease(std::string_view text);

/// How the latest grant ended. The values are stored.
enum class lease_outcome : std::uint8_t {
    open = 0,  ///< not answered yet
    acked = 1,
    nacked = 2,
    released = 3,   ///< given back without spending an attempt
    lapsed = 4,     ///< visibility timeout, dead worker, server restart
    timed_out = 5,  ///< execution timeout
    cancelled = 6,
};
std::string_view to_string(lease_outcome outcome);
std::optional<lease_outcome> parse_lease_outcome(std::string_view name);

/// One run of a job, for the timeline.
struct job_attempt {
    std::uint32_t attempt = 0;
    std::string worker_id;
    timestamp started_at;
    std::optional<timestamp> finished_at;
    lease_outcome outcome = lease_outcome::open;
};

/// One failure, for `errors`.
struct job_failure {
    std::string type;  ///< class of the error, for non_retryable_errors
    std::string code;
    std::string message;
    raw_json details;
    std::uint32_t attempt = 0;
    timestamp occurred_at;
};

/// How far a run says it is.
struct job_progress {
    double fraction = 0.0;  ///< 0 to 1; never falls within a run, and is 1 once it is completed
    std::string message;
    raw_json data;  ///< an object of the worker's own
    timestamp reported_at;

    friend bool operator==(const job_progress&, const job_progress&) = default;
};

/// A job as the server knows it: what was asked for, and all that happened since.
struct job_record {
    std::int64_t seq = 0;  ///< order of arrival, unique in one store
    std::int64_t ticket =
        0;  ///< order within queue and priority; a new one each time it joins the line anew.
            ///< With fairness keys it is a time of their own: see rules/fairness.hpp
    std::shared_ptr<const job_spec> spec;

    job_state state = job_state::available;
    std::uint32_t attempt = 0;        ///< 1 in the first run
    std::uint32_t interruptions = 0;  ///< runs that ended without an answer; not attempts
    bool dead_letter = false;         ///< discarded, and kept for a person to look at

    timestamp received_at;  ///< `created_at` on the wire
    std::optional<timestamp> durable_at;
    std::optional<timestamp>
        available_at;  ///< latest time it joined the line; `enqueued_at` on the wire
    std::optional<timestamp> started_at;  ///< latest grant
    std::optional<timestamp>
        finished_at;  ///< the answer to the latest grant came in, or the job ended otherwise
    std::optional<timestamp> acked_at;  ///< that answer was durable
    std::optional<timestamp> due_at;    ///< scheduled or retryable: when it becomes available

    lease_token lease;  ///< latest grant, also after it ended
    lease_outcome outcome = lease_outcome::open;
    std::string worker_id;  ///< of the latest grant
    std::optional<timestamp> lease_expires_at;
    /// How long the latest lease lives from each word of its worker. Empty: as the job or the
    /// server says.
    std::optional<std::chrono::milliseconds> lease_length;
    /// What was left of the execution timeout when the worker was last heard. Empty: all of it.
    std::optional<std::chrono::milliseconds> run_left;
    std::optional<std::chrono::milliseconds> retry_delay;  ///< latest back-off

    std::shared_ptr<const job_progress> progress;  ///< of the latest run; null: it said nothing

    /// An array: the results of the jobs before it in its workflow, null where there is none.
    raw_json parent_results;
    raw_json result;
    std::vector<job_failure> failures;  ///< oldest first, at most limits::error_history_max
    bool failed_last = false;           ///< the latest run failed: `error` is shown
    std::vector<uuid> children;         ///< jobs that its completion stored, in their order
    std::vector<job_attempt> attempts;  ///< oldest first, at most limits::error_history_max
};

/// How far the server's clock is ahead of the producer's, at most: from `produced_at` by the one to
/// `received_at` by the other. The way of the request is in it, which takes some time, so the
/// true offset is smaller by that. Nothing when the producer did not say its time.
inline std::optional<std::chrono::microseconds> producer_offset(const job_record& job) {
    if (!job.spec->produced_at) return std::nullopt;
    return job.received_at - *job.spec->produced_at;
}

}  // namespace sluice
