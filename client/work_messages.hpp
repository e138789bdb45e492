#pragma once

#include "client/messages.hpp"
#include "proto/job_log.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What a worker says and hears, as values.
namespace sluice::client {

struct fetch_order {
    std::string worker_id;
    std::vector<std::string> queues;  ///< strict order
    std::vector<std::string> types;   ///< empty: all; patterns too, such as "mail.*"
    std::size_t count = 1;
    std::optional<std::chrono::milliseconds> visibility_timeout;
    std::chrono::milliseconds wait{0};
    /// The worker's name for this fetch. Asked again under it the server tells of the same jobs
    /// again, which brings back what a lost answer held.
    std::string fetch_id;
};

/// One grant, as worker and server name it to each other.
struct lease_name {
    std::string job_id;
    std::string lease;
};

/// What became of a job whose run ended, in the handler's words.

/// The job is done. `result` is JSON text, or empty.
struct completed {
    raw_json result;
};
/// The run failed; the job's retry policy decides, unless `retryable` is false. `retry_after` takes
/// the place of the policy's back-off.
struct failed {
    std::string message;
    std::string type = "handler_error";  ///< class of the error, for `non_retryable_errors`
    raw_json details;                    ///< a JSON object, or empty
    bool retryable = true;
    std::optional<std::chrono::milliseconds> retry_after;
};
/// Not now: the job comes back after `delay` without spending an attempt.
struct snoozed {
    std::chrono::milliseconds delay{0};
};
/// Failed for good: the job ends discarded, whatever its policy says.
struct discarded {
    std::string message;
};
/// Failed for good: the job ends as a dead letter, whatever its policy says.
struct dead_lettered {
    std::string message;
};
/// Stopped before it was done: the job goes back at once without spending an attempt.
struct released {};

using job_outcome = std::variant<completed, failed, snoozed, discarded, dead_lettered, released>;

/// What the server made of an answer.
struct answer_info {
    std::string state;  ///< of the job now
    std::uint32_t attempt = 0;
    bool dead_letter = false;
    std::optional<timestamp> next_attempt_at;
    std::vector<job_info> jobs;  ///< leased in the same request
};

struct beat_order {
    std::string worker_id;
    std::string state;  ///< "running", "quiet" or "terminate"
    std::vector<lease_name> leases;
};

struct beat_info {
    struct job {
        std::string job_id;
        std::string problem;  ///< an error's code; empty: the lease was renewed
        std::string state;    ///< of the job
    };
    std::string directive;  ///< what the server wants: "running", "quiet" or "terminate"
    /// After how long a silence the server takes a worker for dead; empty: it did not say.
    std::optional<std::chrono::milliseconds> worker_silence;
    std::vector<job> jobs;  ///< in the order of the request
};

struct progress_report {
    double fraction = 0;
    std::string message;
};

std::string encode(const fetch_order& order);
/// `fetch`, if given, goes along: "and give me the next one".
std::string encode_ack(const lease_name& lease, std::string_view worker_id,
                       const completed& outcome, const fetch_order* fetch);
/// `outcome` is anything but completed.
std::string encode_nack(const lease_name& lease, std::string_view worker_id,
                        const job_outcome& outcome, const fetch_order* fetch);
std::string encode(const beat_order& order);
std::string encode_progress(const lease_name& lease, std::string_view worker_id,
                            const progress_report& report);
std::string encode_log(const lease_name& lease, std::string_view worker_id,
                       const std::vector<log_text>& lines);

std::optional<answer_info> read_answer(std::string_view body);
std::optional<beat_info> read_beat(std::string_view body);

}  // namespace sluice::client
