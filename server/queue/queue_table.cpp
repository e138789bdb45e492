#include "server/queue/queue_table.hpp"

#include <algorithm>

namespace sluice {

void queue_state::relist(ready_lane& lane) {
    const auto now = lane.line.front();
    if (lane.listed && now && lane.listed->ticket == now->ticket &&
        lane.listed->priority == now->priority)
        return;
    if (lane.listed) {
        const lane_head before{lane.listed->priority, lane.listed->ticket, &lane};
        heads.erase(before);
        if (lane.share) lane.share->heads.erase(before);
    }
    if (now) {
        const lane_head first{now->priority, now->ticket, &lane};
        heads.insert(first);
        if (lane.share) lane.share->heads.insert(first);
    }
    lane.listed = now;
}

ready_lane* queue_state::best_handled() const {
    const lane_head* best = nullptr;
    for (const auto& share : handled) {
        if (share.heads.empty() || share.group->full()) continue;
        if (!best || *share.heads.begin() < *best) best = &*share.heads.begin();
    }
    return best ? best->lane : nullptr;
}

queue_state& queue_table::get(std::string_view name) {
    const auto it = queues_.find(name);
    if (it != queues_.end()) return *it->second;
    auto queue = std::make_unique<queue_state>();
    queue->name = std::make_shared<const std::string>(name);
    return *queues_.emplace(std::string(name), std::move(queue)).first->second;
}

queue_state* queue_table::find(std::string_view name) {
    const auto it = queues_.find(name);
    return it == queues_.end() ? nullptr : it->second.get();
}

void queue_table::forget_if_unused(std::string_view name) {
    const auto it = queues_.find(name);
    if (it == queues_.end()) return;
    const auto& queue = *it->second;
    if (queue.known || !queue.takers.empty() || !queue.handled_takers.empty()) return;
    for (const auto& [type, lane] : queue.lanes)
        if (!lane->takers.empty()) return;
    queues_.erase(it);
}

ready_lane* queue_table::find_lane(const queue_state& queue, std::string_view type) {
    const auto it = queue.lanes.find(type);
    return it == queue.lanes.end() ? nullptr : it->second.get();
}

ready_lane& queue_table::add_lane(queue_state& queue, std::string_view type, handler_group* group) {
    auto lane = std::make_unique<ready_lane>();
    lane->queue = &queue;
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

void queue_table::update_turn(queue_state& queue) {
    const bool serve = queue.handled_ready > 0 && !queue.paused && !queue.own_pool;
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
