#pragma once

#include "proto/workflow.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::rules {

/// How far a node of a workflow is. The values are stored.
enum class node_state : std::uint8_t {
    waiting = 0,   ///< for the jobs it depends on
    released = 1,  ///< its job is available, runs, or will be tried again
    completed = 2,
    failed = 3,     ///< its job was discarded, or cancelled by hand
    skipped = 4,    ///< one it depends on has failed, and it was not to run then
    cancelled = 5,  ///< the same, and that fails the workflow; or the workflow was cancelled
};
std::string_view to_string(node_state state);

/// What has to be done to the jobs of a workflow after a step.
struct workflow_step {
    std::vector<std::size_t> release;  ///< nodes whose jobs may run now
    std::vector<std::size_t> cancel;   ///< nodes whose jobs will not run
};

/// How the job of a node has ended.
enum class node_outcome : std::uint8_t {
    completed,
    failed,  ///< it may be sent back (a dead letter)
    lost,    ///< it will not: discarded, cancelled, expired
};

/// A workflow as a machine: what has ended goes in, what may start comes out. Nodes are numbered as
/// they were given; callbacks follow them (`on_complete`, `on_success`, `on_failure`, those there
/// are).
///
/// A node is released when all it depends on have completed. When one of them ends otherwise the
/// edge decides: `fail` and `skip` leave the node out at once, whatever else it waits for, `run`
/// counts as completed, `wait` waits until that job has been sent back and completes, and is `fail`
/// when it never can be. Who depends on a node that was left out follows its own edge: `run` counts
/// it as completed, anything else leaves it out too.
///
/// A failed node fails the workflow, but for one that others depend on and all of those said `skip`
/// or `run`. When all nodes have ended the callbacks are released that apply, the others cancelled.
/// A workflow with callbacks ends with the last of them, and fails when one of them does or when
/// something failed and none was there to take notice (ojs-workflows.md §8.3).
///
/// Each step costs as much as edges lead out of what it ends, not more.
class workflow_progress {
public:
    workflow_progress() = default;
    explicit workflow_progress(const workflow_definition& definition);

    /// Who depends on whom, and how far all are, as bytes for the store. Throws
    /// std::invalid_argument when these were never written by `plan` and `nodes`.
    static workflow_progress restore(std::string_view plan, std::string_view nodes,
                                     workflow_state state);
    std::string plan() const;
    std::string nodes() const;

    workflow_step start();
    /// The job of a node has ended; one that never ran (cancelled by hand, expired) has failed.
    workflow_step end_node(std::size_t node, node_outcome outcome);
    /// The job of a failed node has been sent back: what waits for it waits on.
    void revive_node(std::size_t node);
    /// The job of a failed node can be sent back no more: nobody waits for it any longer.
    workflow_step give_up_node(std::size_t node);
    /// Nothing is released any more. Names all nodes that have not ended.
    workflow_step cancel();

    workflow_state state() const { return state_; }
    node_state node(std::size_t index) const;
    /// Of the jobs, callbacks apart.
    std::size_t node_count() const { return node_count_; }
    /// Callbacks included.
    std::size_t size() const { return states_.size(); }
    std::size_t completed_count() const { return completed_; }
    std::size_t failed_count() const { return failed_; }
    /// What a node depends on, in the order in which it was said; a callback depends on all nodes.
    std::span<const workflow_edge> parents(std::size_t node) const;

private:
    struct child {
        std::uint32_t node;
        failed_parent_policy on_failure;
    };
    enum callback : std::uint8_t { on_complete = 1, on_success = 2, on_failure = 4 };

    void index_children();
    void count_unmet();
    bool is_met(const workflow_edge& edge) const;
    bool is_tolerated(std::size_t node) const;
    std::span<const child> children(std::size_t node) const;
    void set(std::size_t node, node_state state);
    void leave_out(std::size_t node, node_state state, workflow_step& step,
                   std::vector<std::size_t>& ended);
    void tell_children(std::size_t node, workflow_step& step, std::vector<std::size_t>& ended);
    void tell_all(std::vector<std::size_t> ended, workflow_step& step);
    failed_parent_policy verdict_on(const child& each, std::size_t node) const;
    void end_if_all_ended(workflow_step& step);
    void end_callback(bool completed);
    void finish();

    static constexpr std::uint8_t revived_bit = 0x10;  ///< the job of the node was sent back
    static constexpr std::uint8_t lost_bit = 0x20;     ///< it never can be

    workflow_state state_ = workflow_state::running;
    std::size_t node_count_ = 0;
    std::uint8_t callbacks_ = 0;
    std::vector<workflow_edge> edges_;  ///< by node
    std::vector<std::uint32_t> first_edge_;
    std::vector<child> children_;  ///< by node they depend on
    std::vector<std::uint32_t> first_child_;
    std::vector<std::uint8_t> states_;  ///< node_state and the bits above
    std::vector<std::uint32_t> unmet_;
    std::size_t open_ = 0;            ///< nodes that have not ended
    std::size_t callbacks_open_ = 0;  ///< released callbacks that have not ended
    std::size_t completed_ = 0;
    std::size_t failed_ = 0;
    std::size_t fatal_ = 0;  ///< of the failed: those that fail the workflow
};

}  // namespace sluice::rules
