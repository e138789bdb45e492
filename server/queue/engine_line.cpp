#include "server/queue/engine.hpp"

#include "proto/type_pattern.hpp"

#include <algorithm>

/// The lines of waiting jobs, and who is first.
namespace sluice {
namespace {

/// Those of a key of rate limits leave slowly, and there may be many keys.
constexpr std::size_t limited_jobs = 64;

/// So many of each lane when half of the memory for them is used: other lanes need some too.
constexpr std::size_t crowded_jobs = 512;

/// Waiting jobs of a lane that are kept in memory while all of them take `bytes`.
std::size_t window_of(const ready_lane& lane, const engine_config& config, std::size_t bytes) {
    const auto most = bytes < config.window_bytes / 2 ? config.window_jobs
                                                      : std::min(crowded_jobs, config.window_jobs);
    return lane.limit ? std::min(limited_jobs, most) : most;
}

/// Whether the job came in near the front of a line that goes on at rest: it is wanted soon, and
/// the window is full of those it went before.
bool comes_soon(const ready_lane& lane, const job_record& record, std::size_t window) {
    if (lane.resident >= 2 * window) return false;
    std::size_t looks = 64;
    const auto ahead = lane.line.ahead_of(record.spec->priority, record.ticket, looks);
    return looks > 0 && ahead <= window / 4;
}

}  // namespace

void engine::take_place(const resident_job& job) {
    const auto& record = job.record;
    auto& lane = *job.lane;
    const bool joined = lane.line.add({record.spec->priority, record.ticket, record.seq});
    if (joined && lane.share && !lane.closed) ++job.queue->handled_ready;
    job.queue->relist(lane);
    queues_.update_turn(*job.queue);
    // What its limit had no room for is not the first any more.
    if (lane.begins_with(record)) {
        if (lane.closed) reopen_lane(lane);
        pass_on_opening(lane);
    }
}

/// Puts an available job into its line, under the ticket it has.
void engine::join_line(resident_job& job, instant now) {
    auto& record = job.record;
    record.available_at = stamp(now);
    record.due_at.reset();
    objective_enter(job, now);
    const auto& lane = *job.lane;
    if (job.queue->fair || record.spec->fairness) enter_fair(job);
    take_place(job);
    // Only the first jobs of a line stay in memory: once one is at rest, all behind it go there
    // too.
    const auto bytes = footprint(record);
    const auto window = window_of(lane, config_, window_bytes_);
    const bool next = lane.resident + 1 >= lane.line.size() && lane.resident < window;
    if ((next || (job.queue->fair && comes_soon(lane, record, window))) &&
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
    leave_line(lane, *lane.line.front());
}

/// `entry` must be in the line.
void engine::leave_line(ready_lane& lane, const ready_entry& entry) {
    const bool first = *lane.line.front() == entry;
    if (first)
        lane.line.pop(entry.priority);
    else
        lane.line.remove(entry);
    if (lane.share && !lane.closed) --lane.queue->handled_ready;
    lane.queue->relist(lane);
    queues_.update_turn(*lane.queue);
    if (first && lane.closed) reopen_lane(lane);
}

ready_lane* engine::best_lane(const queue_state& queue, const fetch_request& request) {
    if (request.handled_only) return queue.best_handled();
    if (request.types.empty()) return queue.heads.empty() ? nullptr : queue.heads.begin()->lane;
    const lane_head* best = nullptr;
    const auto consider = [&best](const ready_lane& plain) {
        if (plain.listed && (!best || *plain.listed < *best)) best = &*plain.listed;
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
    return best ? best->lane : nullptr;
}

/// Asks for the first jobs of the line that are not in memory.
void engine::want_head(ready_lane& lane) {
    if (lane.loading) return;
    wanted_load wanted;
    wanted.lane = &lane;
    // Of lines that go on slowly there may be many: when memory is short, their first job will do.
    const bool full = lane.limit && window_bytes_ >= config_.window_bytes;
    const auto most = lane.limit ? std::min(lane.load_max, limited_jobs) : lane.load_max;
    const auto max = full ? std::size_t{1} : most;
    for (const auto& entry : lane.line.peek(max + lane.resident)) {
        if (wanted.seqs.size() == max) break;
        if (!jobs_.find(entry.seq)) wanted.seqs.push_back(entry.seq);
    }
    if (wanted.seqs.empty()) return;
    lane.loading = true;
    wanted.load = begin_load();
    wanted_.push_back(std::move(wanted));
}

/// Takes the next job of a line that is really available. Null: none, or `blocked` until a load is
/// done.
resident_job* engine::take_next(queue_state& queue, const fetch_request& request, bool& blocked,
                                instant now) {
    while (auto* lane = best_lane(queue, request)) {
        const auto entry = *lane->line.front();
        auto* job = jobs_.find(entry.seq);
        if (!job) {
            want_head(*lane);
            blocked = true;
            return nullptr;
        }
        const bool stale =
            job->record.state != job_state::available || job->record.ticket != entry.ticket;
        const bool ends = !stale && turns_.end_when_read.contains(entry.seq);
        const auto& expires = job->record.spec->expires_at;
        const bool expired = expires && *expires <= now.wall;
        if (lane->limit && !stale && !ends && !expired && !may_start(*lane, *job, now)) continue;
        pop_line(*lane);
        if (stale) continue;
        if (ends) {
            end_read(*job, now);
            continue;
        }
        leave_window(*job);
        if (expired) {
            expire(*job, now);
            continue;
        }
        if (lane->resident < window_of(*lane, config_, window_bytes_) / 4 &&
            lane->line.size() > lane->resident && window_bytes_ < config_.window_bytes)
            want_head(*lane);
        return job;
    }
    return nullptr;
}

}  // namespace sluice
