#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Several jobs as one unit of work (ojs-workflows.md), and graphs of them.
namespace sluice {

/// The values are stored.
enum class workflow_type : std::uint8_t {
    chain = 0,  ///< one after the other
    group = 1,  ///< all at once
    batch = 2,  ///< the same, and jobs that are called back when all have ended
    dag = 3,    ///< each after those it depends on
};
std::string_view to_string(workflow_type type);
std::optional<workflow_type> parse_workflow_type(std::string_view name);

/// The values are stored.
enum class workflow_state : std::uint8_t { running = 0, completed = 1, failed = 2, cancelled = 3 };
std::string_view to_string(workflow_state state);
std::optional<workflow_state> parse_workflow_state(std::string_view name);

/// What becomes of a job when one it depends on has failed. The values are stored.
enum class failed_parent_policy : std::uint8_t {
    fail = 0,  ///< it is cancelled, and the workflow fails
    skip = 1,  ///< it is cancelled
    run = 2,   ///< it runs all the same
    wait = 3,  ///< it waits until the other has been sent back and has completed
};
std::string_view to_string(failed_parent_policy policy);
std::optional<failed_parent_policy> parse_failed_parent_policy(std::string_view name);

struct workflow_edge {
    std::uint32_t parent = 0;  ///< index of the node that is depended on
    failed_parent_policy on_failure = failed_parent_policy::fail;

    friend bool operator==(const workflow_edge&, const workflow_edge&) = default;
};

struct workflow_node {
    std::string ref;  ///< unique in its workflow: as given, or the index as text
    job_spec spec;
    std::vector<workflow_edge> depends_on;  ///< each once, in the order given
};

struct workflow_callbacks {
    std::optional<job_spec> on_complete, on_success, on_failure;
};

/// What was asked for. The edges have no cycle; in a chain each node depends on the one before.
struct workflow_definition {
    workflow_type type = workflow_type::chain;
    std::string name;
    raw_json meta;  ///< an object; empty: none
    std::vector<workflow_node> nodes;
    workflow_callbacks callbacks;
};

/// One job of a workflow, as answers show it.
struct workflow_node_view {
    std::string ref;  ///< callbacks: "on_complete" and the like
    std::string type;
    std::string queue;
    std::string_view state;  ///< static text: "waiting", "pending", "active", "completed", ...
    uuid job_id;
    std::vector<workflow_edge> depends_on;
};

struct workflow_view {
    uuid id;
    workflow_type type = workflow_type::chain;
    std::string name;
    raw_json meta;
    workflow_state state = workflow_state::running;
    timestamp created_at;
    std::optional<timestamp> ended_at;
    std::size_t total = 0;  ///< jobs, callbacks aside, as in the next two
    std::size_t completed = 0;
    std::size_t failed = 0;
    std::vector<std::string> queues;        ///< of all its jobs, each once
    std::vector<workflow_node_view> nodes;  ///< left out in a list
    std::vector<workflow_node_view> callbacks;
};

/// Body of POST /workflows: `{"type":"chain","steps":[…]}`, `{"type":"group","jobs":[…]}`,
/// `{"type":"batch","jobs":[…],"callbacks":{…}}`, or
/// `{"type":"dag","jobs":[{"ref":"b","depends_on":["a",{"ref":"c","on_failure":"skip"}],…}]}`,
/// which may have callbacks too. Any job may have a `ref`. Unknown members are ignored.
/// Errors: those of decode_job, whose field is "steps[1].type" and the like, and invalid_request;
/// validation_failed for too many nodes or edges; unsupported for nested workflows, and for jobs
/// that are pending, unique or have an id.
result<workflow_definition> decode_workflow(std::string_view body, timestamp now);

/// Appends the workflow as an object.
void append_workflow(std::string& out, const workflow_view& view);

}  // namespace sluice
