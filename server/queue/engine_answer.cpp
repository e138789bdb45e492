#include "server/queue/engine.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

std::string lease_details(const job_record& record) {
    std::string details = "\"attempt\":" + std::to_string(record.attempt) +
                          ",\"current_state\":\"" + std::string(to_string(record.state)) + "\"";
    if (record.lease_expires_at)
        details += ",\"expired_at\":\"" + format_timestamp(*record.lease_expires_at) + "\"";
    return details;
}

error state_conflict(const job_record& record, std::string_view verb) {
    const std::string state(to_string(record.state));
    return {errc::conflict, "A job that is " + state + " cannot be " + std::string(verb) + ".",
            "\"current_state\":\"" + state + "\""};
}

std::string_view verb_of(lease_outcome outcome) {
    return outcome == lease_outcome::acked ? "acknowledged" : "given back";
}

}  // namespace

/// The job that ack or nack is about, if the caller may answer for it. With a lease only that
/// decides: it must be the latest grant. Time plays no part, so a lease that lapsed counts as long
/// as nobody else was given the job. Without one it is plain Open Job Spec: the state, and the
/// worker where both name one.
result<resident_job*> engine::holder(const uuid& id, const std::optional<lease_token>& lease,
                                     const std::string& worker_id, lease_outcome wanted,
                                     instant now, bool& repeated) {
    auto* job = find(id);
    if (!job) return error(errc::not_found);
    const auto& record = job->record;
    if (!lease) {
        if (record.state != job_state::active) return state_conflict(record, verb_of(wanted));
        if (!worker_id.empty() && !record.worker_id.empty() && worker_id != record.worker_id)
            return error(errc::conflict, "Another worker holds this job.", lease_details(record));
        return job;
    }
    if (record.lease != *lease)
        return error(errc::lease_lost, "The lease is not the latest one of this job.",
                     lease_details(record));
    if (record.state == job_state::active) return job;
    if (record.outcome == wanted) {
        repeated = true;
        return job;
    }
    if (record.outcome == lease_outcome::lapsed && record.state == job_state::available) {
        if (!may_reclaim(record))
            return error(errc::lease_lost,
                         "The lease lapsed before the server started; the job may have been given "
                         "to somebody else since.",
                         lease_details(record));
        reclaim(*job, now);
        return job;
    }
    return error(errc::already_finished, "This lease was answered otherwise before.",
                 lease_details(record));
}

/// A grant is not synced, so the power may have taken one that came after the lapse. Only a lease
/// that was open when this process started, or was granted by it, is known to be the latest: a
/// lapse is durable before anybody else can be told of a grant.
bool engine::may_reclaim(const job_record& record) const {
    return record.lease.epoch == epoch_ || inherited_.contains(record.seq);
}

/// The holder of the latest lease is heard after it had lapsed and before anybody else was given
/// the job.
void engine::reclaim(resident_job& job, instant now) {
    auto& record = job.record;
    if (job.run_deadline.count() == 0) resume_run(job, now);  // it was at rest meanwhile
    leave_window(job);
    change_state(job, rules::job_event::reclaim);
    ++record.attempt;
    if (record.interruptions > 0) --record.interruptions;  // none when it was revived in between
    record.outcome = lease_outcome::open;
    record.finished_at.reset();
    if (!record.attempts.empty()) {
        record.attempts.back().finished_at.reset();
        record.attempts.back().outcome = lease_outcome::open;
    }
    workers_.hold(record.worker_id, record.seq);
}

