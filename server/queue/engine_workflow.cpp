#include "server/queue/engine.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// Nodes one read of the store is for, at most.
constexpr std::size_t nodes_at_once = 256;

error no_such_workflow() {
    return {errc::not_found, "There is no such workflow."};
}

void append_results(std::string& out, std::string_view result) {
    if (out.size() > 1) out += ',';
    out += result.empty() ? std::string_view("null") : result;
}

workflow_record record_of(const workflow_entry& entry) {
    auto record = entry.record;
    record.nodes = entry.progress.nodes();
    return record;
}

workflow_entry new_entry(const workflow_definition& definition, std::int64_t seq,
                         timestamp created_at, std::uint32_t noise) {
    workflow_entry entry;
    entry.progress = rules::workflow_progress(definition);
    auto& record = entry.record;
    record.seq = seq;
    record.created_at = created_at;
    record.id = make_uuid(record.created_at, record.seq, noise);
    record.type = definition.type;
    record.name = definition.name;
    record.meta = definition.meta;
    record.jobs = record.unfinished = entry.progress.size();
    record.plan = entry.progress.plan();
    record.outline = outline_of(definition);
    entry.stored = false;
    return entry;
}

using results_by_seq = std::unordered_map<std::int64_t, job_results>;

/// The jobs whose results a node is told: the one before it, whose own results hold those of all
/// before that, in a chain.
std::vector<std::int64_t> parents_of(const workflow_entry& entry, std::size_t node) {
    std::vector<std::int64_t> seqs;
    const auto nodes = entry.progress.node_count();
    if (node >= nodes) {
        for (std::size_t i = 0; i < nodes; ++i) seqs.push_back(entry.seq_of(i));
        return seqs;
    }
    for (const auto& edge : entry.progress.parents(node)) seqs.push_back(entry.seq_of(edge.parent));
    return seqs;
}

/// Null: it is at rest, and was not read.
const job_results* results_of(const job_table& jobs, const results_by_seq& read, std::int64_t seq,
                              job_results& buffer) {
    if (const auto* job = jobs.find(seq)) {
        buffer = {seq, job->record.result, job->record.parent_results};
        return &buffer;
    }
    const auto it = read.find(seq);
    return it == read.end() ? nullptr : &it->second;
}

/// Fills in `parent_results`. False when some must be read first.
bool tell_results(const workflow_entry& entry, const job_table& jobs, const results_by_seq& read,
                  resident_job& job) {
    const bool chain = entry.record.type == workflow_type::chain;
    std::string out = "[";
    const auto parents = parents_of(entry, entry.node_of(job.record.seq));
    for (const auto seq : parents) {
        job_results buffer;
        const auto* found = results_of(jobs, read, seq, buffer);
        if (!found) return false;
        const auto& before = found->parent_results;
        if (chain && before.size() > 2) out.append(before, 1, before.size() - 2);
        const bool fits = out.size() + found->result.size() <= limits::parent_results_bytes_max;
        append_results(out, fits ? std::string_view(found->result) : std::string_view());
    }
    if (!parents.empty()) job.record.parent_results = out + ']';
    return true;
}

}  // namespace

result<workflow_record> engine::push_workflow(workflow_definition definition,
                                              std::optional<idempotency_key> key, instant now) {
    if (auto refused = refuse_push({})) return *std::move(refused);
    if (workflows_.size() >= config_.workflows_max)
        return error(errc::overloaded, "There are " + std::to_string(workflows_.size()) +
                                           " unfinished workflows already; no more are taken.");
    auto grown = growth_of(definition);
    if (auto full = find_room(grown, definition.nodes.front().spec.type, now))
        return *std::move(full);
    const auto seq = next_seq_++;
    auto entry = new_entry(definition, seq, stamp(now), static_cast<std::uint32_t>(random_()));
    const auto released = entry.progress.start().release;
    std::vector<job_spec> specs;
    for (auto& node : definition.nodes) specs.push_back(std::move(node.spec));
    for (auto* callback : {&definition.callbacks.on_complete, &definition.callbacks.on_success,
                           &definition.callbacks.on_failure})
        if (*callback) specs.push_back(**std::move(callback));
    auto& kept = workflows_.add(std::move(entry));
    std::size_t next_released = 0;
    const auto since = next_seq_;
    for (std::size_t i = 0; i < specs.size(); ++i) {
        auto& spec = specs[i];
        const bool starts = next_released < released.size() && released[next_released] == i;
        if (starts) ++next_released;
        spec.pending = !starts;
        spec.workflow = kept.record.id;
        spec.id = workflow_job_id(kept.record, i);
        store_new(std::move(spec), now);
    }
    settle_room(grown, since, now);
    workflows_.touch(kept, open_batch_);
    sync_ = true;
    if (key) {
        key_record record;
        record.key = *std::move(key);
        record.job_ids = {kept.record.id};
        record.expires_at = now.wall + config_.idempotency_window;
        keys_.add(std::move(record), open_batch_);
    }
    auto made = record_of(kept);
    dispatch(now);
    return made;
}

result<workflow_record> engine::workflow(const uuid& id) const {
    const auto* entry = workflows_.find(sequence_of(id));
    if (!entry || entry->record.id != id) return no_such_workflow();
    return record_of(*entry);
}

std::vector<std::size_t> engine::active_nodes(const workflow_record& record) const {
    std::vector<std::size_t> active;
    for (std::size_t i = 0; i < record.jobs; ++i) {
        const auto* job = jobs_.find(record.seq + 1 + static_cast<std::int64_t>(i));
        if (job && job->record.state == job_state::active) active.push_back(i);
    }
    return active;
}

