#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"

#include <functional>
#include <utility>

/// How far a running job is (ojs-progress.md): a worker says it, anybody who may read asks.
namespace sluice::http {
namespace {

response progress_answer(const job_record& job) {
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("job_id").id(job.spec->id);
    out.key("state").string(to_string(job.state));
    if (job.progress) {
        out.key("progress").number(job.progress->fraction);
        if (!job.progress->message.empty()) out.key("message").string(job.progress->message);
        out.key("updated_at").time(job.progress->reported_at);
    } else {
        out.key("progress").null();
    }
    out.end_object();
    return answer;
}

asio::awaitable<response> get_progress(services_ptr services, request r, path_values values) {
    const std::string& id = values[0];
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return error_response(not_found("job", id), r);
    auto job = co_await services->queue->info(*parsed);
    if (!job) co_return error_response(named(job.error(), "job", id), r);
    if (!queue_allowed(r, job->spec->queue)) co_return error_response(not_found("job", id), r);
    co_return progress_answer(*job);
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
    routes.add("PUT", "/ojs/v1/jobs/{id}/progress", work, std::bind_front(put_progress, services));
}

}  // namespace sluice::http
