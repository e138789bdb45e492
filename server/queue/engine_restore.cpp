#include "server/queue/engine.hpp"

#include <utility>

/// What a store gives when the server starts, before any command.
namespace sluice {

void engine::restore_queue(std::string_view name, bool paused) {
    queue_named(name).paused = paused;
}

void engine::restore_dead_letters(std::string_view queue, std::uint64_t count) {
    auto& state = queue_named(queue);
    state.dead_letters += count;
    state.jobs[static_cast<std::size_t>(job_state::discarded)] += count;
}

void engine::restore_waiting(const waiting_job& job) {
    auto& queue = queue_named(job.queue);
    ++queue.jobs[static_cast<std::size_t>(job.state)];
    if (job.type == webhook_job_type) deliveries_left_.add(job.limit_key);
    if (job.state == job_state::available) {
        auto& lane = lane_of(queue, job.type, job.limit_key);
        ++lane.waiting;
        const bool in_line = lane.line.restore({job.priority, job.ticket, job.seq});
        if (!in_line) {
            turns_.place_when_read.insert(job.seq);
            due_loads_.push_back(job.seq);
        }
        restore_fair(lane, job);
        if (in_line && lane.share) ++queue.handled_ready;
        if (queue.objective) queue.objective->enter(stamp(start_), stamp(start_));
        queue.relist(lane);
        queues_.update_turn(queue);
    }
    if (job.due_at) arm_due(job.seq, job.state, *job.due_at, start_);
    // The one before it may have ended without letting it go.
    if (job.state == job_state::pending && crons_.is_first(job.seq))
        turns_.to_start.push_back(job.seq);
    if (workflows_.size() > 0) resume_workflow_job(job);
    if (job.expires_at)
        wall_timers_.add({job.expires_at->time_since_epoch(), timer_kind::due, job.seq});
}

void engine::restore_active(job_record record, instant now) {
    auto& job = make_resident(std::move(record), job_place::live);
    auto& queue = *job.queue;
    ++queue.jobs[static_cast<std::size_t>(job_state::active)];
    if (job.record.spec->type == webhook_job_type)
        deliveries_left_.add(limit_key_of(*job.record.spec));
    if (job.lane->limit) {
        ++job.lane->limit->running;
        enter_group(job);
    }
    restore_turn(job);
    if (job.record.worker_id == in_server_worker_id) {
        lapse(job, "the server stopped while it ran.", now);
        start_turns(now);
        return;
    }
    inherited_.insert(job.record.seq);
    resume_run(job, now);
    workers_.hold(job.record.worker_id, job.record.seq);
}

}  // namespace sluice
