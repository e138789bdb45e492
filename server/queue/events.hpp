#pragma once

#include "proto/job.hpp"
#include "server/observe/objective.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Lifecycle events (ojs-events.md) as they leave a backend.
namespace sluice {

/// How full a queue with a bound is.
struct queue_pressure {
    std::uint64_t depth = 0;  ///< jobs that have not ended
    std::uint64_t bound = 0;

    double ratio() const { return static_cast<double>(depth) / static_cast<double>(bound); }
};

/// What an event of a cron job tells beyond the job.
struct cron_event {
    std::string name, expression, timezone;
    /// Static text. Of "cron.skipped": "overlap_skip", "dst_skip", "queue_full", "missed" (nothing
    /// is caught up) or "invalid" (its job is refused by now).
    std::string_view reason;
    timestamp scheduled_at;
    std::uint64_t run_count = 0;
};

/// What an event of a rate limit tells beyond the job.
struct limit_event {
    std::string key;
    std::string_view strategy;       ///< static text: "concurrency", "rate" or "hold"
    std::int64_t limit = 0;          ///< runs at a time or in a period; of "hold" nothing
    std::uint64_t current = 0;       ///< active jobs
    std::optional<timestamp> until;  ///< of "rate_limit.dynamic_adjusted"
};

/// What happened to a job (ojs-events.md). Kept in memory only, the latest some thousands.
struct job_event {
    std::uint64_t id = 0;   ///< rises by one with each event since the server started
    std::string_view type;  ///< static text: "job.enqueued", "job.started", "job.completed", ...
    timestamp time;
    job_record job;  ///< as it was right after; `args`, `meta` and `result` may be left out
    /// Of the types "cron.…": of `job` only the queue, the type and, if there is one, the id mean
    /// anything then.
    std::shared_ptr<const cron_event> cron;
    std::shared_ptr<const limit_event> limit;  ///< of the types "rate_limit.…"
    /// Of the types "backpressure.…": of `job` only the queue and, if there is one, the type and
    /// the id mean anything then.
    std::shared_ptr<const queue_pressure> pressure;
    /// Of the types "slo.…": of `job` only the queue means anything then.
    std::shared_ptr<const objective_status> objective;
};

struct event_query {
    std::vector<std::string> types;   ///< empty: all
    std::vector<std::string> queues;  ///< empty: all
    std::optional<std::uint64_t>
        after;  ///< only events with a larger id; absent: the latest `limit`
    std::size_t limit = 100;
    std::chrono::milliseconds wait{0};  ///< with `after`: wait for the first one
};

struct event_page {
    std::vector<job_event> events;  ///< oldest first
    std::uint64_t last_id = 0;      ///< what to pass as `after` next time
    bool gap = false;               ///< events after `after` had already been dropped
};

}  // namespace sluice
