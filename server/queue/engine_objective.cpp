#include "server/queue/engine.hpp"

#include <memory>

/// Whether the jobs of queues with an objective start in time.
namespace sluice {

/// What was set has changed, or may have. Counting begins anew when it has.
void engine::put_objective(queue_state& queue, instant now) {
    const auto wanted = queue.config ? queue.config->start_latency : std::nullopt;
    if (queue.objective && wanted && queue.objective->objective() == *wanted) return;
    if (queue.objective) {
        const auto last = queue.objective->status(stamp(now));
        if (last.burning) emit_objective(queue, "slo.recovered", now);
        if (queue.objective_timer)
            steady_timers_.remove(
                {*queue.objective_timer, timer_kind::objective, queue.objective_number});
        queue.objective_timer.reset();
        objectives_.erase(queue.objective_number);
        queue.objective.reset();
    }
    if (!wanted) return;
    const auto waiting =
        queue.jobs[static_cast<std::size_t>(job_state::available)] - fresh_in(queue);
    queue.objective = std::make_unique<objective_tracker>(*wanted, stamp(now), waiting);
    queue.objective_number = next_objective_++;
    objectives_.emplace(queue.objective_number, &queue);
    arm_objective(queue, now);
}

void engine::arm_objective(queue_state& queue, instant now) {
    const auto next = queue.objective->next_look(stamp(now));
    if (!next) return;
    const auto at = start_.steady + (*next - start_.wall);
    auto& armed = queue.objective_timer;
    if (armed && *armed <= at) return;
    if (armed) steady_timers_.remove({*armed, timer_kind::objective, queue.objective_number});
    armed = at;
    steady_timers_.add({at, timer_kind::objective, queue.objective_number});
}

void engine::objective_timer(std::int64_t number, instant now) {
    const auto known = objectives_.find(number);
    if (known == objectives_.end()) return;
    auto& queue = *known->second;
    queue.objective_timer.reset();
    switch (queue.objective->look(stamp(now))) {
        case objective_tracker::change::burning:
            emit_objective(queue, "slo.burning", now);
            break;
        case objective_tracker::change::recovered:
            emit_objective(queue, "slo.recovered", now);
            break;
        case objective_tracker::change::none:
            break;
    }
    arm_objective(queue, now);
}

/// Waiting jobs that are not durable yet: those enter when they are.
std::uint64_t engine::fresh_in(const queue_state& queue) const {
    std::uint64_t fresh = 0;
    const auto add = [&](const std::vector<std::int64_t>& seqs, std::uint64_t batch) {
        for (const auto seq : seqs) {
            const auto* job = jobs_.find(seq);
            const bool waits = job && job->record.state == job_state::available;
            if (waits && job->queue == &queue && job->inserted_in == batch) ++fresh;
        }
    };
    add(changed_, open_batch_);
    add(under_way_, open_batch_ - 1);
    return fresh;
}

/// The job is in the line of its queue, and durable: before that nobody could have started it.
void engine::objective_enter(const resident_job& job, instant now) {
    const auto& available = job.record.available_at;
    if (!job.queue->objective || job.inserted_in != 0 || !available) return;
    job.queue->objective->enter(*available, stamp(now));
    arm_objective(*job.queue, now);
}

/// It is handed out.
void engine::objective_start(const resident_job& job, instant now) {
    const auto& available = job.record.available_at;
    if (!job.queue->objective || !available) return;
    if (job.inserted_in != 0)
        job.queue->objective->start_at_once(stamp(now));
    else
        job.queue->objective->start(*available, stamp(now));
    arm_objective(*job.queue, now);
}

void engine::emit_objective(const queue_state& queue, std::string_view type, instant now) {
    logged_event event;
    event.type = type;
    event.time = stamp(now);
    event.queue = queue.name;
    event.job_type = std::make_shared<const std::string>();
    auto status = queue.objective->status(stamp(now));
    status.queue = *queue.name;
    event.objective = std::make_shared<const objective_status>(std::move(status));
    tell(std::move(event));  // of no change that has to be durable first
    publish_events();
}

std::vector<objective_status> engine::objectives(instant now) const {
    std::vector<objective_status> all;
    all.reserve(objectives_.size());
    for (const auto& [number, queue] : objectives_) {
        all.push_back(queue->objective->status(stamp(now)));
        all.back().queue = *queue->name;
    }
    return all;
}

}  // namespace sluice
