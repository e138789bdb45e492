#include "proto/decode.hpp"
#include "proto/limits.hpp"
#include "proto/workflow.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice {
namespace {

using decode::fault;
using decode::member;
using decode::presence;
using decode::row;

struct workflow_draft {
    workflow_definition made;
    std::optional<json_value> steps;
    std::optional<json_value> jobs;
    std::optional<json_value> callbacks;
    std::vector<std::optional<json_value>> depends_on;  ///< of each node
    timestamp now;
};

/// What a node says beside its job.
struct node_head {
    std::optional<json_value> ref;
    std::optional<json_value> depends_on;
    bool nested = false;
    bool unique = false;
};

error refuse(errc code, const std::string& field, std::string message) {
    return {code, std::move(message), "\"field\":\"" + field + "\""};
}

fault type(workflow_draft& draft, const member& m) {
    std::string given;
    if (auto f = decode::read_string(m, 64, given)) return f;
    const auto known = parse_workflow_type(given);
    if (!known) return decode::bad_value(m, "be chain, group, batch or dag");
    draft.made.type = *known;
    return std::nullopt;
}

fault name(workflow_draft& draft, const member& m) {
    return decode::read_string(m, limits::workflow_name_bytes_max, draft.made.name);
}

fault meta(workflow_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    draft.made.meta = m.value.text;
    return std::nullopt;
}

fault steps(workflow_draft& draft, const member& m) {
    if (m.value.kind != json_kind::array) return decode::wrong_type(m, "array");
    draft.steps = m.value;
    return std::nullopt;
}

fault jobs(workflow_draft& draft, const member& m) {
    if (m.value.kind != json_kind::array) return decode::wrong_type(m, "array");
    draft.jobs = m.value;
    return std::nullopt;
}

fault callbacks(workflow_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    draft.callbacks = m.value;
    return std::nullopt;
}

constexpr std::array workflow_rows{
    row<workflow_draft>{"type", type, 0, presence::required},
    row<workflow_draft>{"name", name, 1},
    row<workflow_draft>{"meta", meta, 2},
    row<workflow_draft>{"steps", steps, 3},
    row<workflow_draft>{"jobs", jobs, 4},
    row<workflow_draft>{"callbacks", callbacks, 5},
};

/// Makes an error about a job one about the job at `place`: its field becomes "steps[1].type".
error at(const std::string& place, error e) {
    static constexpr std::string_view field = "\"field\":\"";
    if (e.details.starts_with(field)) {
        e.details.insert(field.size(), place + ".");
        e.message.insert(e.message.starts_with('\'') ? 1 : 0,
                         place + (e.message.starts_with('\'') ? "." : ": "));
        return e;
    }
    return decode::within(std::move(e), place, "\"field\":\"" + place + "\"");
}

bool is_given(json_value value) {
    return value.kind != json_kind::null;
}

node_head read_head(json_value job) {
    node_head head;
    json_cursor members{job};
    std::string key;
    json_value value;
    while (members.next(key, value)) {
        if (!is_given(value)) continue;
        if (key == "ref") head.ref = value;
        if (key == "depends_on") head.depends_on = value;
        if (key == "steps" || key == "jobs") head.nested = true;
        if (key == "unique") head.unique = true;
        if (key != "options" || value.kind != json_kind::object) continue;
        json_cursor options{value};
        std::string option;
        while (options.next(option, value))
            if (option == "unique" && is_given(value)) head.unique = true;
    }
    return head;
}

/// Unknown members of a job are kept with it; those of the node are not unknown.
raw_json without_head(const raw_json& extra) {
    const std::string text = "{" + extra + "}";
    json_cursor members{json_root(text)};
    raw_json kept;
    std::string key;
    json_value value;
    while (members.next(key, value)) {
        if (key == "ref" || key == "depends_on") continue;
        if (!kept.empty()) kept += ',';
        kept.append(members.key_text()).append(":").append(value.text);
    }
    return kept;
}

/// The job at `place`, whose `head` was read from it.
fault read_spec(workflow_draft& draft, json_value job, const node_head& head,
                const std::string& place, job_spec& out) {
    if (head.nested)
        return refuse(errc::unsupported, place,
                      "'" + place +
                          "' is a workflow itself, which this server does not take; a workflow of "
                          "type 'dag' can say the same.");
    auto spec = decode::read_job(job, draft.now);
    if (!spec) return at(place, spec.error());
    if (spec->pending)
        return refuse(errc::unsupported, place + ".options.pending",
                      "'" + place + "': a job of a workflow must not be pending.");
    if (head.unique)
        return refuse(errc::unsupported, place + ".options.unique",
                      "'" + place + "': a job of a workflow must not be unique.");
    if (spec->client_id)
        return refuse(errc::unsupported, place + ".id",
                      "'" + place + "': the server gives the jobs of a workflow their ids.");
    if (!spec->extra.empty()) spec->extra = without_head(spec->extra);
    out = std::move(*spec);
    return std::nullopt;
}

bool is_ref(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.' || c == ':';
    });
}

