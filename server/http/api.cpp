#include "server/http/api.hpp"

#include "server/http/api/handlers.hpp"

#include <functional>
#include <memory>
#include <utility>

namespace sluice::http {
namespace {

using overview_pair = std::pair<backend_health, backend_stats>;

asio::awaitable<overview_pair> ask_here(const backend* queue) {
    co_return overview_pair(queue->health(), queue->stats());
}

}  // namespace

void add_api_routes(router& routes, api_services services) {
    if (!services.overview) services.overview = std::bind_front(ask_here, services.queue);
    const auto shared = std::make_shared<const api_services>(std::move(services));
    add_job_routes(routes, shared);
    add_explain_route(routes, shared);
    add_progress_routes(routes, shared);
    add_job_log_routes(routes, shared);
    add_worker_routes(routes, shared);
    add_worker_stream_route(routes, shared);
    add_worker_batch_routes(routes, shared);
    add_workflow_routes(routes, shared);
    add_rate_limit_routes(routes, shared);
    add_queue_routes(routes, shared);
    add_latency_route(routes, shared);
    add_cron_routes(routes, shared);
    add_dead_letter_routes(routes, shared);
    add_redrive_routes(routes, shared);
    add_event_routes(routes, shared);
    add_webhook_routes(routes, shared);
    add_system_routes(routes, shared);
    add_metrics_route(routes, shared);
    add_admin_routes(routes, shared);
    add_admin_queue_routes(routes, shared);
    add_admin_pool_routes(routes, shared);
    add_admin_worker_routes(routes, shared);
    add_admin_dead_letter_routes(routes, shared);
    add_bulk_routes(routes, shared);
}

}  // namespace sluice::http
