#pragma once

#include "client/failure.hpp"
#include "proto/job.hpp"
#include "proto/job_log.hpp"
#include "proto/json_text.hpp"
#include "proto/queue_config.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the client says and hears, as values. Members the server sends and the client does not know
/// are ignored; the text of a job stays at hand, byte for byte.
namespace sluice::client {

struct new_job {
    std::string type;
    std::string queue = "default";
    raw_json args = "[]";
    std::optional<int> priority;
    std::optional<timestamp> produced_at;
    std::string fairness_key;  ///< empty: none, and the next two say nothing
    std::int64_t fairness_weight = 1;
    std::int64_t cost = 1;
    raw_json extra_options;  ///< further members of `options`, without braces
};

/// The server's stamps of one job (its clock alone, except `produced_at`).
struct timeline {
    std::optional<timestamp> produced_at;
    std::optional<timestamp> received_at;
    std::optional<timestamp> durable_at;
    std::optional<timestamp> available_at;
    std::optional<timestamp> started_at;
    std::optional<timestamp> finished_at;
    std::optional<timestamp> acked_at;

    /// When the job was there for good: durable, or received where that is not known.
    std::optional<timestamp> created_at() const { return durable_at ? durable_at : received_at; }
    /// When a worker could have had it: the later of created and available.
    std::optional<timestamp> due_at() const;
    /// Nothing where a stamp is missing; never negative.
    std::optional<std::chrono::microseconds> waiting() const;
    std::optional<std::chrono::microseconds> running() const;
    std::optional<std::chrono::microseconds> total() const;
};

struct attempt_info {
    std::uint32_t attempt = 0;
    std::string worker_id;
    std::string outcome;
    std::optional<timestamp> started_at;
    std::optional<timestamp> finished_at;
};

struct job_info {
    std::string id;
    std::string type;
    std::string queue;
    std::string state;
    int priority = 0;
    std::uint32_t attempt = 0;
    std::uint32_t max_attempts = 0;
    raw_json args;
    raw_json result;
    std::string error_message;  ///< of the latest failure; empty without one
    std::optional<timestamp> created_at;
    std::optional<timestamp> due_at;  ///< scheduled or retryable: when it becomes available
    timeline times;
    std::vector<attempt_info> attempts;
    std::string lease;  ///< in a grant: the worker's claim on this run
    std::optional<timestamp> lease_expires_at;
    raw_json text;  ///< the whole job as the server sent it

    bool terminal() const;
};

struct job_list {
    std::vector<job_info> jobs;
    std::string next;  ///< what to pass as `after` for more; empty at the end
    std::optional<std::uint64_t> total;
    raw_json text;
};

/// Whether the jobs of a queue start in time.
struct start_latency_info {
    struct window {
        std::string name;  ///< such as "5m"
        std::uint64_t good = 0;
        std::uint64_t bad = 0;
        double compliance = 1.0;
        double burn_rate = 0.0;
    };
    double objective = 0.0;
    std::string within;
    bool burning = false;
    std::vector<window> windows;
};

struct queue_info {
    std::string name;
    bool paused = false;
    std::vector<std::pair<std::string, std::uint64_t>> jobs;  ///< by state
    std::optional<start_latency_info> start_latency;          ///< absent: it has no objective
    raw_json text;
};

/// How many jobs a queue may hold, and what becomes of one more.
struct queue_bound {
    std::uint64_t max_depth = 0;      ///< 0: any number
    std::string strategy = "reject";  ///< or "block", "drop_oldest"
    double warning_threshold = 0.8;   ///< the part of it from which producers are warned
};

/// What is to be set of a queue; the rest stays as it is.
struct queue_change {
    std::optional<queue_bound> bound = std::nullopt;
    /// Jobs that run at a time; "any": any number.
    std::optional<std::string> concurrency = std::nullopt;
    /// How soon its jobs are to start. An empty one in it: there is no objective any more.
    std::optional<std::optional<start_objective>> start_latency = std::nullopt;
};

struct queue_settings {
    std::string name;
    std::uint64_t depth = 0;  ///< jobs that have not ended
    queue_bound bound;
    std::optional<std::uint64_t> concurrency;         ///< absent: any number
    std::optional<start_latency_info> start_latency;  ///< without windows; absent: no objective
    raw_json text;
};

/// Which jobs of a queue are to go.
struct purge_order {
    std::string queue;
    std::string states;      ///< such as "completed,cancelled"
    std::string older_than;  ///< an RFC 3339 time; empty: of any age
    std::string cursor;      ///< where to go on; empty: begin
};

struct purge_info {
    std::uint64_t purged = 0;
    std::uint64_t failed = 0;  ///< still needed by their workflow
    std::string next_cursor;   ///< where to go on; empty: that was all
};

struct event_info {
    std::string type;  ///< such as "job.completed"
    std::optional<timestamp> time;
    std::string job_id;
    std::string queue;
    std::string state;  ///< of the job, right after
    std::uint32_t attempt = 0;
    std::string worker_id;  ///< of the latest run; empty before the first
    raw_json result;        ///< where the event carries it
    timeline times;
};

struct event_list {
    std::vector<event_info> events;
    std::uint64_t last_id = 0;
    bool gap = false;  ///< events were dropped before they could be read
};

struct log_lines {
    std::vector<log_line> lines;  ///< oldest first
    std::vector<raw_json> texts;  ///< each as the server sent it
    std::uint64_t next = 0;       ///< what to pass as `after` next time
    bool more = false;            ///< there are more already
    bool ended = false;           ///< the job has ended and these are its last lines
};

struct health_info {
    bool ready = false;
    std::string status;
    std::string reason;
    std::string version;
    std::string store;
    raw_json text;
};

std::string encode(const new_job& job);
std::string encode(const queue_change& change);
std::string encode_batch(const std::vector<new_job>& jobs);

/// Each reads the body of one kind of answer; nothing when it is not what it must be.
job_info job_from(json_value job);
std::optional<job_info> read_job(std::string_view body);  ///< `{"job":{...}}` or the bare job
std::optional<job_list> read_jobs(std::string_view body);
std::optional<queue_info> read_queue(std::string_view body);
std::optional<std::vector<queue_info>> read_queues(std::string_view body);
std::optional<queue_settings> read_queue_settings(std::string_view body);
std::optional<purge_info> read_purge(std::string_view body);
std::optional<event_list> read_events(std::string_view body);
std::optional<event_info> read_event(std::string_view body);
std::optional<log_lines> read_log(std::string_view body);
std::optional<health_info> read_health(std::string_view body);

/// An error answer as a value. Bodies that are not Open Job Spec's give a sentence made of the
/// status alone.
failure read_error(int status, std::string_view body);

}  // namespace sluice::client
