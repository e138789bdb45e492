#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "proto/workflow.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/idempotency.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

namespace sluice::http {
namespace {

constexpr std::string_view kind = "workflow";
constexpr std::uint64_t page_max = 100;

response workflow_answer_of(const workflow_view& view, int status = 200) {
    response answer;
    answer.status = status;
    answer.body = R"({"workflow":)";
    append_workflow(answer.body, view);
    answer.body += '}';
    return answer;
}

/// A workflow is seen by whoever may see all of its jobs.
bool may_see(const request& r, const workflow_view& view) {
    return std::all_of(view.queues.begin(), view.queues.end(),
                       [&](const std::string& queue) { return queue_allowed(r, queue); });
}

/// Calls `visit(job, place)` for each job until it returns an error.
template <class Visit>
std::optional<error> each_job(const workflow_definition& made, Visit visit) {
    const std::string list = made.type == workflow_type::chain ? "steps[" : "jobs[";
    for (std::size_t i = 0; i < made.nodes.size(); ++i)
        if (auto wrong = visit(made.nodes[i].spec, list + std::to_string(i) + "]")) return wrong;
    const auto& calls = made.callbacks;
    using named = std::pair<const std::optional<job_spec>*, const char*>;
    for (const auto& [job, name] : {named{&calls.on_complete, "callbacks.on_complete"},
                                    named{&calls.on_success, "callbacks.on_success"},
                                    named{&calls.on_failure, "callbacks.on_failure"}})
        if (*job)
            if (auto wrong = visit(**job, name)) return wrong;
    return std::nullopt;
}

/// The first job that its handler refuses: then nothing is stored.
std::optional<error> check_jobs(const api_services& services, const workflow_definition& made) {
    return each_job(made, [&](const job_spec& job, const std::string& place) {
        auto refused = services.check_job(job);
        if (refused) refused->message.insert(0, place + ": ");
        return refused;
    });
}

asio::awaitable<response> push_workflow(services_ptr services, request r, path_values) {
    auto made = decode_workflow(r.body, services->now().wall);
    if (!made) co_return error_response(made.error(), r);
    const auto forbidden =
        each_job(*made, [&](const job_spec& job, const std::string&) -> std::optional<error> {
            if (queue_allowed(r, job.queue)) return std::nullopt;
            return forbidden_queue(job.queue);
        });
    if (forbidden) co_return error_response(*forbidden, r);
    auto key = read_idempotency_key(r);
    if (!key) co_return error_response(key.error(), r);
    workflow_request wanted;
    wanted.definition = std::move(*made);
    wanted.key = std::move(*key);
    if (services->check_job)
        wanted.check = [services](const auto& each) { return check_jobs(*services, each); };
    const auto parsed = std::chrono::steady_clock::now();
    auto stored = co_await services->queue->push_workflow(std::move(wanted));
    if (!stored) co_return error_response(named(stored.error(), kind, ""), r);
    const auto& view = stored->workflow;
    response answer = workflow_answer_of(view, stored->replayed ? 200 : 201);
    if (stored->replayed) answer.fields.emplace_back("Idempotency-Replayed", "true");
    answer.fields.emplace_back("Location", "/ojs/v1/workflows/" + to_string(view.id));
    add_server_timing(answer, r, parsed, stored->commit);
    co_return answer;
}

/// The workflow of a path, for a caller who may see it.
asio::awaitable<result<workflow_view>> find_workflow(services_ptr services, request r,
                                                     std::string id) {
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return not_found(kind, id);
    auto found = co_await services->queue->workflow(*parsed);
    if (!found) co_return named(found.error(), kind, id);
    if (!may_see(r, *found)) co_return not_found(kind, id);
    co_return found;
}

asio::awaitable<response> get_workflow(services_ptr services, request r, path_values values) {
    auto found = co_await find_workflow(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    co_return workflow_answer_of(*found);
}

asio::awaitable<response> cancel_workflow(services_ptr services, request r, path_values values) {
    auto found = co_await find_workflow(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    auto cancelled = co_await services->queue->cancel_workflow(found->id);
    if (!cancelled) co_return error_response(named(cancelled.error(), kind, values[0]), r);
    co_return workflow_answer_of(*cancelled);
}

asio::awaitable<response> list_workflows(services_ptr services, request r, path_values) {
    workflow_query query;
    if (const auto state = r.query_value("state")) {
        query.state = parse_workflow_state(*state);
        if (!query.state)
            co_return error_response(
                bad_parameter("state", "running, completed, failed or cancelled"), r);
    }
    const auto limit = number_parameter(r, "limit", 50, page_max);
    if (!limit) co_return error_response(limit.error(), r);
    query.limit = std::max<std::size_t>(*limit, 1);
    if (r.query_value("cursor")) {
        const auto cursor = number_parameter(r, "cursor", 0, INT64_MAX);
        if (!cursor) co_return error_response(cursor.error(), r);
        query.before_seq = static_cast<std::int64_t>(*cursor);
    }
    auto page = co_await services->queue->workflows(query);
    if (!page) co_return error_response(page.error(), r);
    response answer;
    answer.body = R"({"workflows":[)";
    bool first = true;
    for (const auto& view : page->workflows) {
        if (!may_see(r, view)) continue;
        if (!std::exchange(first, false)) answer.body += ',';
        append_workflow(answer.body, view);
    }
    answer.body += ']';
    if (page->next_before_seq)
        answer.body += R"(,"next_cursor":")" + std::to_string(*page->next_before_seq) + '"';
    answer.body += '}';
    co_return answer;
}

}  // namespace

void add_workflow_routes(router& routes, const services_ptr& services) {
    const route_options enqueue{.needs = scope::enqueue,
                                .body_bytes_max = limits::batch_body_bytes_max};
    const route_options cancel{.needs = scope::enqueue};
    const route_options read{.needs = scope::read};
    routes.add("POST", "/ojs/v1/workflows", enqueue, std::bind_front(push_workflow, services));
    routes.add("GET", "/ojs/v1/workflows", read, std::bind_front(list_workflows, services));
    routes.add("GET", "/ojs/v1/workflows/{id}", read, std::bind_front(get_workflow, services));
    routes.add("DELETE", "/ojs/v1/workflows/{id}", cancel,
               std::bind_front(cancel_workflow, services));
}

}  // namespace sluice::http
