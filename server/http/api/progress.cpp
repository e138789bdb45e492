#include "proto/codec.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/progress_stream.hpp"
#include "server/http/api/stream_text.hpp"

#include <functional>
#include <utility>

/// How far a running job is (ojs-progress.md): a worker says it, anybody who may read asks.
namespace sluice::http {
namespace {

response progress_answer(const job_record& job) {
    response answer;
    answer.body = progress_json(job);
    return answer;
}

asio::awaitable<response> answer_progress(services_ptr services, request r, path_values values,
                                          bool as_stream) {
    const std::string& id = values[0];
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return error_response(not_found("job", id), r);
    auto job = co_await services->queue->info(*parsed);
    if (!job) co_return error_response(named(job.error(), "job", id), r);
    if (!queue_allowed(r, job->spec->queue)) co_return error_response(not_found("job", id), r);
    if (!as_stream) co_return progress_answer(*job);
    const auto stream = std::make_shared<progress_stream>(services, *parsed, r.stop);
    co_return stream_answer([stream] { return stream->next(); });
}

asio::awaitable<response> get_progress(services_ptr services, request r, path_values values) {
    const bool as_stream = wants_event_stream(r);
    return answer_progress(std::move(services), std::move(r), std::move(values), as_stream);
}

asio::awaitable<response> stream_progress(services_ptr services, request r, path_values values) {
    return answer_progress(std::move(services), std::move(r), std::move(values), true);
}

asio::awaitable<response> put_progress(services_ptr services, request r, path_values values) {
    const std::string& id = values[0];
    auto progress = decode_progress(r.body);
    if (!progress) co_return error_response(progress.error(), r);
    if (const auto reserved = check_worker_id(progress->worker_id))
        co_return error_response(*reserved, r);
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return error_response(not_found("job", id), r);
    if (!r.queue_patterns.empty()) {
        auto job = co_await services->queue->info(*parsed);
        const bool allowed = job && queue_allowed(r, job->spec->queue);
        if (!allowed) co_return error_response(not_found("job", id), r);
    }
    progress->job_id = *parsed;
    auto change = co_await services->queue->report_progress(std::move(*progress));
    if (!change) co_return error_response(named(change.error(), "job", id), r);
    co_return progress_answer(change->job);
}

}  // namespace

void add_progress_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options work{.needs = scope::work};
    routes.add("GET", "/ojs/v1/jobs/{id}/progress", read, std::bind_front(get_progress, services));
    const route_options streaming{.needs = scope::read, .streams = true};
    routes.add("GET", "/ojs/v1/jobs/{id}/progress/stream", streaming,
               std::bind_front(stream_progress, services));
    routes.add("PUT", "/ojs/v1/jobs/{id}/progress", work, std::bind_front(put_progress, services));
}

}  // namespace sluice::http
