#pragma once

#include "server/observe/latency_table.hpp"
#include "server/observe/slow_runs.hpp"
#include "server/queue/backend.hpp"
#include "server/queue/cron_table.hpp"
#include "server/queue/delivery_counts.hpp"
#include "server/queue/engine_config.hpp"
#include "server/queue/engine_types.hpp"
#include "server/queue/event_log.hpp"
#include "server/queue/job_store.hpp"
#include "server/queue/job_table.hpp"
#include "server/queue/key_table.hpp"
#include "server/queue/limit_table.hpp"
#include "server/queue/pool_state.hpp"
#include "server/queue/queue_table.hpp"
#include "server/queue/redrive_table.hpp"
#include "server/queue/throughput.hpp"
#include "server/queue/timer_set.hpp"
#include "server/queue/unique_table.hpp"
#include "server/queue/worker_table.hpp"
#include "server/queue/workflow_table.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace sluice {

/// All that the engine knows. What it does is in engine.hpp; nobody else includes this.
class engine_state {
protected:
    engine_state(engine_config config, std::uint64_t seed, instant now)
        : config_(std::move(config)),
          random_(seed),
          start_(now),
          latency_({config_.latency_pairs, config_.latency_bytes}, now.wall),
          events_(config_.events_max) {}

    engine_config config_;
    std::mt19937_64 random_;
    std::uint32_t epoch_ = 0;
    std::int64_t next_seq_ = 1;  ///< also the next ticket of a queue without fairness keys
    std::uint64_t lease_counter_ = 0;
    std::int64_t careful_below_ = 0;    ///< jobs before it may have ended the process before
    std::uint64_t settings_batch_ = 0;  ///< the latest batch taken that changes a queue's settings
    instant start_;

    std::map<std::string, handler_group, std::less<>> handlers_;  ///< by pattern
    /// In-server runs whose handler has not returned, by the number of their grant: what the limits
    /// count. Whether the job is still theirs plays no part.
    std::unordered_map<std::uint64_t, handler_run> handler_runs_;
    bool handler_freed_ = false;  ///< one that was at its limit may take jobs again
    std::set<std::string, std::less<>> pool_queues_;

    job_table jobs_;
    unique_table unique_;
    queue_table queues_;
    std::vector<fair_level> fair_ended_;   ///< to be freed a little at a time
    std::vector<ready_line> lines_ended_;  ///< the same; all that is in them is stale
    std::uint64_t next_fair_level_ = 1;
    limit_table limits_;
    worker_table workers_;
    throughput throughput_;
    latency_table latency_;
    slow_runs slow_runs_;
    /// Leases, execution, silence, long polls, back-off, snoozes, rates: immune to clock jumps.
    timer_set steady_timers_;
    timer_set wall_timers_;  ///< scheduled_at, expires_at
    /// When the snooze of a job ends on the steady clock; the job itself may be at rest meanwhile.
    std::unordered_map<std::int64_t, std::chrono::microseconds> snoozed_;
    event_log events_;

    std::map<std::uint64_t, taker> takers_;
    /// Takers whose fetch has an id, by their worker and that id.
    std::map<std::pair<std::string, std::string>, std::uint64_t> named_takers_;
    std::uint64_t next_taker_ = 1;
    std::vector<std::uint64_t> load_waiters_;  ///< takers that wait for a load to know more
    taker_list any_queue_takers_;              ///< takers of "*"
    taker_list handler_takers_;                ///< in-server takers
    std::optional<std::chrono::microseconds> handlers_asked_at_;  ///< those of "*", last
    std::vector<grant> grants_;
    std::vector<lease_token> lost_runs_;
    std::vector<wanted_load> wanted_;
    std::vector<std::int64_t> due_loads_;
    std::vector<queue_state*>
        blocked_offers_;                ///< jobs wait there for a taker that waits for a load
    std::vector<queue_state*> offers_;  ///< queues that got jobs in this command

    std::uint64_t open_batch_ = 1;
    std::uint64_t committed_batch_ = 0;
    bool under_way_synced_ = false;             ///< that of `under_way_` survives a power cut
    std::uint64_t synced_batch_ = 0;            ///< up to it all that was committed does
    std::uint64_t weak_batch_ = 0;              ///< latest one with a new job that need not
    std::vector<std::int64_t> changed_;         ///< jobs changed in the open batch
    std::vector<std::int64_t> under_way_;       ///< jobs of the batch being committed
    std::vector<log_write> logs_;               ///< lines of the open batch
    std::vector<std::int64_t> open_logs_;       ///< their jobs
    std::vector<std::int64_t> logs_under_way_;  ///< those of the batch being committed
    std::vector<uuid> logged_;
    std::size_t open_log_bytes_ = 0;
    std::size_t uncommitted_log_bytes_ = 0;
    key_table keys_;
    /// What was set in the open batch; empty: it is set no more.
    std::map<std::pair<setting_kind, std::string>, std::string> settings_;
    std::map<std::int64_t, queue_state*> objectives_;  ///< queues with one, by its number
    std::int64_t next_objective_ = 1;
    std::size_t bounded_queues_ = 0;      ///< with a bound of their own
    std::set<std::string> roomy_;         ///< such as may have room for those who wait for it
    std::map<std::string, bool> pauses_;  ///< of the open batch: queue, paused
    std::map<std::string, webhook_subscription, std::less<>> webhooks_;  ///< by id
    std::vector<webhook_delivery> deliveries_;  ///< to be made in the open batch
    delivery_counts deliveries_left_;           ///< those to be made included
    std::uint64_t webhooks_left_out_ = 0;
    std::map<std::string, pool_state, std::less<>> pools_;
    redrive_table redrives_;
    std::vector<redrive_read> redrive_reads_;  ///< to be made
    cron_table crons_;
    timestamp wall_seen_;  ///< when timers were last looked at
    workflow_table workflows_;
    std::unordered_map<std::int64_t, job_results> read_results_;  ///< of the load being admitted
    job_turns turns_;
    bool sync_ = false;
    bool reset_ = false;
    std::uint64_t reset_batch_ = 0;  ///< that of the latest reset
    std::size_t open_bytes_ = 0;
    std::size_t uncommitted_bytes_ = 0;

    std::uint64_t next_load_ = 1;
    std::uint64_t first_load_ = 1;   ///< since the latest reset; what earlier ones bring is void
    std::set<std::uint64_t> loads_;  ///< under way
    /// Jobs that could go once the loads before the given one have ended, in that order.
    std::deque<std::pair<std::int64_t, std::uint64_t>> evictions_;
    std::list<std::int64_t> finished_;  ///< resident finished jobs, oldest first
    std::size_t window_bytes_ = 0;      ///< of resident waiting jobs
    /// Names that may be of no use any more; looked at when nobody holds a reference to them.
    std::set<lane_name> unused_lanes_;
    std::set<std::string> unused_queues_;
    /// Jobs that ran when this process started.
    std::unordered_set<std::int64_t> inherited_;
    bool draining_ = false;
    bool disk_low_ = false;
};

}  // namespace sluice
