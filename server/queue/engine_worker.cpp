#include "server/queue/engine.hpp"

#include <algorithm>
#include <iterator>
#include <set>

/// What is known of workers, and what they are told.
namespace sluice {
namespace {

/// Names the jobs a worker holds. `held` is in the order in which they were pushed.
void name_jobs(const job_table& jobs, const std::set<std::int64_t>& held, worker_info& worker) {
    worker.active = held.size();
    worker.jobs.reserve(std::min(held.size(), worker_jobs_max));
    for (const auto seq : held) {
        if (worker.jobs.size() == worker_jobs_max) break;
        if (const auto* job = jobs.find(seq)) worker.jobs.push_back(job->record.spec);
    }
}

}  // namespace

std::vector<worker_info> engine::workers(const std::optional<std::string>& only) const {
    std::vector<worker_info> all;
    const auto add = [&](const std::string& id, const worker_entry& worker) {
        worker_info info;
        info.id = id;
        info.state = worker.state;
        info.directive = worker.directive;
        info.beats = worker.beats;
        if (worker.beats) info.heard_at = stamp({.wall = {}, .steady = worker.last_beat});
        name_jobs(jobs_, worker.held, info);
        all.push_back(std::move(info));
    };
    if (only) {
        if (const auto* worker = workers_.find(*only)) add(*only, *worker);
    } else {
        all.reserve(workers_.size() + 1);
        for (const auto& [id, worker] : workers_) add(id, worker);
    }
    if (!only || *only == in_server_worker_id) {
        // A handler that has not returned may have lost its job to somebody else.
        std::set<std::int64_t> held;
        for (const auto& [number, run] : handler_runs_) {
            const auto* job = jobs_.find(run.seq);
            if (job && job->record.state == job_state::active &&
                job->record.lease.counter == number && job->record.worker_id == in_server_worker_id)
                held.insert(run.seq);
        }
        worker_info own;
        own.id = in_server_worker_id;
        name_jobs(jobs_, held, own);
        if (own.active > 0) all.push_back(std::move(own));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return all;
}

result<worker_info> engine::quiet_worker(const std::string& id, bool quiet) {
    auto* worker = workers_.find(id);
    if (!worker && id != in_server_worker_id) return error(errc::not_found);
    if (!worker || !worker->beats)
        return error(errc::conflict, "This worker sends no heartbeats, so it cannot be told.");
    const bool wanted = wants_jobs(id);
    worker->directive = quiet ? worker_state::quiet : worker_state::running;
    if (wants_jobs(id) != wanted) end_waits_of(id);
    return workers(id).front();
}

backend_stats engine::stats(instant now) const {
    const auto ended = throughput_.last_minute(now.steady);
    backend_stats stats;
    stats.workers = workers_.size();
    stats.runs_completed = ended.completed;
    stats.runs_failed = ended.failed;
    stats.webhooks_left_out = webhooks_left_out_;
    stats.redrives = redrives_.active();
    return stats;
}

}  // namespace sluice
