#include "proto/type_pattern.hpp"
#include "server/queue/engine.hpp"

/// The lines jobs wait in: who stands where, and which are in memory.
namespace sluice {
namespace {

lane_head head_of(ready_lane& lane) {
    return {lane.listed->priority, lane.listed->ticket, &lane};
}

}  // namespace

/// Puts an available job into its line, under the ticket it has.
void engine::join_line(resident_job& job, instant now) {
    auto& record = job.record;
    record.available_at = stamp(now);
    record.due_at.reset();
    auto& lane = *job.lane;
    const bool joined = lane.line.add({record.spec->priority, record.ticket, record.seq});
    if (joined && lane.share) ++job.queue->handled_ready;
    job.queue->relist(lane);
    queues_.update_turn(*job.queue);
    // Only the first jobs of a line stay in memory: once one is at rest, all behind it go there
    // too.
    const auto bytes = footprint(record);
    if (lane.resident + 1 >= lane.line.size() && lane.resident < config_.window_jobs &&
        window_bytes_ + bytes <= config_.window_bytes)
        enter_window(job, bytes);
    offers_.push_back(job.queue);
}

void engine::enter_window(resident_job& job, std::size_t bytes) {
    job.in_window = true;
    job.window_bytes = bytes;
    window_bytes_ += bytes;
    ++job.lane->resident;
}

/// The job is no longer a waiting one. Its place in line goes stale and is skipped when its turn
/// comes.
void engine::leave_window(resident_job& job) {
    if (!job.in_window) return;
    job.in_window = false;
    window_bytes_ -= job.window_bytes;
    --job.lane->resident;
}

void engine::pop_line(ready_lane& lane) {
    lane.line.pop_front();
    if (lane.share) --lane.queue->handled_ready;
    lane.queue->relist(lane);
    queues_.update_turn(*lane.queue);
}

ready_lane* engine::best_lane(const queue_state& queue, const fetch_request& request) {
    if (request.handled_only) return queue.best_handled();
    if (request.types.empty()) return queue.heads.empty() ? nullptr : queue.heads.begin()->lane;
    ready_lane* best = nullptr;
    const auto consider = [&best](ready_lane& lane) {
        if (lane.listed && (!best || head_of(lane) < head_of(*best))) best = &lane;
    };
    for (const auto& type : request.types) {
        const auto prefix = pattern_prefix(type);
        auto it = prefix ? queue.lanes.lower_bound(*prefix) : queue.lanes.find(type);
        // What falls under a pattern stands side by side in the order of names.
        for (; it != queue.lanes.end() && (!prefix || it->first.starts_with(*prefix)); ++it) {
            consider(*it->second);
            if (!prefix) break;
        }
    }
    return best;
}

/// Asks for the first jobs of the line that are not in memory.
void engine::want_head(ready_lane& lane) {
    if (lane.loading) return;
    wanted_load wanted;
    wanted.lane = &lane;
    for (const auto& entry : lane.line.peek(lane.load_max + lane.resident)) {
        if (wanted.seqs.size() == lane.load_max) break;
        if (!jobs_.find(entry.seq)) wanted.seqs.push_back(entry.seq);
    }
    if (wanted.seqs.empty()) return;
    lane.loading = true;
    wanted.load = begin_load();
    wanted_.push_back(std::move(wanted));
}

}  // namespace sluice
