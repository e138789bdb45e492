#include "server/queue/engine.hpp"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

/// Limits over several keys. A lane whose first job finds its group full waits there; each place
/// that comes free opens one lane of each queue and type, so that it costs the same however many
/// keys wait.
namespace sluice {
namespace {

lane_place place_of(const ready_lane& lane) {
    return {*lane.queue->name, *lane.plain->type};
}

}  // namespace

/// Null: nothing is known of it, as nothing runs or waits under it.
limit_state* engine::group_of(const limit_rule& rule) {
    return rule.group.empty() ? nullptr : limits_.find(rule.group);
}

/// How many jobs of its group may run; nothing: it has none.
std::optional<std::size_t> engine::group_limit(const limit_rule& rule, instant now) const {
    if (rule.group.empty()) return std::nullopt;
    const auto* group = limits_.find(rule.group);
    const bool given = group && group->given && group->given->concurrency &&
                       (!group->given->expires_at || *group->given->expires_at > now.wall);
    return static_cast<std::size_t>(given ? *group->given->concurrency : rule.group_concurrency);
}

/// `freed`: places that are about to come free.
bool engine::group_is_full(const limit_rule& rule, instant now, std::size_t freed) const {
    const auto limit = group_limit(rule, now);
    if (!limit) return false;
    const auto* group = limits_.find(rule.group);
    return (group ? group->running : 0) >= *limit + freed;
}

void engine::see_group(const resident_job& job) {
    const auto& rule = *job.record.spec->limit;
    if (rule.group.empty()) return;
    auto& group = limits_.get(rule.group);
    limit_table::name_queue(group, job.queue->name);
    // Of a key that jobs have as their own, these tell.
    const bool tells = group.lanes.empty() && job.record.seq >= group.rule_seq;
    if (tells && (!group.rule || group.rule->concurrency != rule.group_concurrency)) {
        limit_rule told;
        told.key = rule.group;
        told.concurrency = rule.group_concurrency;
        group.rule = std::make_shared<const limit_rule>(std::move(told));
    }
    if (tells) group.rule_seq = job.record.seq;
    limits_.settle(group);
}

/// A job has begun to run.
void engine::enter_group(const resident_job& job) {
    if (const auto& key = job.record.spec->limit->group; !key.empty()) ++limits_.get(key).running;
}

/// It runs no more.
void engine::leave_group(const resident_job& job) {
    auto* group = group_of(*job.record.spec->limit);
    if (!group) return;
    assert(group->running > 0);
    --group->running;
    give_room(*group);
    limits_.settle(*group);
}

/// One more may run under a key, be it the own one of jobs or that of a group: some have both.
void engine::give_room(limit_state& limit) {
    reopen_lanes(limit);
    std::vector<std::pair<blocked_lane, lane_place>> places;
    for (const auto& [place, lanes] : limit.blocked) places.emplace_back(*lanes.begin(), place);
    // The times of different queues say nothing of one another.
    const auto* queue = places.empty() ? nullptr : places.front().first.head.lane->queue;
    const bool alike = std::ranges::all_of(
        places, [&](const auto& each) { return each.first.head.lane->queue == queue; });
    // The latest offer is made first, so the best comes last.
    std::ranges::sort(places, [alike](const auto& a, const auto& b) {
        if (alike) return b.first < a.first;
        if (a.first.allowed != b.first.allowed) return a.first.allowed < b.first.allowed;
        const auto &one = a.first.head, &other = b.first.head;
        if (one.priority != other.priority) return one.priority < other.priority;
        return one.seq > other.seq;
    });
    for (const auto& [first, place] : places) open_blocked(limit, place);
}

/// The lane is closed until there is room in the group of its first job.
void engine::block_lane(ready_lane& lane, const resident_job& first, instant now) {
    auto& group = limits_.get(first.record.spec->limit->group);
    lane.blocked_at = lane.head();
    lane.blocked_allowed = first.record.spec->limit->group_concurrency;
    lane.blocked_by = &group;
    group.blocked[place_of(lane)].insert({lane.blocked_allowed, *lane.blocked_at});
    lane.queue->close(lane);
    queues_.update_turn(*lane.queue);
    // The wall clock may be set meanwhile; then the timer comes too early, or somebody asks.
    if (group.given && group.given->expires_at)
        wake_limit(group, now.steady + (*group.given->expires_at - now.wall));
}

void engine::unblock(ready_lane& lane) {
    auto* group = std::exchange(lane.blocked_by, nullptr);
    if (!group) return;
    const auto at = group->blocked.find(place_of(lane));
    at->second.erase({lane.blocked_allowed, *lane.blocked_at});
    if (at->second.empty()) group->blocked.erase(at);
    lane.blocked_at.reset();
    limits_.settle(*group);
}

/// The time of its first job is another one.
void engine::renew_blocked(ready_lane& lane) {
    if (!lane.blocked_by) return;
    auto& waiting = lane.blocked_by->blocked.find(place_of(lane))->second;
    waiting.erase({lane.blocked_allowed, *lane.blocked_at});
    lane.blocked_at = lane.first();
    waiting.insert({lane.blocked_allowed, *lane.blocked_at});
}

/// Opens the best of the lanes that wait there for the group.
void engine::open_blocked(limit_state& group, lane_place place) {
    const auto at = group.blocked.find(place);
    if (at == group.blocked.end()) return;
    auto& lane = *at->second.begin()->head.lane;
    reopen_lane(lane);
    lane.opened_for = group.number;
}

/// Another job is the first of a lane that was opened for a group, which it need not be of.
void engine::pass_on_opening(ready_lane& lane) {
    const auto number = std::exchange(lane.opened_for, 0);
    if (auto* group = number == 0 ? nullptr : limits_.find(number))
        open_blocked(*group, place_of(lane));
}

/// Room that the job's lane was opened for is for another one. If there is none, that is found out.
void engine::pass_on_group(const resident_job& job) {
    if (auto* group = group_of(*job.record.spec->limit)) open_blocked(*group, place_of(*job.lane));
}

/// What holds for the group has changed.
void engine::open_all_blocked(limit_state& group) {
    while (!group.blocked.empty()) reopen_lane(*group.blocked.begin()->second.begin()->head.lane);
}

}  // namespace sluice
