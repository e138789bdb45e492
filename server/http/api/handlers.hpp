#pragma once

#include "server/http/api.hpp"

#include <memory>

/// The resources of the API. Each function adds the routes of one of them.
namespace sluice::http {

/// Shared by all handlers; never changes once the routes are there.
using services_ptr = std::shared_ptr<const api_services>;

void add_job_routes(router& routes, const services_ptr& services);
void add_explain_route(router& routes, const services_ptr& services);
void add_progress_routes(router& routes, const services_ptr& services);
void add_job_log_routes(router& routes, const services_ptr& services);
void add_worker_routes(router& routes, const services_ptr& services);
void add_worker_stream_route(router& routes, const services_ptr& services);
void add_worker_batch_routes(router& routes, const services_ptr& services);
void add_admin_pool_routes(router& routes, const services_ptr& services);
void add_webhook_routes(router& routes, const services_ptr& services);
void add_cron_routes(router& routes, const services_ptr& services);
void add_workflow_routes(router& routes, const services_ptr& services);
void add_rate_limit_routes(router& routes, const services_ptr& services);
void add_queue_routes(router& routes, const services_ptr& services);
void add_latency_route(router& routes, const services_ptr& services);
void add_dead_letter_routes(router& routes, const services_ptr& services);
void add_redrive_routes(router& routes, const services_ptr& services);
void add_event_routes(router& routes, const services_ptr& services);
void add_system_routes(router& routes, const services_ptr& services);
void add_metrics_route(router& routes, const services_ptr& services);
void add_admin_routes(router& routes, const services_ptr& services);
void add_admin_queue_routes(router& routes, const services_ptr& services);
void add_admin_worker_routes(router& routes, const services_ptr& services);
void add_admin_dead_letter_routes(router& routes, const services_ptr& services);
void add_bulk_routes(router& routes, const services_ptr& services);

}  // namespace sluice::http
