#pragma once

#include "server/rules/workflow.hpp"

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::rules {

using nodes = std::vector<std::size_t>;
using policy = failed_parent_policy;
inline constexpr auto done = node_outcome::completed;
inline constexpr auto failed = node_outcome::failed;
inline constexpr auto lost = node_outcome::lost;

/// Edges by child: parent and policy.
using graph = std::vector<std::vector<workflow_edge>>;

inline workflow_progress make(graph edges, workflow_type type = workflow_type::dag,
                              std::string_view callbacks = {}) {
    workflow_definition made;
    made.type = type;
    for (auto& each : edges) made.nodes.push_back({"n", {}, std::move(each)});
    if (callbacks.find('c') != callbacks.npos) made.callbacks.on_complete = job_spec{};
    if (callbacks.find('s') != callbacks.npos) made.callbacks.on_success = job_spec{};
    if (callbacks.find('f') != callbacks.npos) made.callbacks.on_failure = job_spec{};
    return workflow_progress(made);
}

}  // namespace sluice::rules