/// Jobs that run may come to their end; all others are cancelled.
result<workflow_record> engine::cancel_workflow(const uuid& id, instant now) {
    auto* entry = workflows_.find(sequence_of(id));
    if (!entry || entry->record.id != id) return no_such_workflow();
    if (entry->record.state != workflow_state::running) return not_cancellable(entry->record);
    auto step = entry->progress.cancel();
    std::erase_if(step.cancel, [&](std::size_t node) {
        const auto* job = jobs_.find(entry->seq_of(node));
        return job && job->record.state == job_state::active;
    });
    follow(*entry, step, stamp(now));
    dispatch(now);
    return record_of(*entry);
}

/// A job has reached a terminal state: what it does to its workflow is written with it.
void engine::end_workflow_job(const resident_job& job, timestamp time) {
    auto* entry = workflows_.of_job(job.record.seq);
    if (!entry) return;
    --entry->record.unfinished;
    const auto outcome = job.record.state == job_state::completed ? rules::node_outcome::completed
                         : job.record.dead_letter                 ? rules::node_outcome::failed
                                                                  : rules::node_outcome::lost;
    const auto step = entry->progress.end_node(entry->node_of(job.record.seq), outcome);
    follow(*entry, step, time);
}

/// A dead letter is deleted: nobody may wait for it any longer.
void engine::lose_workflow_job(const resident_job& job, timestamp time) {
    auto* entry = workflows_.of_job(job.record.seq);
    if (!entry) return;
    const auto step = entry->progress.give_up_node(entry->node_of(job.record.seq));
    follow(*entry, step, time);
}

/// A job that ran when its workflow was cancelled may come to its end, but does not run again. One
/// that was sent back since then does: its node has ended.
void engine::stop_workflow_job(const resident_job& job) {
    const auto* entry = workflows_.of_job(job.record.seq);
    if (!entry || entry->record.state != workflow_state::cancelled) return;
    if (entry->progress.node(entry->node_of(job.record.seq)) == rules::node_state::released)
        turns_.to_cancel.push_back(job.record.seq);
}

void engine::revive_workflow_job(const resident_job& job) {
    auto* entry = workflows_.of_job(job.record.seq);
    if (!entry) return;
    ++entry->record.unfinished;
    entry->progress.revive_node(entry->node_of(job.record.seq));
    workflows_.touch(*entry, open_batch_);
}

/// Keeps what has become of a workflow; what its jobs have to do comes later in the same command.
void engine::follow(workflow_entry& entry, const rules::workflow_step& step, timestamp time) {
    for (const auto node : step.release) turns_.to_start.push_back(entry.seq_of(node));
    for (const auto node : step.cancel) turns_.to_cancel.push_back(entry.seq_of(node));
    auto& record = entry.record;
    record.state = entry.progress.state();
    if (record.state != workflow_state::running && !record.ended_at) record.ended_at = time;
    workflows_.touch(entry, open_batch_);
    sync_ = true;
}

/// A released node becomes available, once the results of those before it are known.
void engine::start_node(const workflow_entry& entry, resident_job& job, instant now) {
    if (entry.progress.node(entry.node_of(job.record.seq)) != rules::node_state::released) return;
    if (uncommitted_bytes() > config_.uncommitted_bytes_max) {  // each is told the same results
        turns_.nodes_held.push_back(job.record.seq);
        return;
    }
    if (tell_results(entry, jobs_, read_results_, job)) return let_go(job, now);
    ask_for_nodes({job.record.seq});
}

/// There is room again for some of those that were held back.
void engine::release_held_nodes(instant now) {
    auto& held = turns_.nodes_held;
    if (held.empty() || uncommitted_bytes() > config_.uncommitted_bytes_max) return;
    const auto count = std::min(held.size(), nodes_at_once);
    turns_.to_start.insert(turns_.to_start.end(), held.end() - static_cast<std::ptrdiff_t>(count),
                           held.end());
    held.resize(held.size() - count);
    dispatch(now);
}

/// Reads jobs of workflows whose turn has come, and the results they are told.
void engine::ask_for_nodes(std::vector<std::int64_t> seqs) {
    for (std::size_t first = 0; first < seqs.size(); first += nodes_at_once) {
        const auto last = std::min(first + nodes_at_once, seqs.size());
        wanted_load wanted;
        wanted.load = begin_load();
        std::set<std::int64_t> parents;
        for (auto i = first; i < last; ++i) {
            wanted.seqs.push_back(seqs[i]);
            auto* entry = workflows_.of_job(seqs[i]);
            for (const auto parent : parents_of(*entry, entry->node_of(seqs[i]))) {
                if (auto* known = jobs_.find(parent))
                    evict_later(*known);  // not before this load has ended
                else
                    parents.insert(parent);
            }
        }
        wanted.parents.assign(parents.begin(), parents.end());
        wanted_.push_back(std::move(wanted));
    }
}

// -- restore -------------------------------------------------------------------------------------

void engine::restore_workflow(workflow_record record) {
    workflow_entry entry;
    entry.progress = rules::workflow_progress::restore(record.plan, record.nodes, record.state);
    entry.record = std::move(record);
    workflows_.add(std::move(entry));
}

/// What a job was to do when the process ended before it could.
void engine::resume_workflow_job(const waiting_job& job) {
    const auto* entry = workflows_.of_job(job.seq);
    if (!entry) return;
    const auto state = entry->progress.node(entry->node_of(job.seq));
    const bool released = state == rules::node_state::released;
    const bool over = entry->record.state == workflow_state::cancelled;
    if (released && !over && job.state == job_state::pending) turns_.to_start.push_back(job.seq);
    const bool left_out =
        state == rules::node_state::skipped || state == rules::node_state::cancelled;
    if (left_out || (over && released)) turns_.to_cancel.push_back(job.seq);
}

}  // namespace sluice
