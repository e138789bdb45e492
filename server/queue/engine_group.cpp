#include "server/queue/engine.hpp"

#include <cassert>
#include <utility>
#include <vector>

/// Limits over several keys. A lane whose first job finds its group full waits there; each place
/// that comes free opens one lane of each queue and type, so that it costs the same however many
/// keys wait.
namespace sluice {
namespace {

std::pair<std::string_view, std::string_view> place_of(const ready_lane& lane) {
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

bool engine::group_is_full(const limit_rule& rule, instant now) const {
    const auto limit = group_limit(rule, now);
    if (!limit) return false;
    const auto* group = limits_.find(rule.group);
    return (group ? group->running : 0) >= *limit;
}

void engine::see_group(const resident_job& job) {
    const auto& rule = *job.record.spec->limit;
    if (rule.group.empty()) return;
    auto& group = limits_.get(rule.group);
    if (!group.rule || group.rule->concurrency != rule.group_concurrency) {
        limit_rule told;
        told.key = rule.group;
        told.concurrency = rule.group_concurrency;
        group.rule = std::make_shared<const limit_rule>(std::move(told));
    }
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
    std::vector<std::pair<std::string_view, std::string_view>> places;
    for (const auto& [place, lanes] : group->blocked) places.push_back(place);
    for (const auto& place : places) open_blocked(*group, place);
    limits_.settle(*group);
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

/// Opens the best of the lanes that wait there for the group.
void engine::open_blocked(limit_state& group, std::pair<std::string_view, std::string_view> place) {
    const auto at = group.blocked.find(place);
    if (at != group.blocked.end()) reopen_lane(*at->second.begin()->head.lane);
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