fault read_node(workflow_draft& draft, json_value job, const std::string& place) {
    if (job.kind != json_kind::object) return decode::wrong_type({"", place, job}, "object");
    const auto head = read_head(job);
    workflow_node node{std::to_string(draft.made.nodes.size()), {}, {}};
    if (head.ref) {
        const auto where = place + ".";
        const member m{where, "ref", *head.ref};
        if (auto f = decode::read_string(m, limits::workflow_ref_bytes_max, node.ref)) return f;
        if (!is_ref(node.ref))
            return decode::bad_value(m, "be made of a-z, A-Z, 0-9, '_', '-', '.' and ':'");
    }
    if (head.depends_on && draft.made.type != workflow_type::dag)
        return refuse(errc::invalid_request, place + ".depends_on",
                      "'" + place + ".depends_on' goes with workflows of type 'dag' only.");
    if (auto f = read_spec(draft, job, head, place, node.spec)) return f;
    draft.depends_on.push_back(head.depends_on);
    draft.made.nodes.push_back(std::move(node));
    return std::nullopt;
}

fault read_nodes(workflow_draft& draft) {
    const bool chain = draft.made.type == workflow_type::chain;
    const std::string list = chain ? "steps" : "jobs";
    const auto& given = chain ? draft.steps : draft.jobs;
    if (chain ? draft.jobs : draft.steps)
        return refuse(errc::invalid_request, chain ? "jobs" : "steps",
                      chain ? "A chain has 'steps', not 'jobs'."
                            : "Only a chain has 'steps'; other workflows have 'jobs'.");
    if (!given) return decode::missing("", list, errc::invalid_request);
    json_cursor elements{*given};
    std::string unused;
    json_value each;
    while (elements.next(unused, each)) {
        const auto count = draft.made.nodes.size();
        if (count == limits::workflow_nodes_max)
            return refuse(
                errc::validation_failed, list,
                "A workflow has at most " + std::to_string(limits::workflow_nodes_max) + " jobs.");
        if (auto f = read_node(draft, each, list + "[" + std::to_string(count) + "]")) return f;
    }
    if (draft.made.nodes.empty())
        return refuse(errc::invalid_request, list, "'" + list + "' must not be empty.");
    return std::nullopt;
}

fault read_callback(workflow_draft& draft, const member& m, std::optional<job_spec>& out) {
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    const auto place = std::string{m.where} + std::string{m.name};
    const auto head = read_head(m.value);
    if (head.ref || head.depends_on)
        return refuse(errc::invalid_request, place,
                      "'" + place + "' must have neither 'ref' nor 'depends_on'.");
    return read_spec(draft, m.value, head, place, out.emplace());
}

fault read_callbacks(workflow_draft& draft) {
    const auto kind = draft.made.type;
    if (draft.callbacks && (kind == workflow_type::chain || kind == workflow_type::group))
        return refuse(errc::invalid_request, "callbacks",
                      "A " + std::string{to_string(kind)} +
                          " has no 'callbacks'; those of type 'batch' and 'dag' have.");
    static constexpr std::array rows{
        row<workflow_draft>{"on_complete",
                            [](workflow_draft& d, const member& m) {
                                return read_callback(d, m, d.made.callbacks.on_complete);
                            },
                            0},
        row<workflow_draft>{"on_success",
                            [](workflow_draft& d, const member& m) {
                                return read_callback(d, m, d.made.callbacks.on_success);
                            },
                            1},
        row<workflow_draft>{"on_failure",
                            [](workflow_draft& d, const member& m) {
                                return read_callback(d, m, d.made.callbacks.on_failure);
                            },
                            2},
    };
    if (draft.callbacks)
        if (auto f = decode::read_members<workflow_draft>(*draft.callbacks, "callbacks.",
                                                          errc::invalid_request, rows, draft))
            return f;
    const auto& made = draft.made.callbacks;
    if (kind == workflow_type::batch && !made.on_complete && !made.on_success && !made.on_failure)
        return refuse(errc::invalid_request, "callbacks",
                      "A batch needs at least one of the callbacks 'on_complete', 'on_success' and "
                      "'on_failure'; a group has none.");
    return std::nullopt;
}

}  // namespace

result<workflow_definition> decode_workflow(std::string_view body, timestamp now) {
    const auto root = decode::open_object(body);
    if (!root) return root.error();
    workflow_draft draft;
    draft.now = now;
    if (auto f = decode::read_members<workflow_draft>(*root, "", errc::invalid_request,
                                                      workflow_rows, draft))
        return *std::move(f);
    if (auto f = read_nodes(draft)) return *std::move(f);
    if (auto f = read_callbacks(draft)) return *std::move(f);
    auto& nodes = draft.made.nodes;
    const bool chain = draft.made.type == workflow_type::chain;
    if (auto f = decode::read_edges(chain ? "steps" : "jobs", draft.depends_on, nodes))
        return *std::move(f);
    if (chain)
        for (std::uint32_t i = 1; i < nodes.size(); ++i) nodes[i].depends_on = {{i - 1, {}}};
    return std::move(draft.made);
}

}  // namespace sluice
