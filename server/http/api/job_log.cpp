#include "proto/job_log.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"

#include <functional>
#include <utility>

/// The log of a job: its worker adds lines, anybody who may read reads and follows it.
namespace sluice::http {
namespace {

constexpr std::uint64_t lines_default = 1000;

result<log_query> read_log_query(const request& r, const uuid& id) {
    log_query query;
    query.job_id = id;
    constexpr auto largest = static_cast<std::uint64_t>(INT64_MAX);
    const auto after = number_parameter(r, "after", 0, largest);
    if (!after) return after.error();
    query.after = *after;
    const auto limit = number_parameter(r, "limit", lines_default, limits::log_page_lines_max);
    if (!limit) return limit.error();
    if (*limit == 0) return bad_parameter("limit", "at least 1");
    query.limit = *limit;
    constexpr auto longest = static_cast<std::uint64_t>(limits::wait_max.count());
    const auto wait = number_parameter(r, "wait_ms", 0, longest);
    if (!wait) return wait.error();
    query.wait = std::chrono::milliseconds(*wait);
    return query;
}

/// Whether the caller would rather read plain text than JSON. Only when it names text and not JSON:
/// no weighing of wildcards.
bool wants_text(const request& r) {
    const auto accept = r.field("accept");
    return accept.find("text/plain") != std::string_view::npos &&
           accept.find("json") == std::string_view::npos;
}

response log_answer(const uuid& id, const log_page& page, bool as_text) {
    response answer;
    if (!as_text) {
        answer.body = encode_log_page(id, page);
        return answer;
    }
    answer.body = log_page_text(page);
    answer.content_type = "text/plain; charset=utf-8";
    answer.fields.emplace_back("Log-Next", std::to_string(page.next));
    answer.fields.emplace_back("Log-Ended", page.ended ? "true" : "false");
    return answer;
}

/// The request lives until its answer is there. Only a token that is bound to queues costs a look.
asio::awaitable<bool> may_see(backend* queue, const request* r, uuid id) {
    if (r->queue_patterns.empty()) co_return true;
    const auto job = co_await queue->info(id);
    co_return job.has_value() && queue_allowed(*r, job->spec->queue);
}

asio::awaitable<response> get_log(services_ptr services, request r, path_values values) {
    const std::string& id = values[0];
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return error_response(not_found("job", id), r);
    auto query = read_log_query(r, *parsed);
    if (!query) co_return error_response(query.error(), r);
    const bool seen = co_await may_see(services->queue, &r, *parsed);
    if (!seen) co_return error_response(not_found("job", id), r);
    auto page = co_await services->queue->read_log(std::move(*query), r.stop);
    if (!page) co_return error_response(named(page.error(), "job", id), r);
    co_return log_answer(*parsed, *page, wants_text(r));
}

asio::awaitable<response> append_log(services_ptr services, request r, path_values values) {
    const std::string& id = values[0];
    auto lines = decode_append_log(r.body);
    if (!lines) co_return error_response(lines.error(), r);
    if (const auto reserved = check_worker_id(lines->worker_id))
        co_return error_response(*reserved, r);
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return error_response(not_found("job", id), r);
    const bool seen = co_await may_see(services->queue, &r, *parsed);
    if (!seen) co_return error_response(not_found("job", id), r);
    lines->job_id = *parsed;
    auto receipt = co_await services->queue->append_log(std::move(*lines));
    if (!receipt) co_return error_response(named(receipt.error(), "job", id), r);
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("job_id").id(*parsed);
    out.key("kept").integer(static_cast<std::int64_t>(receipt->kept));
    out.key("dropped").integer(static_cast<std::int64_t>(receipt->dropped));
    out.key("last").integer(static_cast<std::int64_t>(receipt->last)).end_object();
    co_return answer;
}

}  // namespace

void add_job_log_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options work{.needs = scope::work};
    routes.add("GET", "/ojs/v1/jobs/{id}/log", read, std::bind_front(get_log, services));
    routes.add("POST", "/ojs/v1/jobs/{id}/log", work, std::bind_front(append_log, services));
}

}  // namespace sluice::http
