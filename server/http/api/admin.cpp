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
    if (!services->enable_reset) return;
    const route_options admin{.needs = scope::admin};
    routes.add("POST", "/ojs/v1/admin/reset", admin, std::bind_front(reset, services));
}

}  // namespace sluice::http
