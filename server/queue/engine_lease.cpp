#include "server/queue/engine.hpp"

#include <algorithm>

/// How a lease begins and is renewed, and what the limits of handlers count.
namespace sluice {
namespace {

/// Changed jobs of one batch beyond which runs wait for it: all of them are answered at once.
constexpr std::size_t early_jobs_max = 2000;

}  // namespace

given_lease engine::grant_job(resident_job& job, const fetch_request& request, instant now) {
    auto& record = job.record;
    const std::chrono::milliseconds length =
        request.visibility_timeout
            ? *request.visibility_timeout
            : record.spec->visibility_timeout.value_or(config_.visibility_timeout);
    if (record.available_at) job.queue->starts.add(now.steady, stamp(now) - *record.available_at);
    objective_start(job, now);
    change_state(job, rules::job_event::fetch);
    ++record.attempt;
    if (!inherited_.empty()) inherited_.erase(record.seq);
    record.lease = {epoch_, ++lease_counter_, static_cast<std::uint32_t>(random_())};
    record.outcome = lease_outcome::open;
    record.worker_id = request.worker_id;
    record.started_at = stamp(now);
    record.finished_at.reset();
    record.progress.reset();
    record.attempts.push_back({record.attempt, record.worker_id, *record.started_at, {}, {}});
    if (record.attempts.size() > limits::error_history_max)
        record.attempts.erase(record.attempts.begin());
    const auto gate = gate_of_grant(job, request);
    job.granted_in = gate == open_batch_ ? open_batch_ : 0;
    job.untold = true;
    job.fetch_id = request.fetch_id;
    job.run_deadline = now.steady + record.spec->timeout.value_or(config_.execution_timeout);
    if (request.worker_id == in_server_worker_id) {
        // It lives as long as this process does: only the execution timeout can end its lease.
        record.lease_length = length;
        record.lease_expires_at.reset();
        record.run_left.reset();
        job.lease_deadline = std::chrono::microseconds::max();
        set_lease_timer(job, job.run_deadline);
    } else {
        workers_.hold(record.worker_id, record.seq);
        start_lease(job, length, now);
    }
    if (request.handled_only) {
        auto* group = job.lane->share->group;
        handler_runs_.emplace(record.lease.counter, handler_run{group, record.seq});
        ++group->running;
    }
    touch(job, false);
    emit(job, "job.started", *record.started_at);
    return {record.seq, record.lease, gate};
}

/// A grant is written before its taker hears of it. A run in this process needs that only so that
/// its interruption by the end of the process is counted, and it would end with the process: it
/// may begin once what led to it is durable. Not if it may be what ended the process before, nor
/// if much waits to be written, nor under a limit, which must know of every run.
std::uint64_t engine::gate_of_grant(const resident_job& job, const fetch_request& request) const {
    const bool inside = request.handled_only && request.worker_id == in_server_worker_id;
    const bool limited = job.lane->limit || (job.queue->config && job.queue->config->concurrency);
    const bool suspect = job.record.interruptions > 0 || job.record.seq < careful_below_;
    const bool much = crowded() || changed_.size() >= early_jobs_max;
    const bool unsettled = !pauses_.empty() || !settings_.empty();
    if (!inside || limited || suspect || much || unsettled) return open_batch_;
    const auto gate = std::max(job.batch, settings_batch_);
    return gate > committed_batch_ ? gate : 0;
}

/// The worker was heard: its lease begins anew, from now on the steady clock. What a restart needs
/// to go on is kept as lengths of time, for nobody knows what the wall clock does meanwhile.
void engine::start_lease(resident_job& job, std::chrono::milliseconds length, instant now) {
    auto& record = job.record;
    job.lease_deadline = now.steady + length;
    record.lease_length = length;
    record.lease_expires_at = stamp(now) + length;
    note_run_left(job, now);
    set_lease_timer(job, std::min(job.lease_deadline, job.run_deadline));
}

void engine::note_run_left(resident_job& job, instant now) {
    const auto left = std::max(job.run_deadline - now.steady, std::chrono::microseconds{0});
    job.record.run_left = std::chrono::ceil<std::chrono::milliseconds>(left);
}

/// Goes on with a run whose job was read from the store: a lease of its own length anew, and the
/// rest of the execution timeout that was left when its worker was last heard. How long the server
/// was away plays no part: only the wall clock could tell, and it may have been set.
void engine::resume_run(resident_job& job, instant now) {
    const auto& record = job.record;
    const auto whole = record.spec->timeout.value_or(config_.execution_timeout);
    job.run_deadline = now.steady + std::min(record.run_left.value_or(whole), whole);
    start_lease(job,
                record.lease_length.value_or(
                    record.spec->visibility_timeout.value_or(config_.visibility_timeout)),
                now);
}

/// The answer to a fetch may be lost on its way. Asked again under the same name, it is answered
/// with what the worker still holds of it, under the same leases.
void engine::tell_again(const fetch_request& request, std::vector<given_lease>& leases,
                        instant now) {
    if (request.fetch_id.empty()) return;
    const auto* worker = workers_.find(request.worker_id);
    if (!worker) return;
    for (const auto seq : worker->held) {
        auto* job = jobs_.find(seq);
        if (!job || job->record.state != job_state::active || job->fetch_id != request.fetch_id)
            continue;
        // Whoever asks may have the right to these queues only.
        const auto& names = request.queues;
        if (std::find(names.begin(), names.end(), *job->queue->name) == names.end()) continue;
        start_lease(*job, *job->record.lease_length, now);
        touch(*job, false);
        leases.push_back({seq, job->record.lease});
    }
}

/// The handler of this run has returned, or never got it: it may have another job.
void engine::leave_handler(const lease_token& lease) {
    const auto it = handler_runs_.find(lease.counter);
    if (it == handler_runs_.end() || lease.epoch != epoch_) return;
    auto& group = *it->second.group;
    handler_runs_.erase(it);
    if (group.full()) handler_freed_ = true;
    --group.running;
}

bool engine::run_returned(const lease_token& lease, instant now) {
    leave_handler(lease);
    if (!handler_freed_) return false;
    dispatch(now);
    return true;
}

}  // namespace sluice
