#include "server/queue/engine.hpp"

#include "proto/type_pattern.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice {

engine::engine(engine_config config, std::uint64_t seed, instant now)
    : engine_state(std::move(config), seed, now) {
    for (const auto& type : config_.handled_types)
        handlers_.insert_or_assign(type.pattern, handler_group{.limit = type.concurrency});
    for (const auto& name : config_.pool_queues) pool_queues_.insert(name);
}

void engine::boot(const restore_summary& summary) {
    epoch_ = summary.epoch;
    next_seq_ = summary.next_seq;
    if (!summary.closed) careful_below_ = summary.next_seq;
    end_fair_restore();
    for (const auto& [number, queue] : objectives_) arm_objective(*queue, start_);
    start_turns(start_);
}

timestamp engine::stamp(instant now) const {
    return start_.wall + (now.steady - start_.steady);
}

resident_job* engine::find(const uuid& id) {
    return const_cast<resident_job*>(std::as_const(*this).find(id));
}

const resident_job* engine::find(const uuid& id) const {
    const auto* job = jobs_.find(jobs_.seq_of(id));
    if (!job || job->place == job_place::nowhere || job->record.spec->id != id) return nullptr;
    return job;
}

queue_state& engine::queue_named(std::string_view name) {
    auto& queue = queues_.get(name);
    if (!queue.known) {
        queue.known = true;
        queue.own_pool = pool_queues_.contains(name);
    }
    return queue;
}

ready_lane& engine::lane_of(queue_state& queue, std::string_view type, std::string_view limit_key) {
    auto* plain = queue_table::find_lane(queue, type);
    if (!plain)
        plain = &queue_table::add_lane(queue, type,
                                       const_cast<handler_group*>(find_pattern(handlers_, type)));
    if (limit_key.empty()) return *plain;
    if (auto* known = queue_table::find_limited(*plain, limit_key)) return *known;
    auto& limit = limits_.get(limit_key);
    auto& lane = queue_table::add_limited(*plain, limit, limit_key);
    limit_table::add_lane(limit, lane);
    return lane;
}

/// It may be of no use any more.
void engine::may_go(const ready_lane& lane) {
    unused_lanes_.insert({*lane.queue->name, *lane.type, lane.limit ? lane.limit->key : ""});
}

void engine::forget_lane(ready_lane& lane) {
    if (!queue_table::unused(lane)) return;
    unblock(lane);
    if (auto* limit = lane.limit) {
        limits_.remove_lane(*limit, lane);
        if (limit->lanes.empty() && limit->blocked.empty() && limit->timer_at) {
            steady_timers_.remove({*limit->timer_at, timer_kind::limit, limit->number});
            limit->timer_at.reset();
        }
    }
    queues_.forget(lane);
}

/// Lets go of lines and queues that have neither jobs nor takers: names cost memory, and anybody
/// may invent them.
void engine::forget_unused() {
    for (const auto& name : std::exchange(unused_lanes_, {})) {
        auto* queue = queues_.find(name.queue);
        if (!queue) continue;
        auto* plain = queue_table::find_lane(*queue, name.type);
        auto* limited = plain && !name.limit_key.empty()
                            ? queue_table::find_limited(*plain, name.limit_key)
                            : nullptr;
        if (limited) forget_lane(*limited);
        if (plain) forget_lane(*plain);
        unused_queues_.insert(name.queue);
    }
    for (const auto& name : std::exchange(unused_queues_, {})) {
        auto* queue = queues_.find(name);
        if (!queue) continue;
        if (const auto* gone = queues_.forget_if_unused(*queue, config_.idle_queues)) {
            std::erase(offers_, gone);
            std::erase(blocked_offers_, gone);
        }
    }
}

std::size_t engine::lane_count() const {
    std::size_t lanes = 0;
    for (const auto& [name, queue] : queues_)
        for (const auto& [type, lane] : queue->lanes) lanes += 1 + lane->limited.size();
    return lanes;
}

