#pragma once

#include "server/queue/job_store.hpp"
#include "server/rules/workflow.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace sluice {

/// A workflow in memory. Its jobs have the numbers that follow its own.
struct workflow_entry {
    workflow_record record;  ///< but for `nodes`, which `progress` knows
    rules::workflow_progress progress;
    std::uint64_t batch = 0;  ///< latest batch that holds a change of it
    bool stored = true;       ///< no batch has to store it anew

    std::int64_t seq_of(std::size_t node) const {
        return record.seq + 1 + static_cast<std::int64_t>(node);
    }
    std::size_t node_of(std::int64_t seq) const {
        return static_cast<std::size_t>(seq - record.seq - 1);
    }
};

/// `[[ref, type, queue], ...]` of all jobs, callbacks last.
raw_json outline_of(const workflow_definition& definition);
/// The id of a job of a workflow, which need not be stored to be known.
uuid workflow_job_id(const workflow_record& record, std::size_t node);
/// Why one that has ended cannot be cancelled.
error not_cancellable(const workflow_record& record);
/// What is shown. `active`: nodes whose jobs run, rising. Throws std::invalid_argument when the
/// record was never written.
workflow_view view_of(const workflow_record& record, const std::vector<std::size_t>& active);

/// The workflows with jobs that have not ended; the others are at rest. References stay valid until
/// the entry is let go of.
class workflow_table {
public:
    workflow_entry& add(workflow_entry entry);
    workflow_entry* find(std::int64_t seq);
    const workflow_entry* find(std::int64_t seq) const;
    /// The workflow this job is of.
    workflow_entry* of_job(std::int64_t seq);

    /// It is in the open batch.
    void touch(workflow_entry& entry, std::uint64_t open_batch);
    bool has_changes() const { return !changed_.empty(); }
    /// What changed, for the journal. `purge_at`: when one that has ended may go.
    std::vector<workflow_write> take_changes(
        const std::function<timestamp(const workflow_record&)>& purge_at);
    /// All up to this batch are durable: lets go of those whose jobs have all ended.
    void committed(std::uint64_t batch);

    std::size_t size() const { return by_seq_.size(); }
    void clear();

private:
    std::map<std::int64_t, workflow_entry> by_seq_;
    std::vector<std::int64_t> changed_;
    std::vector<std::int64_t> ended_;  ///< whose latest change is not durable yet
};

}  // namespace sluice
