#include "proto/json_text.hpp"
#include "proto/workflow.hpp"

namespace sluice {
namespace {

void append_node(json_writer& out, const workflow_view& view, const workflow_node_view& node,
                 std::optional<std::size_t> index) {
    out.begin_object();
    if (index) out.key("index").integer(static_cast<std::int64_t>(*index));
    if (index && node.ref != std::to_string(*index)) out.key("ref").string(node.ref);
    out.key("type").string(node.type).key("state").plain(node.state);
    out.key("job_id").id(node.job_id);
    if (index && view.type == workflow_type::dag) {
        out.key("depends_on").begin_array();
        for (const auto& edge : node.depends_on) {
            out.begin_object().key("ref").string(view.nodes[edge.parent].ref);
            out.key("on_failure").plain(to_string(edge.on_failure)).end_object();
        }
        out.end_array();
    }
    out.end_object();
}

}  // namespace

void append_workflow(std::string& out, const workflow_view& view) {
    const bool chain = view.type == workflow_type::chain;
    const auto total = static_cast<std::int64_t>(view.total);
    const auto completed = static_cast<std::int64_t>(view.completed);
    const auto failed = static_cast<std::int64_t>(view.failed);
    json_writer writer(out);
    writer.begin_object().key("id").id(view.id).key("type").plain(to_string(view.type));
    if (!view.name.empty()) writer.key("name").string(view.name);
    if (!view.meta.empty()) writer.key("meta").raw(view.meta);
    writer.key("state").plain(to_string(view.state)).key("created_at").time(view.created_at);
    if (view.ended_at)
        writer.key(view.state == workflow_state::cancelled ? "cancelled_at" : "completed_at")
            .time(*view.ended_at);
    // As the conformance cases have them; `metadata` is the text's own form.
    writer.key(chain ? "steps_total" : "jobs_total").integer(total);
    writer.key(chain ? "steps_completed" : "jobs_completed").integer(completed);
    writer.key(chain ? "steps_failed" : "jobs_failed").integer(failed);
    writer.key("metadata").begin_object().key("created_at").time(view.created_at);
    if (view.ended_at) writer.key("completed_at").time(*view.ended_at);
    writer.key("job_count").integer(total).key("completed_count").integer(completed);
    writer.key("failed_count").integer(failed).end_object();
    if (!view.nodes.empty()) {
        writer.key(chain ? "steps" : "jobs").begin_array();
        for (std::size_t i = 0; i < view.nodes.size(); ++i)
            append_node(writer, view, view.nodes[i], i);
        writer.end_array();
    }
    if (!view.callbacks.empty()) {
        writer.key("callbacks").begin_object();
        for (const auto& callback : view.callbacks) {
            writer.key(callback.ref);
            append_node(writer, view, callback, std::nullopt);
        }
        writer.end_object();
    }
    writer.end_object();
}

}  // namespace sluice