/// Every change of a job passes through here: it puts the job into the open batch.
void engine::touch(resident_job& job, bool sync) {
    sync_ = sync_ || sync;
    const auto bytes = footprint(job.record);
    if (job.batch != open_batch_) {
        job.batch = open_batch_;
        job.open_bytes = 0;
        changed_.push_back(job.record.seq);
    }
    if (bytes <= job.open_bytes) return;
    open_bytes_ += bytes - job.open_bytes;  // it may have got a result since
    job.open_bytes = bytes;
}

void engine::change_state(resident_job& job, rules::job_event event) {
    const auto next = rules::next_state(job.record.state, event);
    assert(next);
    auto& before = job.queue->jobs[static_cast<std::size_t>(job.record.state)];
    if (before > 0) --before;  // jobs that ended before this start were never counted
    if (job.record.state == job_state::available) --job.lane->waiting;
    if (*next == job_state::available) ++job.lane->waiting;
    const auto from = std::exchange(job.record.state, *next);
    unique_.move(job.record, from);
    if (job.lane->limit) follow_limit(job, from);
    if (from == job_state::available) {
        job.turn_level = 0;
        if (job.queue->fair) leave_fair(job);
        const bool starts = event == rules::job_event::fetch;
        if (job.queue->objective && !starts && job.record.available_at && job.inserted_in == 0)
            job.queue->objective->leave(*job.record.available_at);
    }
    ++job.queue->jobs[static_cast<std::size_t>(*next)];
    const bool ran = from == job_state::active;
    if (job.queue->config && (ran || *next == job_state::active)) {
        queues_.update_turn(*job.queue);
        if (ran) offers_.push_back(job.queue);
    }
    // It may have passed while the job ran, when nobody looked.
    const bool waits = *next != job_state::active && !is_terminal(*next);
    if (waits && from == job_state::active && workflows_.size() > 0) stop_workflow_job(job);
    if (const auto& expires = job.record.spec->expires_at; waits && expires)
        wall_timers_.add({expires->time_since_epoch(), timer_kind::due, job.record.seq});
}

logged_event engine::event_of(const resident_job& job, std::string_view type,
                              timestamp time) const {
    logged_event event;
    event.batch = open_batch_;
    event.type = type;
    event.time = time;
    event.seq = job.record.seq;
    event.job_id = job.record.spec->id;
    event.queue = job.queue->name;
    event.job_type = job.lane->type;
    event.state = job.record.state;
    event.attempt = job.record.attempt;
    event.interruptions = job.record.interruptions;
    event.max_attempts = job.record.spec->retry.max_attempts;
    event.worker_id = job.record.worker_id;
    event.due_at = job.record.due_at;
    if (job.record.failed_last && !job.record.failures.empty())
        event.keep_failure(job.record.failures.back());
    event.stamp_from(job.record);
    return event;
}

void engine::emit(const resident_job& job, std::string_view type, timestamp time) {
    tell(event_of(job, type, time), &job);
}

/// Shows what is durable by now.
void engine::publish_events() {
    events_.publish(committed_batch_, [this](logged_event& event) {
        const auto* job = jobs_.find(event.seq);
        if (!job) return;
        event.stamp_from(job->record);
        if (event.type != "job.started") return;
        event.finished_at.reset();  // the job may have ended in the same batch
        event.acked_at.reset();
    });
}

void engine::set_lease_timer(resident_job& job, std::chrono::microseconds at) {
    clear_lease_timer(job);
    job.timer_at = at;
    steady_timers_.add({at, timer_kind::lease, job.record.seq});
}

void engine::clear_lease_timer(resident_job& job) {
    if (job.timer_at.count() == 0) return;
    steady_timers_.remove({job.timer_at, timer_kind::lease, job.record.seq});
    job.timer_at = {};
}

