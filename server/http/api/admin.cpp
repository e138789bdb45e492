#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/job_list.hpp"

#include <functional>

namespace sluice::http {
namespace {

asio::awaitable<response> list_jobs(services_ptr services, request r, path_values) {
    const auto page = read_page(r);
    if (!page) co_return error_response(page.error(), r);
    job_query query;
    if (const auto state = r.query_value("state")) {
        query.state = parse_job_state(*state);
        if (!query.state) {
            co_return error_response(bad_parameter("state", "one of the eight job states"), r);
        }
    }
    query.queue = r.query_value("queue").value_or("");
    query.type = r.query_value("type").value_or("");
    apply(*page, query);
    auto found = co_await services->queue->list(query);
    if (!found) co_return error_response(found.error(), r);
    co_return page_answer(r, *page, query, std::move(*found));
}

/// The job of a path, for a caller who may see it.
asio::awaitable<result<job_record>> find_job(services_ptr services, request r, std::string id) {
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return not_found("job", id);
    auto found = co_await services->queue->info(*parsed);
    if (!found) co_return named(found.error(), "job", id);
    if (!queue_allowed(r, found->spec->queue)) co_return not_found("job", id);
    co_return found;
}

asio::awaitable<response> get_job(services_ptr services, request r, path_values values) {
    auto found = co_await find_job(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    co_return flat_job_answer(*found);
}

asio::awaitable<response> cancel_job(services_ptr services, request r, path_values values) {
    auto found = co_await find_job(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    auto cancelled = co_await services->queue->cancel(found->spec->id);
    if (!cancelled) co_return error_response(named(cancelled.error(), "job", values[0]), r);
    co_return flat_job_answer(cancelled->job);
}

/// A job that was discarded without being kept as a dead letter may be deleted at any moment, and
/// so has no way back.
error not_retryable(const job_record& job) {
    const std::string state(to_string(job.state));
    return {errc::conflict, "Only a dead letter can be retried; this job is " + state + ".",
            "\"current_state\":\"" + state + "\""};
}

asio::awaitable<response> retry_job(services_ptr services, request r, path_values values) {
    auto found = co_await find_job(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    if (!found->dead_letter) co_return error_response(not_retryable(*found), r);
    auto revived = co_await services->queue->retry_dead_letter(found->spec->id);
    if (!revived) co_return error_response(named(revived.error(), "job", values[0]), r);
    co_return flat_job_answer(*revived);
}

asio::awaitable<response> reset(services_ptr services, request r, path_values) {
    auto done = co_await services->queue->reset();
    if (!done) co_return error_response(done.error(), r);
    response answer;
    answer.body = R"({"reset":true})";
    co_return answer;
}

}  // namespace

void add_admin_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    routes.add("GET", "/ojs/v1/jobs", read, std::bind_front(list_jobs, services));
    routes.add("GET", "/ojs/v1/admin/jobs", read, std::bind_front(list_jobs, services));
    const route_options admin{.needs = scope::admin};
    const std::string job = "/ojs/v1/admin/jobs/{id}";
    routes.add("GET", job, read, std::bind_front(get_job, services));
    routes.add("POST", job + "/cancel", admin, std::bind_front(cancel_job, services));
    routes.add("POST", job + "/retry", admin, std::bind_front(retry_job, services));
    if (!services->enable_reset) return;
    routes.add("POST", "/ojs/v1/admin/reset", admin, std::bind_front(reset, services));
}

}  // namespace sluice::http
