#include "server/rules/workflow.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <stdexcept>
#include <utility>

namespace sluice::rules {
namespace {

constexpr std::uint8_t state_bits = 0x0f;

void append_number(std::string& out, std::uint64_t number) {
    while (number >= 0x80) {
        out += static_cast<char>(number | 0x80);
        number >>= 7;
    }
    out += static_cast<char>(number);
}

[[noreturn]] void refuse() {
    throw std::invalid_argument("a workflow's plan or progress is damaged");
}

class plan_reader {
public:
    explicit plan_reader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number(std::uint64_t max) {
        std::uint64_t number = 0;
        for (int shift = 0; shift < 63; shift += 7) {
            if (rest_.empty()) refuse();
            const auto byte = static_cast<std::uint8_t>(rest_.front());
            rest_.remove_prefix(1);
            number |= std::uint64_t{byte & 0x7fU} << shift;
            if ((byte & 0x80) == 0) {
                if (number > max) refuse();
                return number;
            }
        }
        refuse();
    }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

bool has_ended(node_state state) {
    return state != node_state::waiting && state != node_state::released;
}

}  // namespace

std::string_view to_string(node_state state) {
    constexpr std::array<std::string_view, 6> names{"waiting", "released", "completed",
                                                    "failed",  "skipped",  "cancelled"};
    return names[static_cast<std::size_t>(state)];
}

workflow_progress::workflow_progress(const workflow_definition& definition)
    : node_count_(definition.nodes.size()) {
    const auto& calls = definition.callbacks;
    if (calls.on_complete) callbacks_ |= on_complete;
    if (calls.on_success) callbacks_ |= on_success;
    if (calls.on_failure) callbacks_ |= on_failure;
    for (const auto& node : definition.nodes) {
        first_edge_.push_back(static_cast<std::uint32_t>(edges_.size()));
        edges_.insert(edges_.end(), node.depends_on.begin(), node.depends_on.end());
    }
    first_edge_.push_back(static_cast<std::uint32_t>(edges_.size()));
    std::size_t all = node_count_;
    for (const auto each : {on_complete, on_success, on_failure})
        if ((callbacks_ & each) != 0) ++all;
    states_.assign(all, 0);
    index_children();
    count_unmet();
}

// -- bytes ---------------------------------------------------------------------------------------

std::string workflow_progress::plan() const {
    std::string out;
    append_number(out, node_count_);
    append_number(out, callbacks_);
    for (std::size_t i = 0; i < node_count_; ++i) {
        const auto edges = parents(i);
        append_number(out, edges.size());
        for (const auto& edge : edges)
            append_number(
                out, std::uint64_t{edge.parent} << 2 | static_cast<std::uint64_t>(edge.on_failure));
    }
    return out;
}

std::string workflow_progress::nodes() const {
    return {reinterpret_cast<const char*>(states_.data()), states_.size()};
}

workflow_progress workflow_progress::restore(std::string_view plan, std::string_view nodes,
                                             workflow_state state) {
    workflow_progress made;
    plan_reader reader(plan);
    made.node_count_ = reader.number(nodes.size());
    made.callbacks_ = static_cast<std::uint8_t>(reader.number(7));
    for (std::size_t i = 0; i < made.node_count_; ++i) {
        made.first_edge_.push_back(static_cast<std::uint32_t>(made.edges_.size()));
        for (auto left = reader.number(plan.size()); left > 0; --left) {
            const auto edge = reader.number(made.node_count_ << 2);
            if (edge >> 2 >= made.node_count_) refuse();
            made.edges_.push_back({static_cast<std::uint32_t>(edge >> 2),
                                   static_cast<failed_parent_policy>(edge & 3)});
        }
    }
    made.first_edge_.push_back(static_cast<std::uint32_t>(made.edges_.size()));
    std::size_t all = made.node_count_;
    for (const auto each : {on_complete, on_success, on_failure})
        if ((made.callbacks_ & each) != 0) ++all;
    if (!reader.at_end() || nodes.size() != all) refuse();
    for (const char byte : nodes) {
        const auto value = static_cast<std::uint8_t>(byte);
        if ((value & state_bits) > static_cast<std::uint8_t>(node_state::cancelled) ||
            (value & ~(state_bits | revived_bit | lost_bit)) != 0)
            refuse();
        made.states_.push_back(value);
    }
    made.state_ = state;
    made.index_children();
    made.count_unmet();
    return made;
}

// -- the plan ------------------------------------------------------------------------------------

std::span<const workflow_edge> workflow_progress::parents(std::size_t node) const {
    if (node >= node_count_) return {};
    return {edges_.data() + first_edge_[node], edges_.data() + first_edge_[node + 1]};
}

std::span<const workflow_progress::child> workflow_progress::children(std::size_t node) const {
    return {children_.data() + first_child_[node], children_.data() + first_child_[node + 1]};
}

void workflow_progress::index_children() {
    first_child_.assign(node_count_ + 1, 0);
    for (const auto& edge : edges_) ++first_child_[edge.parent + 1];
    for (std::size_t i = 0; i < node_count_; ++i) first_child_[i + 1] += first_child_[i];
    children_.resize(edges_.size());
    auto next = first_child_;
    for (std::size_t i = 0; i < node_count_; ++i)
        for (const auto& edge : parents(i))
            children_[next[edge.parent]++] = {static_cast<std::uint32_t>(i), edge.on_failure};
}

/// What follows from the states alone.
void workflow_progress::count_unmet() {
    unmet_.assign(node_count_, 0);
    for (std::size_t i = 0; i < node_count_; ++i) {
        const auto edges = parents(i);
        unmet_[i] = static_cast<std::uint32_t>(std::count_if(
            edges.begin(), edges.end(), [this](const auto& edge) { return !is_met(edge); }));
        const auto state = node(i);
        if (!has_ended(state)) ++open_;
        if (state == node_state::completed) ++completed_;
        if (state == node_state::failed) ++failed_;
        if (state == node_state::failed && !is_tolerated(i)) ++fatal_;
    }
    std::size_t failed_callbacks = 0;
    for (auto i = node_count_; i < size(); ++i) {
        if (node(i) == node_state::released) ++callbacks_open_;
        if (node(i) == node_state::failed) ++failed_callbacks;
    }
    if (open_ == 0) fatal_ = failed_callbacks;
}

bool workflow_progress::is_met(const workflow_edge& edge) const {
    const auto state = node(edge.parent);
    if (state == node_state::completed) return true;
    const bool revived = (states_[edge.parent] & revived_bit) != 0;
    return edge.on_failure == failed_parent_policy::run && (has_ended(state) || revived);
}

/// Whether all that depend on a node have said what is to be done when it fails.
bool workflow_progress::is_tolerated(std::size_t node) const {
    const auto all = children(node);
    return !all.empty() && std::all_of(all.begin(), all.end(), [](const child& each) {
        return each.on_failure == failed_parent_policy::skip ||
               each.on_failure == failed_parent_policy::run;
    });
}

node_state workflow_progress::node(std::size_t index) const {
    return static_cast<node_state>(states_[index] & state_bits);
}

void workflow_progress::set(std::size_t node, node_state state) {
    states_[node] =
        static_cast<std::uint8_t>((states_[node] & revived_bit) | static_cast<std::uint8_t>(state));
}

// -- steps ---------------------------------------------------------------------------------------

workflow_step workflow_progress::start() {
    workflow_step step;
    for (std::size_t i = 0; i < node_count_; ++i) {
        if (unmet_[i] != 0) continue;
        set(i, node_state::released);
        step.release.push_back(i);
    }
    return step;
}

workflow_step workflow_progress::end_node(std::size_t node, node_outcome outcome) {
    workflow_step step;
    assert(node < size());
    const auto before = this->node(node);
    if (has_ended(before)) return step;
    const bool completed = outcome == node_outcome::completed;
    const bool over = state_ == workflow_state::cancelled;
    const bool unheard = node >= node_count_ && before == node_state::waiting;
    const bool cancelled = unheard || (over && outcome == node_outcome::lost);
    set(node, completed   ? node_state::completed
              : cancelled ? node_state::cancelled
                          : node_state::failed);
    if (outcome == node_outcome::lost) states_[node] |= lost_bit;
    if (node >= node_count_) {
        if (before == node_state::released) end_callback(completed);
        return step;
    }
    --open_;
    if (completed) ++completed_;
    if (!completed && !cancelled) ++failed_;
    if (over) return step;
    if (!completed && !is_tolerated(node)) ++fatal_;
    tell_all({node}, step);
    return step;
}

workflow_step workflow_progress::give_up_node(std::size_t node) {
    workflow_step step;
    if (node >= node_count_ || this->node(node) != node_state::failed) return step;
    // Whoever did not wait was told when it failed.
    states_[node] |= lost_bit | revived_bit;
    if (state_ == workflow_state::running && open_ > 0) tell_all({node}, step);
    return step;
}

void workflow_progress::tell_all(std::vector<std::size_t> ended, workflow_step& step) {
    while (!ended.empty()) {
        const auto next = ended.back();
        ended.pop_back();
        tell_children(next, step, ended);
    }
    end_if_all_ended(step);
}

/// What the end of `node` is to one that waits for it; `wait`: nothing yet.
failed_parent_policy workflow_progress::verdict_on(const child& each, std::size_t node) const {
    using enum failed_parent_policy;
    const auto state = this->node(node);
    const bool told_before = (states_[node] & revived_bit) != 0;
    const bool lost = (states_[node] & lost_bit) != 0;
    if (told_before && each.on_failure == run) return wait;  // it counts as met since then
    if (state == node_state::completed) return run;
    if (state == node_state::failed)
        return each.on_failure == wait && lost ? fail : each.on_failure;
    // It was left out, and will never complete.
    if (each.on_failure == run) return run;
    return each.on_failure == fail && state == node_state::cancelled ? fail : skip;
}

/// `ended` takes the nodes that this leaves out.
void workflow_progress::tell_children(std::size_t node, workflow_step& step,
                                      std::vector<std::size_t>& ended) {
    for (const auto& each : children(node)) {
        if (this->node(each.node) != node_state::waiting) continue;
        switch (verdict_on(each, node)) {
            case failed_parent_policy::run:
                if (--unmet_[each.node] > 0) break;
                set(each.node, node_state::released);
                step.release.push_back(each.node);
                break;
            case failed_parent_policy::fail:
                leave_out(each.node, node_state::cancelled, step, ended);
                break;
            case failed_parent_policy::skip:
                leave_out(each.node, node_state::skipped, step, ended);
                break;
            case failed_parent_policy::wait:
                break;
        }
    }
}

void workflow_progress::leave_out(std::size_t node, node_state state, workflow_step& step,
                                  std::vector<std::size_t>& ended) {
    set(node, state);
    --open_;
    step.cancel.push_back(node);
    ended.push_back(node);
}

void workflow_progress::revive_node(std::size_t node) {
    if (node >= node_count_ || state_ != workflow_state::running || open_ == 0) return;
    if (this->node(node) != node_state::failed) return;
    if (!is_tolerated(node)) --fatal_;
    --failed_;
    ++open_;
    set(node, node_state::released);
    states_[node] |= revived_bit;
}

void workflow_progress::end_if_all_ended(workflow_step& step) {
    if (open_ > 0 || state_ != workflow_state::running) return;
    auto next = node_count_;
    for (const auto each : {on_complete, on_success, on_failure}) {
        if ((callbacks_ & each) == 0) continue;
        const auto called = next++;
        if (has_ended(node(called))) continue;  // somebody cancelled its job
        const bool applies = each == on_complete || (each == on_success) == (failed_ == 0);
        set(called, applies ? node_state::released : node_state::cancelled);
        (applies ? step.release : step.cancel).push_back(called);
        if (applies) ++callbacks_open_;
    }
    // Whoever was called back knows what failed; from here on it is the callbacks that count.
    if (callbacks_open_ > 0)
        fatal_ = 0;
    else
        finish();
}

void workflow_progress::end_callback(bool completed) {
    --callbacks_open_;
    if (!completed) ++fatal_;
    if (callbacks_open_ == 0 && state_ == workflow_state::running) finish();
}

void workflow_progress::finish() {
    state_ = fatal_ > 0 ? workflow_state::failed : workflow_state::completed;
}

workflow_step workflow_progress::cancel() {
    workflow_step step;
    state_ = workflow_state::cancelled;
    for (std::size_t i = 0; i < size(); ++i) {
        if (has_ended(node(i))) continue;
        step.cancel.push_back(i);
        if (node(i) == node_state::released) continue;  // until its job has ended
        set(i, node_state::cancelled);
        if (i < node_count_) --open_;
    }
    return step;
}

}  // namespace sluice::rules
