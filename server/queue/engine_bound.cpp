#include "server/queue/engine.hpp"

#include <algorithm>
#include <utility>
#include <vector>

/// How many jobs a queue may hold: who is refused, what makes room, and what is told of it.
namespace sluice {
namespace {

error queue_full(const queue_state& queue) {
    const auto& bound = queue.config->bound;
    const auto max = std::to_string(bound.max_depth);
    return {errc::queue_full,
            "Queue '" + *queue.name + "' has reached its bound of " + max + " jobs.",
            "\"queue\":\"" + *queue.name + "\",\"depth\":" + std::to_string(queue.depth()) +
                ",\"bound\":" + max + ",\"strategy\":\"" + std::string(to_string(bound.strategy)) +
                '"'};
}

}  // namespace

/// What a push adds to each queue that has a bound. A job that takes the place of another adds
/// nothing.
engine::growth engine::growth_of(const push_request& request,
                                 const std::vector<push_plan>& plans) const {
    growth more;
    if (bounded_queues_ == 0) return more;
    const auto add = [&](const queue_state* queue, std::int64_t count) {
        if (queue && queue->bounded()) more[*queue->name].count += count;
    };
    for (std::size_t i = 0; i < plans.size(); ++i) {
        const auto& plan = plans[i];
        if (plan.same || plan.same_new) continue;
        add(queues_.find(request.jobs[i].queue), 1);
        for (const auto at : plan.replaced_new) add(queues_.find(request.jobs[at].queue), -1);
        for (const auto seq : plan.replaced) take_off(more, *jobs_.find(seq));
    }
    return more;
}

/// A job that is to be cancelled for one that comes.
void engine::take_off(growth& more, const resident_job& job) const {
    // What is to be dropped counts no more.
    if (is_terminal(job.record.state) || !job.queue->bounded() ||
        turns_.end_when_read.contains(job.record.seq))
        return;
    auto& here = more[*job.queue->name];
    --here.count;
    if (job.record.state == job_state::available) ++here.leaving;
}

/// `replaces`: those it made before are cancelled first.
engine::growth engine::growth_of(const cron_entry& entry, const job_spec& spec,
                                 bool replaces) const {
    growth more;
    const auto* queue = queues_.find(spec.queue);
    if (!queue || !queue->bounded()) return more;
    more[spec.queue].count = 1;
    if (!replaces) return more;
    // One at rest still counts: it goes only when it has been read.
    for (const auto seq : entry.record.unfinished)
        if (const auto* job = jobs_.find(seq)) take_off(more, *job);
    return more;
}

/// All jobs of a workflow are stored when it is made.
engine::growth engine::growth_of(const workflow_definition& definition) const {
    growth more;
    if (bounded_queues_ == 0) return more;
    const auto add = [&](const job_spec& spec) {
        const auto* queue = queues_.find(spec.queue);
        if (queue && queue->bounded()) ++more[spec.queue].count;
    };
    for (const auto& node : definition.nodes) add(node.spec);
    const auto& calls = definition.callbacks;
    for (const auto* callback : {&calls.on_complete, &calls.on_success, &calls.on_failure})
        if (*callback) add(**callback);
    return more;
}

/// Whether all of it may be stored. What has to be dropped for it comes out in place of what it
/// adds.
std::optional<error> engine::find_room(growth& more, std::string_view type, instant now) {
    for (auto& [name, here] : more) {
        auto& [count, leaving] = here;
        auto& queue = *queues_.find(name);
        const auto& bound = queue.config->bound;
        const auto depth = static_cast<std::int64_t>(queue.kept_depth());
        const auto max = static_cast<std::int64_t>(bound.max_depth);
        // A bound that was lowered drops nothing that is there: no more go than come.
        const auto most = bound.strategy == full_strategy::drop_oldest ? count : INT64_MAX;
        const auto over =
            count > 0 ? std::clamp<std::int64_t>(depth + count - max, 0, most) : std::int64_t{0};
        const auto waiting =
            static_cast<std::int64_t>(queue.jobs[static_cast<std::size_t>(job_state::available)]) -
            static_cast<std::int64_t>(queue.dropping) - leaving;
        const bool droppable =
            bound.strategy == full_strategy::drop_oldest && count <= max && over <= waiting;
        if (over > 0 && !droppable) {
            if (!queue.told_full) emit_pressure(queue, "backpressure.rejected", type, stamp(now));
            queue.told_full = true;
            return queue_full(queue);
        }
        count = over;
    }
    return std::nullopt;
}

/// Call when what `find_room` looked at is stored; the first of it has the number `since`.
void engine::settle_room(const growth& dropped, std::int64_t since, instant now) {
    for (const auto& [name, over] : dropped) {
        auto& queue = *queues_.find(name);
        drop_oldest(queue, static_cast<std::size_t>(over.count), now, since);
        if (queue.pressed || !queue.config->bound.presses(queue.depth())) continue;
        queue.pressed = true;
        emit_pressure(queue, "backpressure.warning", {}, stamp(now));
    }
}

std::optional<queue_pressure> engine::pressure_of(const growth& grown) const {
    std::optional<queue_pressure> worst;
    for (const auto& [name, count] : grown) {
        const auto& queue = *queues_.find(name);
        const queue_pressure here{queue.depth(), queue.config->bound.max_depth};
        if (!queue.config->bound.presses(here.depth)) continue;
        if (!worst || here.ratio() > worst->ratio()) worst = here;
    }
    return worst;
}

/// A job of the queue has ended.
void engine::follow_depth(queue_state& queue, timestamp time) {
    if (!queue.bounded()) return;
    queue.told_full = false;
    wake_redrives(*queue.name, redrive_wait::queue_full);
    if (queue.config->bound.strategy != full_strategy::drop_oldest) roomy_.insert(*queue.name);
    if (!queue.pressed || queue.config->bound.presses(queue.depth())) return;
    queue.pressed = false;
    emit_pressure(queue, "backpressure.cleared", {}, time);
}

/// The line that holds the job which has waited longest, however urgent others are.
ready_lane* engine::oldest_lane(const queue_state& queue) {
    ready_lane* found = nullptr;
    std::int64_t ticket = 0;
    const auto consider = [&](ready_lane& lane) {
        const auto oldest = lane.line.oldest();
        if (!oldest || (found && oldest->ticket > ticket)) return;
        found = &lane;
        ticket = oldest->ticket;
    };
    for (const auto& [type, plain] : queue.lanes) {
        consider(*plain);
        for (const auto& [key, limited] : plain->limited) consider(*limited);
    }
    return found;
}

/// Discards the available jobs that have waited longest. In a fair queue none of those that have
/// the number `since` or a later one: they have just come, and may be the first in line all the
/// same.
void engine::drop_oldest(queue_state& queue, std::size_t count, instant now, std::int64_t since) {
    if (queue.fair) {
        drop_from_fair(queue, count, since, now);
    } else {
        while (count > 0) {
            auto* lane = oldest_lane(queue);
            if (!lane) break;
            if (drop_entry(*lane, *lane->line.oldest(), now)) --count;
        }
    }
    request_due_loads();
}

/// One at rest leaves its line at once, and ends when it has been read. False: its place was stale.
bool engine::drop_entry(ready_lane& lane, const ready_entry& entry, instant now) {
    auto& queue = *lane.queue;
    auto* job = jobs_.find(entry.seq);
    const bool stale =
        job && (job->record.state != job_state::available || job->record.ticket != entry.ticket);
    const bool ends = turns_.end_when_read.contains(entry.seq);
    leave_line(lane, entry);
    if (stale || ends) return false;
    if (job) {
        drop_for_room(*job, now);
        return true;
    }
    ++queue.dropping;
    turns_.end_when_read.emplace(
        entry.seq, unread_end{.drop = true, .queue = *queue.name, .ticket = entry.ticket});
    due_loads_.push_back(entry.seq);
    return true;
}

/// There the first in line is whose turn comes next, which may be somebody's only job. Of the first
/// few of each lane those that came first go.
void engine::drop_from_fair(queue_state& queue, std::size_t count, std::int64_t since,
                            instant now) {
    constexpr std::size_t looked_at = 16;
    constexpr std::size_t more_at_once = 64;  // when many are to go
    const auto newer = static_cast<std::size_t>(std::max<std::int64_t>(next_seq_ - since, 0));
    bool more = true;
    while (count > 0 && more) {
        std::vector<std::pair<ready_entry, ready_lane*>> found;
        const auto look = [&](ready_lane& lane) {
            const auto looks = looked_at + std::min<std::size_t>(count - 1, more_at_once);
            for (const auto& entry : lane.line.peek_before(since, looks, newer))
                found.emplace_back(entry, &lane);
        };
        for (const auto& [type, plain] : queue.lanes) {
            look(*plain);
            for (const auto& [key, limited] : plain->limited) look(*limited);
        }
        std::ranges::sort(found, {}, [](const auto& each) { return each.first.seq; });
        more = false;
        for (const auto& [entry, lane] : found) {
            if (count == 0) break;
            // The line goes when the last job of it that waits has gone.
            if (lane->line.holder(entry.priority, entry.ticket) != entry.seq) continue;
            more = true;
            if (drop_entry(*lane, entry, now)) --count;
        }
    }
}

void engine::drop_for_room(resident_job& job, instant now) {
    discard(job, "queue_full", "It had waited longest when its queue was full.", now);
    emit_pressure(*job.queue, "backpressure.dropped", *job.lane->type, stamp(now),
                  job.record.spec->id);
}

/// What was to be dropped has been read, or is gone. `job`: it waits and is dropped now; null: its
/// place in line was stale, and another one has to go.
void engine::end_drop(const unread_end& end, resident_job* job, instant now) {
    auto* queue = queues_.find(end.queue);
    if (queue && queue->dropping > 0) --queue->dropping;
    if (job) return drop_for_room(*job, now);
    if (!queue || !queue->bounded()) return;
    const auto& bound = queue->config->bound;
    if (bound.strategy != full_strategy::drop_oldest) return;
    if (queue->kept_depth() > bound.max_depth) drop_oldest(*queue, 1, now);
}

void engine::emit_pressure(const queue_state& queue, std::string_view event_type,
                           std::string_view job_type, timestamp time, std::optional<uuid> job) {
    logged_event event;
    // A refusal changes nothing, so there is no batch to wait for.
    event.batch = event_type == "backpressure.rejected" ? 0 : open_batch_;
    event.type = event_type;
    event.time = time;
    event.queue = queue.name;
    event.job_type = std::make_shared<const std::string>(job_type);
    if (job) event.job_id = *job;
    // The bound may have been taken away since it was decided that a job has to go.
    const auto bound = queue.config ? queue.config->bound.max_depth : 0;
    event.pressure = std::make_shared<const queue_pressure>(queue_pressure{queue.depth(), bound});
    tell(std::move(event));
    publish_events();
}

std::optional<std::string> engine::blocked_at(const std::map<std::string, std::uint64_t>& counts,
                                              bool insists) const {
    for (const auto& [name, count] : counts) {
        if (may_wait(name, count, insists) && room(name) < count) return name;
    }
    return std::nullopt;
}

bool engine::may_wait(std::string_view name, std::uint64_t count, bool insists) const {
    const auto* queue = queues_.find(name);
    if (!queue || !queue->bounded()) return false;
    const auto& bound = queue->config->bound;
    const bool waits = bound.strategy == full_strategy::block ||
                       (insists && bound.strategy == full_strategy::reject);
    return waits && count <= bound.max_depth;
}

std::uint64_t engine::room(std::string_view name) const {
    const auto* queue = queues_.find(name);
    if (!queue || !queue->bounded()) return UINT64_MAX;
    const auto depth = queue->kept_depth();
    const auto max = queue->config->bound.max_depth;
    return depth < max ? max - depth : 0;
}

}  // namespace sluice
