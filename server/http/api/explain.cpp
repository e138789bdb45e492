#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"

#include <functional>
#include <utility>

/// Why a job does not run.
namespace sluice::http {
namespace {

asio::awaitable<response> explain_job(services_ptr services, request r, path_values values) {
    const auto id = parse_uuid(values[0]);
    if (!id) co_return error_response(not_found("job", values[0]), r);
    queue_filter may_see;
    if (!r.queue_patterns.empty())
        may_see = [&r](std::string_view queue) { return queue_allowed(r, queue); };
    auto made = co_await services->queue->explain(*id, std::move(may_see));
    if (!made) co_return error_response(named(made.error(), "job", values[0]), r);
    if (!queue_allowed(r, made->job.spec->queue))
        co_return error_response(not_found("job", values[0]), r);
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("job_id").id(*id).key("state").plain(to_string(made->job.state));
    out.key("queue").string(made->job.spec->queue);
    out.key("reasons").begin_array();
    for (const auto& reason : made->reasons) {
        out.begin_object().key("code").plain(reason.code).key("detail").string(reason.detail);
        if (reason.until) out.key("until").time(*reason.until);
        out.end_object();
    }
    out.end_array();
    if (made->position) out.key("position").integer(static_cast<std::int64_t>(*made->position));
    out.end_object();
    co_return answer;
}

}  // namespace

void add_explain_route(router& routes, const services_ptr& services) {
    routes.add("GET", "/ojs/v1/jobs/{id}/explain", {.needs = scope::read},
               std::bind_front(explain_job, services));
}

}  // namespace sluice::http
