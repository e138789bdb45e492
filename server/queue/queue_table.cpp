#include "server/queue/queue_table.hpp"

#include "server/queue/limit_table.hpp"
#include "server/rules/fairness.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

std::optional<lane_head> ready_lane::first() {
    const auto entry = line.front();
    if (!entry) return std::nullopt;
    const auto time = rules::fair_shifted(entry->ticket, shift(entry->priority));
    return lane_head{entry->priority, time, entry->seq, this};
}

std::optional<lane_head> ready_lane::head() {
    return closed ? std::nullopt : first();
}

bool ready_lane::begins_with(const job_record& job) const {
    const auto entry = line.front();
    return entry && entry->seq == job.seq && entry->ticket == job.ticket;
}

fair_level* ready_lane::level(int priority) const {
    if (!fair) return nullptr;
    const auto at = fair->find(priority);
    return at == fair->end() ? nullptr : &at->second;
}

std::int64_t ready_lane::shift(int priority) const {
    const auto* known = level(priority);
    return known ? known->shift() : 0;
}

std::uint64_t queue_state::depth() const {
    std::uint64_t depth = 0;
    for (std::size_t i = 0; i < job_state_count; ++i)
        if (!is_terminal(static_cast<job_state>(i))) depth += jobs[i];
    return depth;
}

std::uint64_t queue_state::kept_depth() const {
    const auto all = depth();
    return all -
           std::min<std::uint64_t>(all, dropping);  // somebody else may have ended one of them
}

void queue_state::relist(ready_lane& lane) {
    if (lane.limit) {
        const auto now = lane.head();
        if (lane.listed == now) return;
        if (lane.listed) lane.plain->limited_heads.erase(*lane.listed);
        if (now) lane.plain->limited_heads.insert(*now);
        lane.listed = now;
    }
    list_type(*lane.plain);
}

void queue_state::list_type(ready_lane& plain) {
    auto now = plain.head();
    const auto& limited = plain.limited_heads;
    if (!limited.empty() && (!now || *limited.begin() < *now)) now = *limited.begin();
    if (plain.listed == now) return;
    if (plain.listed) {
        heads.erase(*plain.listed);
        if (plain.share) plain.share->heads.erase(*plain.listed);
    }
    if (now) {
        heads.insert(*now);
        if (plain.share) plain.share->heads.insert(*now);
    }
    plain.listed = now;
}

void queue_state::close(ready_lane& lane) {
    if (lane.closed) return;
    lane.closed = true;
    if (lane.share) handled_ready -= lane.line.size();
    relist(lane);
}

void queue_state::reopen(ready_lane& lane) {
    if (!lane.closed) return;
    lane.closed = false;
    if (lane.share) handled_ready += lane.line.size();
    relist(lane);
}

ready_lane* queue_state::best_handled() const {
    const lane_head* best = nullptr;
    for (const auto& share : handled) {
        if (share.heads.empty() || share.group->full()) continue;
        if (!best || *share.heads.begin() < *best) best = &*share.heads.begin();
    }
    return best ? best->lane : nullptr;
}

queue_stats stats_of(const queue_state& queue) {
    queue_stats stats;
    stats.name = *queue.name;
    stats.paused = queue.paused;
    stats.jobs = queue.jobs;
    stats.dead_letters = queue.dead_letters;
    if (queue.config) stats.config = *queue.config;
    return stats;
}

queue_state& queue_table::get(std::string_view name) {
    const auto it = queues_.find(name);
    if (it != queues_.end()) {
        auto& known = *it->second;
        if (known.idle != 0) idle_.erase(std::exchange(known.idle, 0));
        return known;
    }
    auto queue = std::make_unique<queue_state>();
    queue->name = std::make_shared<const std::string>(name);
    return *queues_.emplace(std::string(name), std::move(queue)).first->second;
}