void engine::end_attempt(resident_job& job, lease_outcome outcome, timestamp time) {
    auto& record = job.record;
    record.outcome = outcome;
    record.finished_at = time;
    record.lease_expires_at.reset();
    if (!record.attempts.empty()) {
        record.attempts.back().finished_at = time;
        record.attempts.back().outcome = outcome;
    }
    clear_lease_timer(job);
    throughput_.count(outcome);
    record_end(job, time);
    workers_.release(record.worker_id, record.seq);
    job.fetch_id.clear();
    if (job.log) end_log_of_run(job, time);
    const bool lost = outcome == lease_outcome::cancelled || outcome == lease_outcome::timed_out ||
                      outcome == lease_outcome::lapsed;
    if (lost && record.worker_id == in_server_worker_id) lost_runs_.push_back(record.lease);
}

/// The job has reached a terminal state.
void engine::finish(resident_job& job, timestamp time) {
    auto& record = job.record;
    record.finished_at = time;
    if (record.due_at)
        wall_timers_.remove({record.due_at->time_since_epoch(), timer_kind::due, record.seq});
    if (record.spec->expires_at)
        wall_timers_.remove(
            {record.spec->expires_at->time_since_epoch(), timer_kind::due, record.seq});
    if (const auto snoozed = snoozed_.find(record.seq); snoozed != snoozed_.end()) {
        steady_timers_.remove({snoozed->second, timer_kind::due, record.seq});
        snoozed_.erase(snoozed);
    }
    record.due_at.reset();
    if (!inherited_.empty()) inherited_.erase(record.seq);
    job.place = job_place::history;
    job.ended_in = open_batch_;
    touch(job, true);
    if (record.spec->type == webhook_job_type) deliveries_left_.remove(limit_key_of(*record.spec));
    if (job.queue->config) follow_depth(*job.queue, time);
    if (crons_.size() > 0) end_cron_job(record.seq);
    if (workflows_.size() > 0) end_workflow_job(job, time);
    if (redrives_.has_canaries()) end_canary(job, time);
}

change_answer engine::answer(const resident_job& job, bool repeated) const {
    change_answer made;
    made.job = job.record;
    made.repeated = repeated;
    return made;
}

result<job_record> engine::info(const uuid& id) const {
    const auto* job = find(id);
    if (!job) return error(errc::not_found);
    return job->record;
}

const job_record* engine::peek(const uuid& id) const {
    const auto* job = find(id);
    return job ? &job->record : nullptr;
}

void engine::begin_drain() {
    if (draining_) return;
    draining_ = true;
    while (!takers_.empty()) {
        const auto id = takers_.begin()->first;
        grants_.push_back({id, {}, 0});
        unpark(id);
    }
}

void engine::reset(instant now) {
    while (!takers_.empty()) {
        const auto id = takers_.begin()->first;
        grants_.push_back({id, {}, 0});
        unpark(id);
    }
    first_load_ = next_load_;
    lose_all_runs();
    jobs_.clear();
    unique_.clear();
    queues_.clear();
    fair_ended_.clear();
    lines_ended_.clear();
    limits_.clear();
    unused_lanes_.clear();
    unused_queues_.clear();
    inherited_.clear();
    snoozed_.clear();
    workers_.clear();
    throughput_.clear();
    latency_.clear(stamp(now));
    steady_timers_.clear();
    wall_timers_.clear();
    events_.clear();
    load_waiters_.clear();
    for (const auto& wanted : std::exchange(wanted_, {})) end_load(wanted.load);
    offers_.clear();
    blocked_offers_.clear();
    due_loads_.clear();
    changed_.clear();
    under_way_.clear();
    logs_.clear();
    open_logs_.clear();
    logs_under_way_.clear();
    open_log_bytes_ = 0;
    keys_.clear();
    pauses_.clear();
    settings_.clear();
    webhooks_.clear();
    deliveries_left_.clear();
    pools_.clear();
    deliveries_.clear();
    bounded_queues_ = 0;
    objectives_.clear();
    roomy_.clear();
    redrives_.clear();
    for (const auto& read : std::exchange(redrive_reads_, {})) end_load(read.load);
    crons_.clear();
    workflows_.clear();
    turns_ = {};
    evictions_.clear();
    finished_.clear();
    window_bytes_ = 0;
    reset_ = true;
    reset_batch_ = open_batch_;
    sync_ = true;
}

}  // namespace sluice
