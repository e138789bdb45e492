#include "server/queue/engine.hpp"

#include "proto/fairness.hpp"
#include "server/rules/fairness.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

/// Fairness between keys. A queue is fair from the first waiting job with a key on until none of
/// its jobs waits. Meanwhile tickets are tags of virtual time instead of numbers in order of
/// arrival; all else stays as it is, so that taking a job costs what it always does. Each line has
/// times of its own. They are compared by the shift of each, which grows when a line turns out to
/// lag behind: one that stood still takes its turn and has nothing to catch up.
namespace sluice {
namespace {

/// Keys that are freed at one time when their level has ended, and after a commit.
constexpr std::size_t keys_freed_at_once = 1000;

std::int64_t step_of(const job_spec& spec) {
    return spec.fairness ? rules::fair_step(spec.fairness->weight, spec.fairness->cost)
                         : rules::fair_unit;
}

/// Number of no level: the ticket is of one from before the restart.
constexpr std::uint64_t unknown_level = UINT64_MAX;

/// Calls `visit` for each lane of the queue.
template <class Visit>
void each_lane(queue_state& queue, Visit visit) {
    for (auto& [type, plain] : queue.lanes) {
        visit(*plain);
        for (auto& [key, limited] : plain->limited) visit(*limited);
    }
}

}  // namespace

/// What decides whose turn it is in that line, where a job is about to wait. A line that was empty
/// begins a job after the one that was started last in the queue: else one in which never more than
/// one job waits would always be the first.
fair_level& engine::level_of(ready_lane& lane, int priority) {
    auto& queue = *lane.queue;
    if (!queue.fair) queue.fair = std::make_unique<std::map<int, std::int64_t>>();
    const auto [furthest, first] = queue.fair->try_emplace(priority, 0);
    if (first) begin_turns(lane, priority);
    if (auto* known = lane.level(priority)) return *known;
    // A part less, so that it comes before what begins a job later elsewhere.
    const auto time = rules::fair_finish(furthest->second, rules::fair_unit - 1);
    return add_level(lane, priority, time, time);
}

fair_level& engine::add_level(ready_lane& lane, int priority, std::int64_t now, std::int64_t time) {
    if (!lane.fair) lane.fair = std::make_unique<fair_levels>();
    auto& level = lane.fair->try_emplace(priority, next_fair_level_++, now, time).first->second;
    // What is to be dropped as soon as it has been read is in no line, and waits all the same.
    if (lane.queue->dropping > 0) level.lose_count();
    return level;
}

/// Those that wait have come in order of arrival and without a key. In each line they are taken for
/// one long turn that begins a job from now, so that the first job of each key goes before them,
/// whatever line it is in. `joined`: a job is about to wait there, which is counted already.
void engine::begin_turns(const ready_lane& joined, int priority) {
    auto& queue = *joined.queue;
    if (queue.jobs[static_cast<std::size_t>(job_state::available)] <= 1) return;
    each_lane(queue, [&](ready_lane& lane) {
        const auto line = lane.line.extent_of(priority);
        if (!line) return;
        const auto waiting = lane.waiting - (&lane == &joined ? 1 : 0);
        if (waiting == 0) return forget_line(lane, std::exchange(lane.line, {}));
        auto& level = add_level(lane, priority, line->first - rules::fair_unit, 0);
        level.follow_plain();
        level.keep_room_before(line->first, line->last);
        // Some in line may have been cancelled; how many is known of the line as a whole.
        const bool alone = line->count == lane.line.size();
        if (!alone) level.lose_count();
        level.enter({}, alone ? waiting : line->count);
        level.set_finish({}, rules::fair_finish(line->last, rules::fair_unit));
        queue.relist(lane);
        renew_blocked(lane);
    });
}

/// A place in line for an available job that joins it anew.
std::int64_t engine::new_ticket(const resident_job& job) {
    const auto& spec = *job.record.spec;
    if (!job.queue->fair && !spec.fairness) return next_seq_++;
    auto& level = level_of(*job.lane, spec.priority);
    const auto now = level.now();
    const auto key = fairness_key_of(spec);
    const auto start = rules::fair_start(now, level.finish_of(key));
    // No two jobs of a line have the same ticket. Those that may begin now go in order of arrival.
    const auto ticket = job.lane->line.next_free(spec.priority, start);
    if (start == now) level.set_time(ticket + 1);
    level.set_finish(key, rules::fair_finish(ticket, step_of(spec)));
    return ticket;
}

/// Whether the place of a job that was given back is that of another one by now.
bool engine::place_is_taken(const resident_job& job) const {
    const auto& record = job.record;
    const auto holder = job.lane->line.holder(record.spec->priority, record.ticket);
    if (!holder || *holder == record.seq) return false;
    const auto* other = jobs_.find(*holder);
    return !other ||
           (other->record.state == job_state::available && other->record.ticket == record.ticket);
}

/// The place of a job that was given back: its old one. If that means nothing any more, for its
/// line was empty meanwhile, it is among the next to go, and its key has paid for it.
std::int64_t engine::ticket_again(const resident_job& job) {
    const auto& record = job.record;
    const auto priority = record.spec->priority;
    const auto& line = job.lane->line;
    if (job.queue->fair || record.spec->fairness) {
        auto& level = level_of(*job.lane, priority);
        const bool known = level.knows(job.turn_level);
        if (known && !place_is_taken(job)) return record.ticket;
        if (known) return line.next_free(priority, record.ticket);
        const auto ticket = line.next_free(priority, level.now());
        level.set_time(ticket + 1);  // many may come back at one time
        return ticket;
    }
    if (job.turn_level == 0 && !place_is_taken(job)) return record.ticket;
    const auto waiting = line.extent_of(priority);
    return waiting ? waiting->first - 1 : next_seq_++;
}

/// Puts a job that was given back into its line again.
void engine::rejoin_line(resident_job& job, instant now) {
    job.record.ticket = ticket_again(job);
    join_line(job, now);
}

/// The job is about to be put into its line.
void engine::enter_fair(const resident_job& job) {
    const auto& spec = *job.record.spec;
    level_of(*job.lane, spec.priority).enter(fairness_key_of(spec));
}

/// If the job still waits, it is put into its line: its place was another one's when the server
/// started. Whatever counts waiting jobs has counted it; which level did is not known for sure.
void engine::place_beside(resident_job& job) {
    auto& record = job.record;
    auto& lane = *job.lane;
    const auto priority = record.spec->priority;
    if (record.state != job_state::available) return;
    if (lane.line.holder(priority, record.ticket) == record.seq) return;
    record.ticket = lane.line.next_free(priority, record.ticket);
    if (auto* level = lane.level(priority)) level->lose_count();
    touch(job, true);
    take_place(job);
    offers_.push_back(job.queue);
}

/// The job of a fair queue is available no more.
void engine::leave_fair(resident_job& job) {
    const auto& spec = *job.record.spec;
    auto& lane = *job.lane;
    if (auto* level = lane.level(spec.priority)) {
        std::optional<std::int64_t> end;
        if (job.record.state == job_state::active) {
            start_turn(job, *level);
            job.turn_level = level->number();
            end = rules::fair_finish(job.record.ticket, step_of(spec));
        }
        level->leave(fairness_key_of(spec), end);
        if (level->over() && lane.waiting > 0) end_level(lane, spec.priority);
    }
    if (lane.waiting == 0) end_turns(lane);
    if (job.queue->jobs[static_cast<std::size_t>(job_state::available)] == 0)
        job.queue->fair.reset();
}

/// The job has been started: so late it is there, and in the queue.
void engine::start_turn(const resident_job& job, fair_level& level) {
    auto& lane = *job.lane;
    const auto priority = job.record.spec->priority;
    const auto ticket = job.record.ticket;
    if (const auto line = lane.line.extent_of(priority); line && line->first <= ticket) {
        // Taken back from the middle of the line; those before it have not had their turn.
        level.set_time(line->first);
        return;
    }
    // One that was given back has had its turn, however far the queue has come since.
    if (!level.start(ticket)) return;
    const auto time = rules::fair_shifted(ticket, level.shift());
    auto& furthest = job.queue->fair->try_emplace(priority, time).first->second;
    if (time < furthest) {
        level.catch_up(furthest - time);
        job.queue->relist(lane);
    }
    furthest = std::max(furthest, time);
}

/// No job of that priority waits there.
void engine::end_level(ready_lane& lane, int priority) {
    auto ended = lane.fair->extract(priority);
    // Many keys are freed a part at a time, for everybody else waits meanwhile.
    if (ended.mapped().keys() > keys_freed_at_once)
        fair_ended_.push_back(std::move(ended.mapped()));
    forget_line(lane, lane.line.split_off(priority));
}

/// No job waits there.
void engine::end_turns(ready_lane& lane) {
    while (lane.fair && !lane.fair->empty()) end_level(lane, lane.fair->begin()->first);
    lane.fair.reset();
    forget_line(lane, std::exchange(lane.line, {}));
}

/// What was taken out of the line is stale. Left there, it would be in the way of new tickets.
void engine::forget_line(ready_lane& lane, ready_line gone) {
    if (gone.empty()) return;
    auto& queue = *lane.queue;
    if (lane.share && !lane.closed) queue.handled_ready -= gone.size();
    queue.relist(lane);
    queues_.update_turn(queue);
    if (lane.closed && lane.line.empty()) reopen_lane(lane);
    if (gone.size() > keys_freed_at_once) lines_ended_.push_back(std::move(gone));
}

/// A waiting job is put into its line by a restart: after all before it in the order of arrival, so
/// the last one of a key says where the key is.
void engine::restore_fair(ready_lane& lane, const waiting_job& job) {
    if (job.fairness_key.empty()) {
        auto& all = lane.restored;
        auto at = std::ranges::lower_bound(all, job.priority, {}, &unkeyed_jobs::priority);
        if (at == all.end() || at->priority != job.priority)
            at = all.insert(at, {job.priority, INT64_MIN, 0});
        at->last = std::max(at->last, job.ticket);
        ++at->count;
        return;
    }
    auto* known = lane.level(job.priority);
    auto& level = known ? *known : add_level(lane, job.priority, 0, 0);
    const auto step = rules::fair_step(job.fairness_weight, job.cost);
    level.set_finish(job.fairness_key, std::max(level.finish_of(job.fairness_key),
                                                rules::fair_finish(job.ticket, step)));
    level.enter(job.fairness_key);
}

/// All waiting jobs are in their lines.
void engine::end_fair_restore() {
    for (const auto& [name, queue] : queues_) {
        std::map<int, std::int64_t> fair;
        each_lane(*queue, [&](const ready_lane& lane) {
            if (lane.fair)
                for (const auto& [priority, level] : *lane.fair) fair.emplace(priority, 0);
            for (const auto& each : lane.restored)  // such came while others with a key waited
                if (each.last >= next_seq_) fair.emplace(each.priority, 0);
        });
        if (!fair.empty())
            queue->fair = std::make_unique<std::map<int, std::int64_t>>(std::move(fair));
        each_lane(*queue, [&](ready_lane& lane) { restore_levels(lane); });
    }
}

/// The lines go on side by side, each from its first job.
void engine::restore_levels(ready_lane& lane) {
    const auto unkeyed = std::exchange(lane.restored, {});
    if (!lane.queue->fair) return;
    for (const auto& each : unkeyed) {
        if (!lane.queue->fair->contains(each.priority)) continue;
        auto* known = lane.level(each.priority);
        auto& level = known ? *known : add_level(lane, each.priority, 0, 0);
        level.set_finish({}, rules::fair_finish(each.last, rules::fair_unit));
        level.enter({}, each.count);
        const auto line = lane.line.extent_of(each.priority);
        if (line && each.last < next_seq_) level.keep_room_before(line->first, each.last);
    }
    if (!lane.fair) return;
    for (auto& [priority, level] : *lane.fair)
        if (const auto line = lane.line.extent_of(priority))
            level.begin(level.has_plain() ? line->first - rules::fair_unit : line->first, 0);
    lane.queue->relist(lane);
}

/// The job ran when the process ended before this one.
void engine::restore_turn(resident_job& job) const {
    const auto& record = job.record;
    const auto line = job.lane->line.extent_of(record.spec->priority);
    if (const auto* level = job.lane->level(record.spec->priority))
        // What was started of it came before all that waits.
        job.turn_level = line && record.ticket > line->first ? unknown_level : level->number();
    else if (record.spec->fairness || record.ticket < record.seq || record.ticket >= next_seq_)
        job.turn_level = unknown_level;
}

/// A batch of so many jobs is durable. It left at most as many keys behind.
void engine::free_fair_levels(std::size_t jobs) {
    auto left = std::max(keys_freed_at_once, 2 * jobs);
    while (left > 0 && !fair_ended_.empty()) {
        left -= fair_ended_.back().free_some(left);
        if (fair_ended_.back().keys() == 0) fair_ended_.pop_back();
    }
    while (left > 0 && !lines_ended_.empty()) {
        left -= lines_ended_.back().free_some(left);
        if (left > 0) lines_ended_.pop_back();
    }
}

std::size_t engine::fairness_key_count() const {
    std::size_t keys = 0;
    for (const auto& [name, queue] : queues_) {
        each_lane(*queue, [&](const ready_lane& lane) {
            if (!lane.fair) return;
            for (const auto& [priority, level] : *lane.fair) keys += level.keys();
        });
    }
    for (const auto& level : fair_ended_) keys += level.keys();
    return keys;
}

}  // namespace sluice
