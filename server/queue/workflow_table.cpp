#include "server/queue/workflow_table.hpp"

#include "proto/json_text.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice {
namespace {

void append_job(json_writer& out, std::string_view ref, const job_spec& job) {
    out.begin_array().string(ref).string(job.type).string(job.queue).end_array();
}

/// Spreads the bits of a number (splitmix64, Steele, Lea and Flood 2014).
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

std::string_view shown_state(rules::node_state state, bool active) {
    if (state == rules::node_state::released) return active ? "active" : "pending";
    return rules::to_string(state);
}

}  // namespace

raw_json outline_of(const workflow_definition& definition) {
    raw_json text;
    json_writer out(text);
    out.begin_array();
    for (const auto& node : definition.nodes) append_job(out, node.ref, node.spec);
    const auto& calls = definition.callbacks;
    if (calls.on_complete) append_job(out, "on_complete", *calls.on_complete);
    if (calls.on_success) append_job(out, "on_success", *calls.on_success);
    if (calls.on_failure) append_job(out, "on_failure", *calls.on_failure);
    out.end_array();
    return text;
}

uuid workflow_job_id(const workflow_record& record, std::size_t node) {
    std::uint64_t noise = 0;
    for (std::size_t i = 8; i < 16; ++i) noise = noise << 8 | record.id.bytes[i];
    const auto seq = record.seq + 1 + static_cast<std::int64_t>(node);
    return make_uuid(record.created_at, seq, static_cast<std::uint32_t>(mix(noise + node)));
}

error not_cancellable(const workflow_record& record) {
    const std::string state(to_string(record.state));
    return {errc::conflict, "A workflow that is " + state + " cannot be cancelled.",
            "\"current_state\":\"" + state + "\""};
}

workflow_view view_of(const workflow_record& record, const std::vector<std::size_t>& active) {
    const auto progress =
        rules::workflow_progress::restore(record.plan, record.nodes, record.state);
    workflow_view view;
    view.id = record.id;
    view.type = record.type;
    view.name = record.name;
    view.meta = record.meta;
    view.state = record.state;
    view.created_at = record.created_at;
    view.ended_at = record.ended_at;
    view.total = progress.node_count();
    view.completed = progress.completed_count();
    view.failed = progress.failed_count();
    if (record.outline.empty()) return view;
    std::set<std::string> queues;
    json_cursor rows{json_root(record.outline)};
    std::string unused;
    json_value row;
    for (std::size_t i = 0; rows.next(unused, row) && i < progress.size(); ++i) {
        workflow_node_view node;
        json_cursor cells{row};
        json_value cell;
        for (auto* text : {&node.ref, &node.type, &node.queue})
            if (cells.next(unused, cell)) *text = json_unescape(cell);
        const bool runs = std::binary_search(active.begin(), active.end(), i);
        node.state = shown_state(progress.node(i), runs);
        node.job_id = workflow_job_id(record, i);
        const auto parents = progress.parents(i);
        node.depends_on.assign(parents.begin(), parents.end());
        queues.insert(node.queue);
        (i < view.total ? view.nodes : view.callbacks).push_back(std::move(node));
    }
    view.queues.assign(queues.begin(), queues.end());
    return view;
}

workflow_entry& workflow_table::add(workflow_entry entry) {
    const auto seq = entry.record.seq;
    return by_seq_.insert_or_assign(seq, std::move(entry)).first->second;
}

workflow_entry* workflow_table::find(std::int64_t seq) {
    return const_cast<workflow_entry*>(std::as_const(*this).find(seq));
}

const workflow_entry* workflow_table::find(std::int64_t seq) const {
    const auto it = by_seq_.find(seq);
    return it == by_seq_.end() ? nullptr : &it->second;
}

workflow_entry* workflow_table::of_job(std::int64_t seq) {
    auto it = by_seq_.lower_bound(seq);
    if (it == by_seq_.begin()) return nullptr;
    auto& entry = std::prev(it)->second;
    return entry.node_of(seq) < entry.record.jobs ? &entry : nullptr;
}

void workflow_table::touch(workflow_entry& entry, std::uint64_t open_batch) {
    if (std::exchange(entry.batch, open_batch) == open_batch) return;
    changed_.push_back(entry.record.seq);
}

std::vector<workflow_write> workflow_table::take_changes(
    const std::function<timestamp(const workflow_record&)>& purge_at) {
    std::vector<workflow_write> changes;
    for (const auto seq : std::exchange(changed_, {})) {
        auto& entry = by_seq_.at(seq);
        const auto& record = entry.record;
        workflow_write write;
        write.fresh = !std::exchange(entry.stored, true);
        if (write.fresh) {
            write.record = record;
        } else {
            write.record.seq = record.seq;
            write.record.id = record.id;
            write.record.state = record.state;
            write.record.unfinished = record.unfinished;
            write.record.ended_at = record.ended_at;
        }
        write.record.nodes = entry.progress.nodes();
        if (record.unfinished == 0) {
            write.purge_at = purge_at(record);
            ended_.push_back(seq);
        }
        changes.push_back(std::move(write));
    }
    return changes;
}

void workflow_table::committed(std::uint64_t batch) {
    std::erase_if(ended_, [&](std::int64_t seq) {
        const auto it = by_seq_.find(seq);
        if (it == by_seq_.end()) return true;
        const auto& entry = it->second;
        if (entry.record.unfinished > 0) return true;  // a job of it was sent back
        if (entry.batch > batch) return false;
        by_seq_.erase(it);
        return true;
    });
}

void workflow_table::clear() {
    by_seq_.clear();
    changed_.clear();
    ended_.clear();
}

}  // namespace sluice
