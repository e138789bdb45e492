#pragma once

#include "proto/fairness.hpp"
#include "proto/job.hpp"
#include "proto/limit_rule.hpp"
#include "proto/unique.hpp"
#include "server/queue/job_store.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice {

struct ready_lane;
struct queue_state;

/// The log of a resident job that has one: where it ends, and what its run lost.
struct run_log {
    log_end end;
    std::uint64_t batch = 0;    ///< latest batch that holds a line of it
    std::uint64_t dropped = 0;  ///< lines since the latest one that was kept
    bool told_full = false;     ///< a note of this run says so
};

/// A job the engine has in memory.
struct resident_job {
    job_record record;
    job_place stored = job_place::nowhere;  ///< where the latest batch taken left it
    job_place place = job_place::nowhere;   ///< where the open batch will leave it
    std::uint64_t batch = 0;                ///< latest batch that holds a change of it
    std::uint64_t inserted_in = 0;          ///< batch that first stores it; 0 once that is durable
    std::uint64_t granted_in = 0;           ///< batch of the latest grant; 0 once that is durable
    std::uint64_t ended_in = 0;             ///< batch that ends it; 0 once that is durable
    std::uint64_t kept_until = 0;           ///< loads before this one must end before it may go
    bool in_window = false;                 ///< counted among the resident waiting jobs of its lane
    bool in_finished = false;  ///< listed among the finished jobs kept for late questions
    bool untold = false;       ///< granted, and its taker has not been told
    bool log_known = true;     ///< where its log ends is in `log`; it has none when that is null
    std::size_t window_bytes = 0;
    std::size_t open_bytes = 0;  ///< its size as the open batch counts it
    /// While it runs: number of the fair level that its ticket is of; 0: it is of none, but in
    /// order of arrival.
    std::uint64_t turn_level = 0;
    std::unique_ptr<run_log> log;
    queue_state* queue = nullptr;
    ready_lane* lane = nullptr;
    std::string fetch_id;                         ///< of the fetch that was given it, while it runs
    std::chrono::microseconds waited{0};          ///< before its run, as far as that is known
    std::chrono::microseconds lease_deadline{0};  ///< steady clock
    std::chrono::microseconds run_deadline{0};    ///< steady clock; 0: it was at rest since its run
    std::chrono::microseconds timer_at{0};        ///< steady clock: its timer; 0: none
};

/// Rough size in memory, for budgets.
inline std::size_t footprint(const job_record& record) {
    std::size_t bytes = sizeof(resident_job) + sizeof(job_spec) + record.result.size() +
                        record.parent_results.size();
    if (record.spec) {
        const auto& spec = *record.spec;
        bytes += spec.args.size() + spec.meta.size() + spec.tags.size() + spec.extra.size() +
                 spec.extra_options.size();
        if (spec.limit) bytes += spec.limit->text.size() + spec.limit->key.size();
        if (spec.unique) bytes += spec.unique->text.size();
        if (spec.fairness) bytes += sizeof(fairness_rule) + spec.fairness->key.size();
    }
    if (record.progress)
        bytes +=
            sizeof(job_progress) + record.progress->message.size() + record.progress->data.size();
    for (const auto& failure : record.failures)
        bytes += sizeof(job_failure) + failure.message.size() + failure.details.size();
    return bytes + record.attempts.size() * sizeof(job_attempt) +
           record.children.size() * sizeof(uuid);
}

/// The resident jobs, by sequence number and by id. References stay valid until the job is erased.
class job_table {
public:
    resident_job* find(std::int64_t seq) {
        const auto it = jobs_.find(seq);
        return it == jobs_.end() ? nullptr : &it->second;
    }
    const resident_job* find(std::int64_t seq) const {
        const auto it = jobs_.find(seq);
        return it == jobs_.end() ? nullptr : &it->second;
    }
    std::int64_t seq_of(const uuid& id) const {
        const auto it = client_ids_.find(id);
        return it == client_ids_.end() ? sequence_of(id) : it->second;
    }
    resident_job& insert(resident_job job) {
        const auto seq = job.record.seq;
        if (job.record.spec->client_id) client_ids_.insert_or_assign(job.record.spec->id, seq);
        return jobs_.insert_or_assign(seq, std::move(job)).first->second;
    }
    void erase(std::int64_t seq) {
        const auto it = jobs_.find(seq);
        if (it == jobs_.end()) return;
        // While a dead letter is being deleted its id may be given to a new job.
        const auto named = client_ids_.find(it->second.record.spec->id);
        if (named != client_ids_.end() && named->second == seq) client_ids_.erase(named);
        jobs_.erase(it);
    }
    /// In order, so that whoever walks them does the same in every run.
    std::vector<std::int64_t> seqs() const {
        std::vector<std::int64_t> all;
        all.reserve(jobs_.size());
        for (const auto& [seq, job] : jobs_) all.push_back(seq);
        std::sort(all.begin(), all.end());
        return all;
    }
    void clear() {
        jobs_.clear();
        client_ids_.clear();
    }
    std::size_t size() const { return jobs_.size(); }

private:
    std::unordered_map<std::int64_t, resident_job> jobs_;
    std::unordered_map<uuid, std::int64_t> client_ids_;  ///< only jobs whose id the producer chose
};

}  // namespace sluice