result<change_answer> engine::ack(const ack_request& request, instant now) {
    if (request.worker_id == in_server_worker_id && request.lease) leave_handler(*request.lease);
    const auto plan_follow_ups = [&](const resident_job& job) {
        push_request wanted;
        wanted.jobs = request.enqueue;
        wanted.may_touch = request.may_touch;
        return plan(std::move(wanted), &job, now);
    };
    std::optional<planned_push> follow_ups;
    const auto* known = request.enqueue.empty() ? nullptr : find(request.job_id);
    if (known && known->record.state == job_state::available && request.lease &&
        known->record.lease == *request.lease && may_reclaim(known->record)) {
        // Its lease has lapsed. It is taken back only to be completed: its place under a limit may
        // be somebody else's by now.
        auto planned = plan_follow_ups(*known);
        if (!planned) return planned.error();
        follow_ups = *std::move(planned);
    }
    bool repeated = false;
    auto held = holder(request.job_id, request.lease, request.worker_id, lease_outcome::acked, now,
                       repeated);
    if (!held) return held.error();
    auto& job = **held;
    if (repeated) return answer(job, true);
    if (known && !follow_ups) {
        auto planned = plan_follow_ups(job);
        if (!planned) {
            hear(job, now);  // it runs on
            return planned.error();
        }
        follow_ups = *std::move(planned);
    }
    end_attempt(job, lease_outcome::acked, stamp(now));
    change_state(job, rules::job_event::ack);
    job.record.result = request.result;
    job.record.failed_last = false;
    if (job.record.progress && job.record.progress->fraction < 1.0) {
        auto whole = *job.record.progress;
        whole.fraction = 1.0;
        job.record.progress = std::make_shared<const job_progress>(std::move(whole));
    }
    finish(job, stamp(now));
    record_latency(job, latency_phase::total, stamp(now) - job.record.received_at, stamp(now));
    emit(job, "job.completed", stamp(now));
    if (follow_ups)
        for (const auto& child : carry_out(*std::move(follow_ups), now).jobs)
            job.record.children.push_back(child.spec->id);
    auto made = answer(job, false);
    if (handler_freed_ || turns_.any() || !offers_.empty()) dispatch(now);
    return made;
}

result<change_answer> engine::nack(const nack_request& request, instant now) {
    if (request.worker_id == in_server_worker_id && request.lease) leave_handler(*request.lease);
    const bool back = request.release || request.snooze;
    const auto wanted = back ? lease_outcome::released : lease_outcome::nacked;
    bool repeated = false;
    auto held = holder(request.job_id, request.lease, request.worker_id, wanted, now, repeated);
    if (!held) return held.error();
    auto& job = **held;
    if (repeated) return answer(job, true);
    if (request.rate_limit_until) hold_limit(job, *request.rate_limit_until, now);
    if (request.hold_limit) hold_limit(job, now.wall + *request.hold_limit, now);
    if (request.snooze) {
        give_back(job, rules::job_event::snooze, lease_outcome::released, now);
        auto& record = job.record;
        record.due_at = now.wall + *request.snooze;
        arm_snooze(record.seq, now.steady + *request.snooze);
    } else if (request.release) {
        give_back(job, rules::job_event::release, lease_outcome::released, now);
        rejoin_line(job, now);
    } else if (request.requeue) {
        add_failure(job, request.failure, now);
        end_attempt(job, lease_outcome::nacked, stamp(now));
        change_state(job, rules::job_event::requeue);
        touch(job, true);
        rejoin_line(job, now);
    } else {
        fail(job, request.failure, request.retryable, request.retry_after, request.end,
             lease_outcome::nacked, now);
    }
    auto made = answer(job, false);
    dispatch(now);
    return made;
}

/// The run ends without an answer of its own, and its attempt is not counted.
void engine::give_back(resident_job& job, rules::job_event event, lease_outcome outcome,
                       instant now) {
    end_attempt(job, outcome, stamp(now));
    change_state(job, event);
    --job.record.attempt;
    touch(job, true);
}

void engine::add_failure(resident_job& job, job_failure failure, instant now) {
    auto& record = job.record;
    failure.attempt = record.attempt;
    failure.occurred_at = stamp(now);
    record.failures.push_back(std::move(failure));
    if (record.failures.size() > limits::error_history_max)
        record.failures.erase(record.failures.begin());
    record.failed_last = true;
}

