#include "server/queue/engine.hpp"

namespace sluice {

std::vector<queue_stats> engine::queues() const {
    std::vector<queue_stats> all;
    for (const auto& [name, queue] : queues_)
        if (queue->known) all.push_back(stats_of(*queue));
    return all;
}

queue_stats engine::pause_queue(std::string_view name, bool paused, instant now) {
    auto& queue = queue_named(name);
    if (queue.paused != paused) {
        queue.paused = paused;
        pauses_[*queue.name] = paused;
        queues_.update_turn(queue);
        offers_.push_back(&queue);
        if (!paused) wake_redrives(*queue.name, redrive_wait::queue_paused);
        dispatch(now);
    }
    const auto stats = stats_of(queue);
    unused_queues_.insert(*queue.name);
    forget_unused();
    return stats;
}

}  // namespace sluice
