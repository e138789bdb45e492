#include "server/queue/engine.hpp"

#include "proto/fairness.hpp"
#include "server/rules/fairness.hpp"

#include <algorithm>
#include <utility>

/// Fairness between keys. A queue is fair from the first waiting job with a key on until none of
/// its jobs waits. Meanwhile tickets are tags of virtual time instead of numbers in order of
/// arrival; all else stays as it is, so that taking a job costs what it always does.
namespace sluice {
namespace {

/// Keys that are freed at one time when their level has ended, and after a commit.
constexpr std::size_t keys_freed_at_once = 1000;

std::int64_t step_of(const job_spec& spec) {
    return spec.fairness ? rules::fair_step(spec.fairness->weight, spec.fairness->cost)
                         : rules::fair_unit;
}

/// Calls `visit` for each lane of the queue.
template <class Visit>
void each_lane(const queue_state& queue, Visit visit) {
    for (const auto& [type, plain] : queue.lanes) {
        visit(*plain);
        for (const auto& [key, limited] : plain->limited) visit(*limited);
    }
}

}  // namespace

/// What decides whose turn it is there. New: those that wait have come in order of arrival and
/// without a key. They are taken for one long turn of theirs that begins a job from now, so that
/// the first job of each key goes before them.
fair_level& engine::level_of(queue_state& queue, int priority) {
    if (!queue.fair) queue.fair = std::make_unique<fair_levels>();
    auto& levels = *queue.fair;
    if (const auto it = levels.find(priority); it != levels.end()) return it->second;
    auto& level = levels.emplace(priority, fair_level(next_seq_)).first->second;
    // The job that is about to wait is counted already.
    if (queue.jobs[static_cast<std::size_t>(job_state::available)] <= 1) return level;
    std::int64_t last = INT64_MIN;
    std::size_t waiting = 0;
    each_lane(queue, [&](const ready_lane& lane) {
        const auto line = lane.line.extent_of(priority);
        // What has a later ticket is stale, from the time when the queue was fair last.
        if (!line || line->first >= next_seq_) return;
        level.set_time(lane, line->first - rules::fair_unit);
        last = std::max(last, std::min(line->last, next_seq_));
        waiting += line->count;
    });
    if (waiting == 0) return level;
    level.set_finish({}, rules::fair_finish(last, rules::fair_unit));
    level.enter({}, waiting);
    return level;
}

/// A place in line for an available job that joins it anew.
std::int64_t engine::new_ticket(const resident_job& job) {
    const auto& spec = *job.record.spec;
    if (!job.queue->fair && !spec.fairness) return next_seq_++;
    auto& level = level_of(*job.queue, spec.priority);
    const auto& line = job.lane->line;
    const auto now = level.time_of(*job.lane, !line.extent_of(spec.priority));
    const auto key = fairness_key_of(spec);
    const auto start = rules::fair_start(now, level.finish_of(key));
    // No two jobs of a line have the same ticket. Those that may begin now go in order of arrival.
    const auto ticket = line.next_free(spec.priority, start);
    level.set_time(*job.lane, start == now ? ticket + 1 : now);
    level.set_finish(key, rules::fair_finish(ticket, step_of(spec)));
    return ticket;
}

/// Whether a job that was given back may have its old ticket again: its line has passed that, and
/// nobody else has it. One from before the queue was last empty may be a time far from now.
bool engine::keeps_place(const resident_job& job) {
    const auto& record = job.record;
    const auto& line = job.lane->line;
    auto passed = next_seq_;
    if (job.queue->fair) {
        passed = level_of(*job.queue, record.spec->priority).time_of(*job.lane, false);
        if (const auto waiting = line.extent_of(record.spec->priority))
            passed = std::max(passed, waiting->first);
    }
    if (record.ticket >= passed) return false;
    const auto holder = line.holder(record.spec->priority, record.ticket);
    return !holder || *holder == record.seq;
}

/// Puts a job that was given back into its line again, where it was if that is still a place.
void engine::rejoin_line(resident_job& job, instant now) {
    if (!keeps_place(job)) job.record.ticket = new_ticket(job);
    join_line(job, now);
}

/// The job is about to be put into its line.
void engine::enter_fair(const resident_job& job) {
    const auto& spec = *job.record.spec;
    level_of(*job.queue, spec.priority).enter(fairness_key_of(spec));
}

/// The job of a fair queue is available no more.
void engine::leave_fair(const resident_job& job) {
    const auto& spec = *job.record.spec;
    auto& levels = job.queue->fair;
    const auto at = levels->find(spec.priority);
    if (at != levels->end()) {
        auto& level = at->second;
        if (job.record.state == job_state::active) level.set_time(*job.lane, job.record.ticket + 1);
        level.leave(fairness_key_of(spec), step_of(spec));
        if (level.waiting() == 0) {
            // Nobody is ahead of anybody any more.
            auto fresh = level.next();
            end_level(std::exchange(level, std::move(fresh)));
        }
    }
    if (job.queue->jobs[static_cast<std::size_t>(job_state::available)] > 0) return;
    for (auto& [priority, level] : *levels) end_level(std::move(level));
    levels.reset();
}

/// Many keys are freed a part at a time, for everybody else waits meanwhile.
void engine::end_level(fair_level level) {
    if (level.keys() > keys_freed_at_once) fair_ended_.push_back(std::move(level));
}

/// A waiting job is put into its line by a restart: after all before it in the order of arrival, so
/// the last one of a key says where the key is.
void engine::restore_fair(queue_state& queue, const waiting_job& job) {
    if (job.fairness_key.empty()) {
        auto& last = queue.last_unkeyed;
        const auto at =
            std::ranges::lower_bound(last, job.priority, {}, &std::pair<int, std::int64_t>::first);
        if (at != last.end() && at->first == job.priority)
            at->second = std::max(at->second, job.ticket);
        else
            last.emplace(at, job.priority, job.ticket);
        return;
    }
    if (!queue.fair) queue.fair = std::make_unique<fair_levels>();
    auto& level = queue.fair->try_emplace(job.priority, INT64_MIN).first->second;
    const auto step = rules::fair_step(job.fairness_weight, job.cost);
    level.set_finish(job.fairness_key, std::max(level.finish_of(job.fairness_key),
                                                rules::fair_finish(job.ticket, step)));
    level.enter(job.fairness_key);
}

/// All waiting jobs are in their lines.
void engine::end_fair_restore() {
    for (const auto& [name, queue] : queues_) {
        const auto last_unkeyed = std::exchange(queue->last_unkeyed, {});
        for (const auto& [priority, last] : last_unkeyed) {
            if (last < next_seq_) continue;
            // It came while others with a key waited.
            if (!queue->fair) queue->fair = std::make_unique<fair_levels>();
            queue->fair->try_emplace(priority, INT64_MIN);
        }
        if (!queue->fair) continue;
        for (auto& [priority, level] : *queue->fair) {
            std::size_t waiting = 0;
            each_lane(*queue, [&](const ready_lane& lane) {
                const auto line = lane.line.extent_of(priority);
                if (!line) return;
                level.set_time(lane, line->first);
                waiting += line->count;
            });
            if (waiting <= level.waiting()) continue;
            for (const auto& [of, last] : last_unkeyed)
                if (of == priority)
                    level.set_finish({}, rules::fair_finish(last, rules::fair_unit));
            level.enter({}, waiting - level.waiting());
        }
    }
}

/// A batch of so many jobs is durable. It left at most as many keys behind.
void engine::free_fair_levels(std::size_t jobs) {
    for (auto left = std::max(keys_freed_at_once, 2 * jobs); left > 0 && !fair_ended_.empty();) {
        auto& last = fair_ended_.back();
        const auto some = std::min(left, last.keys());
        if (!last.free_some(some)) fair_ended_.pop_back();
        left -= some;
    }
}

std::size_t engine::fairness_key_count() const {
    std::size_t keys = 0;
    for (const auto& [name, queue] : queues_)
        if (queue->fair)
            for (const auto& [priority, level] : *queue->fair) keys += level.keys();
    for (const auto& level : fair_ended_) keys += level.keys();
    return keys;
}

}  // namespace sluice
