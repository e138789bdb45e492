#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/job_list.hpp"

#include <functional>

namespace sluice::http {
namespace {

constexpr std::string_view kind = "dead_letter_job";

asio::awaitable<response> list_dead_letters(services_ptr services, request r, path_values) {
    const auto page = read_page(r);
    if (!page) co_return error_response(page.error(), r);
    job_query query;
    query.dead_letter = true;
    query.queue = r.query_value("queue").value_or("");
    query.type = r.query_value("type").value_or("");
    apply(*page, query);
    auto found = co_await services->queue->list(query);
    if (!found) co_return error_response(found.error(), r);
    co_return page_answer(r, *page, query, std::move(*found));
}

/// The id of the path, if it may be a dead letter the caller may touch.
asio::awaitable<result<uuid>> find_dead_letter(services_ptr services, request r, std::string id) {
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return not_found(kind, id);
    if (r.queue_patterns.empty()) co_return *parsed;
    auto job = co_await services->queue->info(*parsed);
    if (!job) co_return named(job.error(), kind, id);
    if (!queue_allowed(r, job->spec->queue)) co_return not_found(kind, id);
    co_return *parsed;
}

asio::awaitable<response> retry_dead_letter(services_ptr services, request r, path_values values) {
    auto id = co_await find_dead_letter(services, r, values[0]);
    if (!id) co_return error_response(id.error(), r);
    auto job = co_await services->queue->retry_dead_letter(*id);
    if (!job) co_return error_response(named(job.error(), kind, values[0]), r);
    co_return job_answer(*job);
}

asio::awaitable<response> delete_dead_letter(services_ptr services, request r, path_values values) {
    auto id = co_await find_dead_letter(services, r, values[0]);
    if (!id) co_return error_response(id.error(), r);
    auto deleted = co_await services->queue->delete_dead_letter(*id);
    if (!deleted) co_return error_response(named(deleted.error(), kind, values[0]), r);
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("deleted").boolean(true);
    out.key("job_id").string(to_string(*id)).end_object();
    co_return answer;
}

}  // namespace

void add_dead_letter_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options admin{.needs = scope::admin};
    routes.add("GET", "/ojs/v1/dead-letter", read, std::bind_front(list_dead_letters, services));
    routes.add("POST", "/ojs/v1/dead-letter/{id}/retry", admin,
               std::bind_front(retry_dead_letter, services));
    routes.add("DELETE", "/ojs/v1/dead-letter/{id}", admin,
               std::bind_front(delete_dead_letter, services));
}

}  // namespace sluice::http
