#include "server/http/api/worker_checks.hpp"

namespace sluice::http {

std::optional<error> check_fetch(const request& r, const fetch_request& fetch) {
    if (auto reserved = check_worker_id(fetch.worker_id)) return reserved;
    for (const auto& queue : fetch.queues) {
        if (queue == webhook_queue)
            return error(errc::forbidden, "The server delivers events itself.",
                         R"("queue":"sluice.webhooks")");
        if (!queue_allowed(r, queue)) return forbidden_queue(queue);
    }
    return std::nullopt;
}

asio::awaitable<std::optional<error>> resolve_pool(services_ptr services, const request& r,
                                                   fetch_request& fetch) {
    auto pool = co_await services->queue->pool(fetch.pool);
    if (!pool) co_return named(pool.error(), "pool", fetch.pool);
    for (const auto& each : pool->queues)
        if (!queue_allowed(r, each.queue)) co_return not_found("pool", fetch.pool);
    for (auto& each : pool->queues) fetch.queues.push_back(std::move(each.queue));
    co_return std::nullopt;
}

asio::awaitable<void> resolve_pool_after(services_ptr services, const request& r,
                                         std::optional<fetch_request>& fetch) {
    if (!fetch || fetch->pool.empty()) co_return;
    co_await resolve_pool(services, r, *fetch);
}

std::optional<error> check_follow_ups(const api_services& services, const request& r,
                                      const std::vector<job_spec>& jobs) {
    if (!jobs.empty() && !r.may_enqueue)
        return error(errc::forbidden, "The token's scopes do not cover new jobs.",
                     R"("field":"enqueue")");
    for (const auto& spec : jobs) {
        if (!queue_allowed(r, spec.queue)) return forbidden_queue(spec.queue);
        if (!services.check_job) continue;
        if (auto refused = services.check_job(spec)) return refused;
    }
    return std::nullopt;
}

asio::awaitable<bool> may_touch(services_ptr services, const request& r, uuid id) {
    auto job = co_await services->queue->info(id);
    co_return job&& queue_allowed(r, job->spec->queue);
}

}  // namespace sluice::http