/// The run failed: the retry policy decides what becomes of the job.
void engine::fail(resident_job& job, job_failure failure, bool retryable,
                  std::optional<std::chrono::milliseconds> retry_after,
                  std::optional<exhaustion> end, lease_outcome outcome, instant now) {
    auto& record = job.record;
    const auto& policy = record.spec->retry;
    const auto verdict = rules::decide(policy, record.attempt, failure, retryable, end);
    add_failure(job, std::move(failure), now);
    end_attempt(job, outcome, stamp(now));
    emit(job, "job.failed", stamp(now));
    if (verdict == rules::verdict::retry) {
        change_state(job, rules::job_event::fail_retry);
        const double random01 = static_cast<double>(random_() >> 11) * 0x1.0p-53;
        record.retry_delay =
            retry_after ? *retry_after : rules::backoff_delay(policy, record.attempt, random01);
        record.due_at = now.wall + *record.retry_delay;
        record.ticket = next_seq_++;
        arm_due(record.seq, record.state, *record.due_at, now);
        touch(job, true);
        emit(job, "job.retrying", stamp(now));
        return;
    }
    change_state(job, rules::job_event::fail_discard);
    record.dead_letter = verdict == rules::verdict::dead_letter && keeps_dead_letter(job);
    if (record.dead_letter) ++job.queue->dead_letters;
    finish(job, stamp(now));
    emit(job, "job.discarded", stamp(now));
}

/// The run was interrupted: visibility timeout, dead worker, restart. Not a failure, up to a limit
/// of its own.
void engine::lapse(resident_job& job, std::string_view why, instant now) {
    auto& record = job.record;
    if (record.interruptions >= config_.interruptions_max) {
        ++record.interruptions;
        add_failure(job,
                    {"interrupted",
                     "interrupted",
                     "Interrupted " + std::to_string(record.interruptions) +
                         " times; the last time: " + std::string(why),
                     {},
                     0,
                     {}},
                    now);
        end_attempt(job, lease_outcome::lapsed, stamp(now));
        change_state(job, rules::job_event::poison);
        record.dead_letter = keeps_dead_letter(job);
        if (record.dead_letter) ++job.queue->dead_letters;
        finish(job, stamp(now));
        emit(job, "job.discarded", stamp(now));
        return;
    }
    ++record.interruptions;
    give_back(job, rules::job_event::lapse, lease_outcome::lapsed, now);
    emit(job, "job.interrupted", stamp(now));
    rejoin_line(job, now);
}

result<change_answer> engine::cancel(const uuid& id, instant now, std::optional<job_state> only) {
    auto* job = find(id);
    if (!job) return error(errc::not_found);
    const auto state = job->record.state;
    if (is_terminal(state) || (only && *only != state))
        return state_conflict(job->record, "cancelled");
    cancel_job(*job, now);
    auto made = answer(*job, false);
    dispatch(now);
    return made;
}

void engine::cancel_job(resident_job& job, instant now) {
    if (job.record.state == job_state::active)
        end_attempt(job, lease_outcome::cancelled, stamp(now));
    leave_window(job);
    change_state(job, rules::job_event::cancel);
    finish(job, stamp(now));
    emit(job, "job.cancelled", stamp(now));
}

result<change_answer> engine::activate(const uuid& id, instant now) {
    auto* job = find(id);
    if (!job) return error(errc::not_found);
    if (job->record.state != job_state::pending) return state_conflict(job->record, "activated");
    if (workflows_.of_job(job->record.seq))
        return error(errc::conflict, "A job of a workflow waits for those before it.");
    let_go(*job, now);
    auto made = answer(*job, false);
    dispatch(now);
    return made;
}

/// A pending job becomes available, or scheduled when its time is still to come.
void engine::let_go(resident_job& job, instant now) {
    touch(job, true);
    if (const auto& time = job.record.spec->scheduled_at; time && *time > now.wall) {
        change_state(job, rules::job_event::postpone);
        job.record.due_at = time;
        arm_due(job.record.seq, job.record.state, *time, now);
        return;
    }
    change_state(job, rules::job_event::activate);
    job.record.ticket = new_ticket(job);
    join_line(job, now);
}

