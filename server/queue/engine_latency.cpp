#include "server/queue/engine.hpp"

#include <algorithm>

/// How long jobs take. What is counted here need not be durable yet: whoever asks is answered when
/// it is.
namespace sluice {

void engine::record_latency(const resident_job& job, latency_phase phase,
                            std::chrono::microseconds value, timestamp time) {
    auto& plain = *job.lane->plain;
    latency_.record(plain.latency, *job.queue->name, *plain.type, phase, value, time);
}

/// From when a run that has begun could have: when its job became available, or for the first run
/// of a scheduled job the time it was scheduled for, since the server may have been away or late.
/// `wall_ahead` is what the wall clock has gained on the engine's.
timestamp engine::due_time(const job_record& record, std::chrono::microseconds wall_ahead) {
    const auto available = record.available_at.value_or(record.received_at);
    const auto& spec = *record.spec;
    if (!spec.scheduled_at || spec.pending || record.attempts.size() > 1) return available;
    return std::min(available, std::max(record.received_at, *spec.scheduled_at - wall_ahead));
}

/// The taker is told of the job now.
void engine::record_start(resident_job& job, instant now) {
    job.untold = false;
    const auto time = stamp(now);
    job.waited = time - due_time(job.record, now.wall - time);
    record_latency(job, latency_phase::waiting, job.waited, time);
}

/// A run has ended. Of one that was given back, cancelled or interrupted it means nothing how long
/// it took.
void engine::record_end(const resident_job& job, timestamp time) {
    const auto& record = job.record;
    const auto how = record.outcome;
    if (how != lease_outcome::acked && how != lease_outcome::nacked &&
        how != lease_outcome::timed_out)
        return;
    if (!record.started_at) return;
    record_latency(job, latency_phase::running, time - *record.started_at, time);
    note_slow(job, time);
}

/// Tells of a run that took long, or waited long for its worker.
void engine::note_slow(const resident_job& job, timestamp time) {
    const auto& record = job.record;
    const auto running = time - *record.started_at;
    const auto over = [](std::chrono::microseconds took, std::chrono::milliseconds limit) {
        return limit.count() > 0 && took > limit;
    };
    if (!over(job.waited, config_.slow_waiting) && !over(running, config_.slow_running)) return;
    if (!slow_runs_.may_tell(time)) return;
    slow_run run;
    run.spec = record.spec;
    run.worker_id = record.worker_id;
    run.attempt = record.attempt;
    run.outcome = record.outcome;
    if (record.durable_at) run.enqueue = *record.durable_at - record.received_at;
    run.waiting = job.waited;
    run.running = running;
    run.total = time - record.received_at;
    slow_runs_.add(std::move(run));
}

result<queue_latency> engine::latency(const latency_query& query, instant now) const {
    const auto* queue = queues_.find(query.queue);
    if (!(queue && queue->known) && !latency_.knows(query.queue)) return error(errc::not_found);
    return latency_.view(query, stamp(now));
}

}  // namespace sluice
