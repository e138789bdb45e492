#include "proto/decode.hpp"
#include "proto/limits.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sluice::decode {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

error refuse(errc code, const std::string& field, std::string message) {
    return {code, std::move(message), "\"field\":\"" + field + "\""};
}

using depends_on_lists = std::vector<std::optional<json_value>>;
using ref_index = std::unordered_map<std::string_view, std::uint32_t>;

/// The refs point into `nodes`.
fault index_refs(const std::vector<workflow_node>& nodes, std::string_view list, ref_index& out) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (out.emplace(nodes[i].ref, static_cast<std::uint32_t>(i)).second) continue;
        std::string field{list};
        field.append("[").append(std::to_string(i)).append("].ref");
        return refuse(errc::invalid_request, field,
                      "'" + field + "' is " + quoted(nodes[i].ref) + ", as is that of another.");
    }
    return std::nullopt;
}

struct edge_draft {
    std::string ref;
    failed_parent_policy on_failure = failed_parent_policy::fail;
};

fault edge_ref(edge_draft& draft, const member& m) {
    return read_string(m, limits::workflow_ref_bytes_max, draft.ref);
}

fault edge_policy(edge_draft& draft, const member& m) {
    std::string given;
    if (auto f = read_string(m, 64, given)) return f;
    const auto policy = parse_failed_parent_policy(given);
    if (!policy) return bad_value(m, "be fail, skip, run or wait");
    draft.on_failure = *policy;
    return std::nullopt;
}

fault read_edge(const member& m, edge_draft& out) {
    static constexpr std::array rows{row<edge_draft>{"ref", edge_ref, 0, presence::required},
                                     row<edge_draft>{"on_failure", edge_policy, 1}};
    if (m.value.kind == json_kind::string) return edge_ref(out, m);
    if (m.value.kind != json_kind::object) return wrong_type(m, "string");
    const auto where = std::string{m.name} + ".";
    return read_members<edge_draft>(m.value, where, m.code, rows, out);
}

/// Reads what the nodes depend on, once all are known.
class edge_reader {
public:
    edge_reader(const depends_on_lists& lists, std::vector<workflow_node>& nodes,
                const ref_index& refs)
        : lists_(lists), nodes_(nodes), refs_(refs), named_by_(nodes.size(), 0) {}

    fault read() {
        for (std::uint32_t i = 0; i < nodes_.size(); ++i)
            if (lists_[i])
                if (auto f = read(i, *lists_[i])) return f;
        return std::nullopt;
    }

private:
    fault read(std::uint32_t node, json_value list) {
        const auto place = "jobs[" + std::to_string(node) + "].depends_on";
        if (list.kind != json_kind::array) return wrong_type({"", place, list}, "array");
        json_cursor elements{list};
        std::string unused;
        json_value each;
        for (std::size_t i = 0; elements.next(unused, each); ++i) {
            if (++count_ > limits::workflow_edges_max)
                return refuse(errc::validation_failed, place,
                              "The jobs of a workflow depend on others at most " +
                                  std::to_string(limits::workflow_edges_max) + " times.");
            const auto name = place + "[" + std::to_string(i) + "]";
            if (auto f = add(node, {"", name, each})) return f;
        }
        return std::nullopt;
    }

    fault add(std::uint32_t node, const member& m) {
        edge_draft given;
        if (auto f = read_edge(m, given)) return f;
        const auto found = refs_.find(given.ref);
        if (found == refs_.end())
            return bad_value(m, "name a job of this workflow; none is called " + quoted(given.ref));
        const auto parent = found->second;
        if (parent == node) return bad_value(m, "not name the job itself");
        if (named_by_[parent] == node + 1)
            return bad_value(m, "not name " + quoted(given.ref) + " a second time");
        named_by_[parent] = node + 1;
        nodes_[node].depends_on.push_back({parent, given.on_failure});
        return std::nullopt;
    }

    const depends_on_lists& lists_;
    std::vector<workflow_node>& nodes_;
    const ref_index& refs_;
    std::vector<std::uint32_t> named_by_;  ///< one more than the latest node that named this one
    std::size_t count_ = 0;
};

/// Nodes of which each depends on the next, and the last on the first; empty when there are none.
std::vector<std::uint32_t> find_cycle(const std::vector<workflow_node>& nodes) {
    enum class mark : std::uint8_t { fresh, on_path, done };
    struct visit {
        std::uint32_t node = 0;
        std::size_t next = 0;  ///< of its edges
    };
    std::vector<mark> marks(nodes.size(), mark::fresh);
    std::vector<visit> path;
    for (std::uint32_t start = 0; start < nodes.size(); ++start) {
        if (marks[start] == mark::fresh) path.push_back({start, 0});
        while (!path.empty()) {
            auto& [node, next] = path.back();
            marks[node] = mark::on_path;
            if (next == nodes[node].depends_on.size()) {
                marks[node] = mark::done;
                path.pop_back();
                continue;
            }
            const auto parent = nodes[node].depends_on[next++].parent;
            if (marks[parent] == mark::fresh) path.push_back({parent, 0});
            if (marks[parent] != mark::on_path) continue;
            std::vector<std::uint32_t> cycle;
            auto at = std::ranges::find(path, parent, &visit::node);
            for (; at != path.end(); ++at) cycle.push_back(at->node);
            return cycle;
        }
    }
    return {};
}

fault refuse_cycle(const std::vector<workflow_node>& nodes) {
    static constexpr std::size_t shown_max = 20;
    const auto cycle = find_cycle(nodes);
    if (cycle.empty()) return std::nullopt;
    std::string message = "The jobs depend on one another in a circle: ";
    std::string details = R"("field":"jobs","cycle":[)";
    for (std::size_t i = 0; i < std::min(cycle.size(), shown_max); ++i) {
        const auto ref = quoted(nodes[cycle[i]].ref);
        message += ref + " on ";
        details += (i == 0 ? "" : ",") + ref;
    }
    if (cycle.size() > shown_max)
        message += "others (" + std::to_string(cycle.size()) + " in all) on ";
    return error{errc::invalid_request, message + quoted(nodes[cycle.front()].ref) + ".",
                 details + "]"};
}

}  // namespace

fault read_edges(std::string_view list, const depends_on_lists& lists,
                 std::vector<workflow_node>& nodes) {
    ref_index refs;
    if (auto f = index_refs(nodes, list, refs)) return f;
    if (auto f = edge_reader{lists, nodes, refs}.read()) return f;
    return refuse_cycle(nodes);
}

}  // namespace sluice::decode