void engine::expire(resident_job& job, instant now) {
    leave_window(job);
    change_state(job, rules::job_event::expire);
    finish(job, stamp(now));
    emit(job, "job.expired", stamp(now));
}

result<job_record> engine::retry_dead_letter(const uuid& id, instant now) {
    auto* job = find(id);
    if (!job || !job->record.dead_letter) return error(errc::not_found);
    revive(*job, now);
    auto copy = job->record;
    dispatch(now);
    return copy;
}

result<void> engine::delete_dead_letter(const uuid& id, instant now) {
    auto* job = find(id);
    if (!job || !job->record.dead_letter) return error(errc::not_found);
    auto& count = job->queue->jobs[static_cast<std::size_t>(job->record.state)];
    if (count > 0) --count;
    if (job->queue->dead_letters > 0) --job->queue->dead_letters;
    job->place = job_place::nowhere;
    touch(*job, true);
    if (workflows_.size() > 0) lose_workflow_job(*job, stamp(now));
    if (turns_.any()) dispatch(now);
    return {};
}

result<void> engine::delete_job(const uuid& id, instant now) {
    auto* job = find(id);
    if (!job) return error(errc::not_found);
    if (job->record.dead_letter) return delete_dead_letter(id, now);
    if (!is_terminal(job->record.state)) return state_conflict(job->record, "deleted");
    if (workflows_.of_job(job->record.seq))
        return error(errc::conflict, "Its workflow has not ended, and others may need its result.");
    job->place = job_place::nowhere;
    touch(*job, true);
    return {};
}

result<heartbeat_answer> engine::heartbeat(const heartbeat_request& request, instant now) {
    // Anybody may invent ids, and each stays for as long as it takes to be silent.
    if (workers_.size() >= config_.workers_max && !workers_.find(request.worker_id))
        return error(errc::overloaded, "Too many workers send heartbeats.");
    heartbeat_answer made;
    made.worker_silence = config_.worker_silence;
    if (draining_) made.directive = worker_state::quiet;
    auto& worker = workers_.get(request.worker_id);
    made.directive = std::max(made.directive, worker.directive);
    worker.last_beat = now.steady;
    if (!request.keeps_state && std::exchange(worker.state, request.state) != request.state)
        end_waits_of(request.worker_id);
    if (!worker.beats) {
        worker.beats = true;
        steady_timers_.add(
            {now.steady + config_.worker_silence, timer_kind::worker, worker.number});
    }
    for (const auto& beat : request.jobs) made.jobs.push_back(renew(beat, request, now));
    if (!offers_.empty()) dispatch(now);  // a job that was taken back made way in its line
    return made;
}

beat_result engine::renew(const heartbeat_job& beat, const heartbeat_request& request,
                          instant now) {
    beat_result made;
    made.job_id = beat.job_id;
    auto* job = find(beat.job_id);
    if (!job) {
        made.problem = errc::not_found;
        return made;
    }
    auto& record = job->record;
    made.spec = record.spec;
    bool other = beat.lease ? record.lease != *beat.lease
                            : !record.worker_id.empty() && record.worker_id != request.worker_id;
    if (!other && record.state == job_state::available && record.outcome == lease_outcome::lapsed) {
        // Its place under a limit may be somebody else's by now; it has to stop then.
        other = !may_reclaim(record) || !has_place(*job, now);
        if (!other) reclaim(*job, now);
    }
    made.state = record.state;
    if (record.state != job_state::active || other) {
        made.problem = other ? errc::lease_lost : errc::conflict;
        return made;
    }
    start_lease(*job, request.visibility_timeout.value_or(*record.lease_length), now);
    made.lease_expires_at = record.lease_expires_at;
    touch(*job, false);
    return made;
}

}  // namespace sluice
