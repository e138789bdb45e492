#include "server/queue/engine.hpp"

#include <algorithm>

namespace sluice {

std::optional<std::chrono::microseconds> engine::next_timer(instant now) const {
    std::optional<std::chrono::microseconds> wait;
    const auto consider = [&](std::chrono::microseconds left) {
        left = std::max(left, std::chrono::microseconds{0});
        wait = wait ? std::min(*wait, left) : left;
    };
    if (const auto next = steady_timers_.next()) consider(*next - now.steady);
    if (const auto next = wall_timers_.next()) consider(*next - now.wall.time_since_epoch());
    return wait;
}

engine::next_times engine::next_timers() const {
    return {steady_timers_.next(), wall_timers_.next()};
}

void engine::run_timers(instant now) {
    realign_crons(now);
    while (const auto fired = steady_timers_.pop_due(now.steady)) run_timer(*fired, now);
    while (const auto fired = wall_timers_.pop_due(now.wall.time_since_epoch()))
        run_timer(*fired, now);
    request_due_loads();
    dispatch(now);
    forget_unused();
}

void engine::run_timer(const timer& fired, instant now) {
    switch (fired.kind) {
        case timer_kind::lease:
            if (auto* job = jobs_.find(fired.key)) lease_timer(*job, now);
            return;
        case timer_kind::due:
            due(fired.key, now);
            return;
        case timer_kind::worker:
            worker_timer(fired.key, now);
            return;
        case timer_kind::cron:
            cron_timer(fired.key, now);
            return;
        case timer_kind::limit:
            limit_timer(fired.key);
            return;
        case timer_kind::redrive:
            redrive_timer(fired.key, now);
            return;
        case timer_kind::objective:
            objective_timer(fired.key, now);
            return;
        case timer_kind::taker:
            grants_.push_back({static_cast<std::uint64_t>(fired.key), {}, 0});
            unpark(static_cast<std::uint64_t>(fired.key));
            return;
    }
}

void engine::lease_timer(resident_job& job, instant now) {
    job.timer_at = {};
    if (job.record.state != job_state::active) return;
    if (now.steady >= job.run_deadline) {
        fail(job,
             {"timeout", "timeout", "The run took longer than its execution timeout.", {}, 0, {}},
             true, std::nullopt, std::nullopt, lease_outcome::timed_out, now);
        return;
    }
    if (now.steady >= job.lease_deadline) {
        lapse(job, "its visibility timeout passed without a word from the worker.", now);
        return;
    }
    set_lease_timer(job, std::min(job.lease_deadline, job.run_deadline));
}

/// Sets the timer for the end of a snooze: a length of time like a back-off. Only after a restart
/// it is the stored time that counts.
void engine::arm_snooze(std::int64_t seq, std::chrono::microseconds until) {
    snoozed_[seq] = until;
    steady_timers_.add({until, timer_kind::due, seq});
}

/// Sets the timer for the end of a back-off or for a schedule. Back-off is a length of time, so
/// clock jumps do not touch it; a schedule is a time of day.
void engine::arm_due(std::int64_t seq, job_state state, timestamp due_at, instant now) {
    if (state == job_state::retryable) {
        const auto left = std::max(due_at - now.wall, std::chrono::microseconds{0});
        steady_timers_.add({now.steady + left, timer_kind::due, seq});
    } else {
        wall_timers_.add({due_at.time_since_epoch(), timer_kind::due, seq});
    }
}

/// Looks at a job whose schedule, back-off or expiry has come; asks for it first when it is at
/// rest.
void engine::due(std::int64_t seq, instant now) {
    auto* job = jobs_.find(seq);
    if (!job) {
        due_loads_.push_back(seq);
        return;
    }
    auto& record = job->record;
    const bool only_looked_at = turns_.start_when_read.erase(seq) > 0;
    const bool displaced = turns_.place_when_read.erase(seq) > 0;
    if (turns_.end_when_read.contains(seq)) return end_read(*job, now);
    if (job->place != job_place::live) return;
    if (displaced) place_beside(*job);
    if (record.state == job_state::pending) start_made(*job, now);
    const bool waits = record.state != job_state::active && !is_terminal(record.state);
    if (waits && record.spec->expires_at) {
        if (*record.spec->expires_at <= now.wall) {
            expire(*job, now);
            return;
        }
        // The clock was set back while the job was read.
        wall_timers_.add({record.spec->expires_at->time_since_epoch(), timer_kind::due, seq});
    }
    const bool retry = record.state == job_state::retryable;
    const bool schedule = record.state == job_state::scheduled;
    if (!retry && !schedule) return;
    if (retry && only_looked_at && *record.due_at > now.wall) {  // its back-off is not over
        arm_due(seq, record.state, *record.due_at, now);
        return;
    }
    const auto snoozed = snoozed_.find(seq);
    if (schedule && snoozed != snoozed_.end()) {
        if (snoozed->second > now.steady) return;  // its timer is still to come
        snoozed_.erase(snoozed);
    } else if (schedule && *record.due_at > now.wall) {
        arm_due(seq, record.state, *record.due_at, now);
        return;
    }
    change_state(*job, rules::job_event::due);
    // What was retried has the place of its failure, unless places depend on what else waits.
    if (schedule || job->queue->fair || record.spec->fairness)
        record.ticket = new_ticket(*job);
    else if (place_is_taken(*job))  // by one that was given back and had none any more
        record.ticket = job->lane->line.next_free(record.spec->priority, record.ticket);
    touch(*job, true);
    join_line(*job, now);
}

void engine::request_due_loads() {
    constexpr std::size_t at_once = 1024;
    for (std::size_t first = 0; first < due_loads_.size(); first += at_once) {
        const auto last = std::min(first + at_once, due_loads_.size());
        wanted_load wanted;
        wanted.seqs.assign(due_loads_.begin() + static_cast<std::ptrdiff_t>(first),
                           due_loads_.begin() + static_cast<std::ptrdiff_t>(last));
        wanted.load = begin_load();
        wanted_.push_back(std::move(wanted));
    }
    due_loads_.clear();
}

/// A worker that used to send heartbeats: gone, if it has been silent for too long.
void engine::worker_timer(std::int64_t number, instant now) {
    const auto* found = workers_.name(number);
    if (!found) return;
    const auto name = *found;
    auto& worker = workers_.get(name);
    const auto deadline = worker.last_beat + config_.worker_silence;
    if (now.steady < deadline) {
        steady_timers_.add({deadline, timer_kind::worker, number});
        return;
    }
    const auto held = worker.held;
    for (const auto seq : held)
        if (auto* job = jobs_.find(seq); job && job->record.state == job_state::active)
            lapse(*job, "its worker fell silent.", now);
    // What it said of itself is forgotten as well, and what it was told, so a wait that was to get
    // nothing would be wrong.
    const bool quiet = !wants_jobs(name);
    workers_.forget(name);
    if (quiet) end_waits_of(name);
}

}  // namespace sluice
