#include "proto/json_text.hpp"
#include "proto/openapi.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/conformance_quirks.hpp"
#include "server/http/api/handlers.hpp"

#include <functional>

namespace sluice::http {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view text_type = "text/plain";

// What the manifest says before and after the version.
constexpr std::string_view manifest_head =
    R"({"ojs_version":"1.0","specversion":"1.0","implementation":{"name":"sluice","version":)";
constexpr std::string_view manifest_tail =
    R"(,"language":"c++"},"conformance_level":4,"protocols":["http"],"backend":"sqlite",)"
    R"("capabilities":{"batch_enqueue":true,"cron_jobs":true,"dead_letter":true,)"
    R"("delayed_jobs":true,"job_ttl":true,"priority_queues":true,"rate_limiting":true,)"
    R"("schema_validation":false,"unique_jobs":{"strength":"strong",)"
    R"("mechanism":"checked and stored in one step of a single-threaded engine"},)"
    R"("workflows":true,"pause_resume":true},)"
    R"("extensions":["fenced_leases","long_poll","idempotency_key","prefer_wait","server_timing",)"
    R"("timeline","release","snooze","event_stream"],"event_delivery":"best_effort",)"
    R"("endpoints":{"base_url":"/ojs/v1","manifest":"/ojs/manifest","health":"/ojs/v1/health"}})";

std::string manifest(std::string_view version) {
    std::string text(manifest_head);
    append_json_string(text, version);
    text += manifest_tail;
    return text;
}

constexpr std::string_view index_text =
    "Sluice, a job queue service. It speaks Open Job Spec over HTTP.\n"
    "\n"
    "  POST /ojs/v1/jobs       give it a job\n"
    "  GET  /ojs/v1/jobs/{id}  see what became of it\n"
    "  GET  /ojs/v1/queues     the queues and what they hold\n"
    "  GET  /ojs/v1/health     how the server feels\n"
    "  GET  /openapi.json      the whole contract\n"
    "  GET  /metrics           for Prometheus\n";

asio::awaitable<response> fixed_answer(std::string body, std::string_view type, request,
                                       path_values) {
    response answer;
    answer.body = std::move(body);
    answer.content_type = type;
    co_return answer;
}

std::int64_t uptime_seconds(const api_services& services) {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                            services.started)
        .count();
}

asio::awaitable<response> health(services_ptr services, request, path_values) {
    const auto [backend, stats] = co_await services->overview();
    const bool draining = services->draining();
    const auto latency = std::chrono::duration<double, std::milli>(backend.commit_latency).count();
    response answer;
    answer.status = backend.ready ? 200 : 503;
    json_writer out(answer.body);
    out.begin_object().key("status").string(draining ? "degraded" : backend.status);
    out.key("version").string("1.0").key("server_version").string(services->version);
    out.key("uptime_seconds").integer(uptime_seconds(*services));
    if (draining) {
        out.key("reason").string("The server is shutting down.");
    } else if (!backend.reason.empty()) {
        out.key("reason").string(backend.reason);
    }
    out.key("backend").begin_object().key("type").string(backend.type);
    out.key("status").string(backend.status).key("latency_ms").number(latency);
    if (!backend.reason.empty()) out.key("error").string(backend.reason);
    out.end_object().end_object();
    co_return answer;
}

/// Whether a load balancer should send work here.
asio::awaitable<response> ready(services_ptr services, request, path_values) {
    const auto [backend, stats] = co_await services->overview();
    const bool draining = services->draining();
    response answer;
    answer.content_type = json_type;
    answer.status = backend.ready && !draining ? 200 : 503;
    json_writer out(answer.body);
    out.begin_object().key("status");
    out.string(draining ? "draining" : backend.ready ? "ready" : "not_ready").end_object();
    co_return answer;
}

/// The process runs its event loop, that of the queues too, if it can say so.
asio::awaitable<response> alive(services_ptr services, request, path_values) {
    auto looking = services->overview();
    co_await std::move(looking);
    response answer;
    answer.content_type = text_type;
    answer.body = "ok\n";
    co_return answer;
}

}  // namespace

void add_system_routes(router& routes, const services_ptr& services) {
    const route_options open{.needs = scope::none};
    const std::string_view ojs_type = response{}.content_type;
    for (const auto path : {std::string_view("/ojs/v1/health"), health_path})
        routes.add("GET", path, open, std::bind_front(health, services));
    routes.add("GET", "/ojs/manifest", open,
               std::bind_front(fixed_answer, manifest(services->version), ojs_type));
    routes.add("GET", "/healthz", open, std::bind_front(alive, services));
    for (const auto path : {std::string_view("/readyz"), ready_path})
        routes.add("GET", path, open, std::bind_front(ready, services));
    routes.add("GET", "/openapi.json", open,
               std::bind_front(fixed_answer, std::string(openapi_json()), json_type));
    routes.add("GET", "/", open, std::bind_front(fixed_answer, std::string(index_text), text_type));
}

}  // namespace sluice::http
