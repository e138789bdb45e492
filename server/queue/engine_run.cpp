#include "server/queue/engine.hpp"

#include <algorithm>

/// What is said of a run while it lasts.
namespace sluice {

/// The job, if it is running and the caller may speak for it.
result<resident_job*> engine::running(const uuid& id, const std::optional<lease_token>& lease,
                                      const std::string& worker_id, instant now) {
    const auto* job = find(id);
    const bool latest = job && (!lease || job->record.lease == *lease);
    if (latest && job->record.state != job_state::active) {
        const std::string state(to_string(job->record.state));
        return error(errc::conflict, "A job that is " + state + " is not running.",
                     "\"current_state\":\"" + state + "\"");
    }
    bool repeated = false;
    return holder(id, lease, worker_id, lease_outcome::open, now, repeated);
}

result<change_answer> engine::report_progress(const progress_request& request, instant now) {
    auto held = running(request.job_id, request.lease, request.worker_id, now);
    if (!held) return held.error();
    auto& job = **held;
    job_progress progress;
    const auto before = job.record.progress ? job.record.progress->fraction : 0.0;
    progress.fraction = std::max(before, std::clamp(request.fraction.value_or(0.0), 0.0, 1.0));
    progress.message = request.message;
    progress.data = request.data;
    progress.reported_at = stamp(now);
    job.record.progress = std::make_shared<const job_progress>(std::move(progress));
    hear(job, now);  // ojs-progress.md §6.3
    return answer(job, false);
}

/// The holder of the job has said something: it lives. In this process a run needs no lease.
void engine::hear(resident_job& job, instant now) {
    if (job.record.worker_id == in_server_worker_id) {
        note_run_left(job, now);
    } else {
        start_lease(job, *job.record.lease_length, now);
        if (auto* worker = workers_.find(job.record.worker_id); worker && worker->beats)
            worker->last_beat = now.steady;
    }
    touch(job, false);
}

/// The run goes on outside: its lease stays, but no longer ends with this process, and it no longer
/// counts against the limit of the handler.
result<change_answer> engine::delegate(const delegate_request& request, instant now) {
    auto held = running(request.job_id, request.lease, std::string(in_server_worker_id), now);
    if (!held) return held.error();
    auto& job = **held;
    auto& record = job.record;
    leave_handler(record.lease);
    record.worker_id = request.holder;
    if (!record.attempts.empty()) record.attempts.back().worker_id = request.holder;
    workers_.hold(record.worker_id, record.seq);
    start_lease(job, request.visibility_timeout.value_or(*record.lease_length), now);
    touch(job, false);
    auto made = answer(job, false);
    if (handler_freed_) dispatch(now);
    return made;
}

void engine::lose_all_runs() {
    for (const auto seq : jobs_.seqs()) {
        const auto& record = jobs_.find(seq)->record;
        if (record.state == job_state::active && record.worker_id == in_server_worker_id)
            lost_runs_.push_back(record.lease);
    }
}

}  // namespace sluice
