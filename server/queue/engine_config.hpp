#pragma once

#include "proto/durability.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

/// Job types that in-server workers take, and how many of them at one time.
struct handled_type {
    std::string pattern;          ///< see proto/type_pattern.hpp
    std::size_t concurrency = 0;  ///< over all queues; 0: no limit of its own

    friend bool operator==(const handled_type&, const handled_type&) = default;
};

/// Rules of the local engine that an operator may set.
struct engine_config {
    durability_class durability = durability_class::fsync;  ///< of jobs that name none
    /// How long a worker may hold a job before others may take it. A heartbeat starts it anew from
    /// now, not from the old expiry. Does not affect leases already granted.
    std::chrono::milliseconds visibility_timeout = std::chrono::seconds{1800};
    /// How long one run may take, whatever heartbeats come. Counts as a failure.
    std::chrono::milliseconds execution_timeout = std::chrono::seconds{1800};
    /// A worker that has sent heartbeats and then is silent for this long is taken for dead.
    std::chrono::milliseconds worker_silence = std::chrono::seconds{60};
    /// Workers known at one time, those that hold a job aside; the heartbeat of another is refused.
    std::size_t workers_max = 100'000;
    /// A job interrupted more often than this is discarded as a dead letter: it may be what kills
    /// its workers.
    std::uint32_t interruptions_max = 5;
    std::chrono::hours retention_completed{24};
    std::chrono::hours retention_discarded{24 * 14};  ///< cancelled ones too
    std::chrono::hours retention_dead_letters{0};     ///< 0: they stay until somebody removes them
    std::chrono::hours idempotency_window{24};
    /// Records of waiting jobs kept in memory, near the head of each line. A job that is read from
    /// the store again costs 3 to 5 µs more; 4,096 of small ones take 5 MiB (bench_field, P6, P8).
    std::size_t window_jobs = 4096;
    std::size_t window_bytes = std::size_t{64} * 1024 * 1024;  ///< in all
    /// Not yet durable at one time; beyond it push is refused with `overloaded`.
    std::size_t uncommitted_bytes_max = std::size_t{64} * 1024 * 1024;
    /// What the log of one job may hold, all its runs together, by `log_cost`; the line that goes
    /// beyond it is the last.
    std::size_t job_log_bytes = std::size_t{4} * 1024 * 1024;
    std::size_t finished_cache = 4096;  ///< finished jobs kept in memory for late questions
    std::size_t events_max = 16384;     ///< lifecycle events kept in memory
    /// Pairs of queue and type whose latency is kept apart, and what their histograms may take.
    std::size_t latency_pairs = 1000;
    std::size_t latency_bytes = std::size_t{64} * 1024 * 1024;
    /// A run that waited, or took, longer than this is told of in the log. 0: none is.
    std::chrono::milliseconds slow_waiting{0};
    std::chrono::milliseconds slow_running{0};
    std::size_t crons_max = 10'000;             ///< registered cron jobs
    std::size_t workflows_max = 100'000;        ///< with unfinished jobs; each is kept in memory
    std::size_t webhook_backlog_max = 100'000;  ///< deliveries that have not ended
    std::size_t idle_queues = 4096;             ///< queues without jobs that are still listed
    std::size_t idle_limits = 4096;             ///< keys of rate limits without jobs, still listed
    /// Remote workers may take these types too, and are not bound by the limits.
    std::vector<handled_type> handled_types;
    /// Queues with in-server workers of their own: those that serve "*" leave them alone.
    std::vector<std::string> pool_queues;
};

}  // namespace sluice