const queue_state* queue_table::find(std::string_view name) const {
    const auto it = queues_.find(name);
    return it == queues_.end() ? nullptr : it->second.get();
}

queue_state* queue_table::find(std::string_view name) {
    const auto it = queues_.find(name);
    return it == queues_.end() ? nullptr : it->second.get();
}

bool queue_table::unused(const ready_lane& lane) {
    return lane.jobs == 0 && lane.waiting == 0 && !lane.loading && lane.takers.empty() &&
           lane.limited.empty();
}

void queue_table::forget(ready_lane& lane) {
    auto& queue = *lane.queue;
    if (lane.share && !lane.closed) queue.handled_ready -= lane.line.size();
    lane.line = {};
    queue.relist(lane);
    update_turn(queue);
    if (lane.limit)
        lane.plain->limited.erase(lane.plain->limited.find(lane.limit->key));
    else
        queue.lanes.erase(queue.lanes.find(*lane.type));
}

const queue_state* queue_table::forget_if_unused(queue_state& queue, std::size_t idle_max) {
    if (!queue.lanes.empty() || !queue.takers.empty() || !queue.handled_takers.empty() ||
        !queue.pattern_takers.empty() || queue.paused || queue.config || queue.dead_letters > 0)
        return nullptr;
    for (std::size_t state = 0; state < job_state_count; ++state)
        if (!is_terminal(static_cast<job_state>(state)) && queue.jobs[state] > 0) return nullptr;
    auto* gone = &queue;
    if (queue.known) {
        if (queue.idle == 0) {
            queue.idle = next_idle_++;
            idle_.emplace(queue.idle, &queue);
        }
        if (idle_.size() <= idle_max) return nullptr;
        gone = idle_.begin()->second;
        idle_.erase(idle_.begin());
    }
    queues_.erase(queues_.find(*gone->name));
    return gone;
}

ready_lane* queue_table::find_lane(const queue_state& queue, std::string_view type) {
    const auto it = queue.lanes.find(type);
    return it == queue.lanes.end() ? nullptr : it->second.get();
}

ready_lane& queue_table::add_lane(queue_state& queue, std::string_view type, handler_group* group) {
    auto lane = std::make_unique<ready_lane>();
    lane->queue = &queue;
    lane->plain = lane.get();
    lane->type = std::make_shared<const std::string>(type);
    if (group) {
        const auto it = std::find_if(queue.handled.begin(), queue.handled.end(),
                                     [&](const auto& share) { return share.group == group; });
        lane->share = it != queue.handled.end()
                          ? &*it
                          : &queue.handled.emplace_back(handled_share{group, {}});
    }
    return *queue.lanes.emplace(std::string(type), std::move(lane)).first->second;
}

ready_lane* queue_table::find_limited(const ready_lane& plain, std::string_view key) {
    const auto it = plain.limited.find(key);
    return it == plain.limited.end() ? nullptr : it->second.get();
}

ready_lane& queue_table::add_limited(ready_lane& plain, limit_state& limit, std::string_view key) {
    auto lane = std::make_unique<ready_lane>();
    lane->queue = plain.queue;
    lane->type = plain.type;
    lane->plain = &plain;
    lane->limit = &limit;
    lane->share = plain.share;
    return *plain.limited.emplace(std::string(key), std::move(lane)).first->second;
}

void queue_table::update_turn(queue_state& queue) {
    const bool serve = queue.handled_ready > 0 && !queue.rests() && !queue.own_pool;
    if (serve == (queue.turn != 0)) return;
    if (serve) {
        queue.turn = next_turn_++;
        turns_.emplace(queue.turn, &queue);
    } else {
        turns_.erase(queue.turn);
        queue.turn = 0;
    }
}

void queue_table::end_turn(queue_state& queue) {
    if (queue.turn == 0) return;
    turns_.erase(queue.turn);
    queue.turn = next_turn_++;
    turns_.emplace(queue.turn, &queue);
}

}  // namespace sluice
