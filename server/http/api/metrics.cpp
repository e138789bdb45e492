#include "server/http/api/exposition.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/queue_json.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

namespace sluice::http {
namespace {

void add_queues(exposition& out, const std::vector<queue_stats>& queues) {
    const auto count = [](const queue_stats& queue, job_state state) {
        return std::to_string(queue.jobs[static_cast<std::size_t>(state)]);
    };
    out.metric("ojs_queue_depth", "gauge", "Jobs available to workers now.");
    for (const auto& queue : queues) {
        out.sample(label("queue", queue.name), count(queue, job_state::available));
    }
    out.metric("ojs_queue_active", "gauge", "Jobs held by workers now.");
    for (const auto& queue : queues) {
        out.sample(label("queue", queue.name), count(queue, job_state::active));
    }
    out.metric("sluice_queue_jobs", "gauge",
               "Jobs by state; terminal states count since the server started.");
    for (const auto& queue : queues) {
        for (std::size_t i = 0; i < job_state_count; ++i) {
            const auto state = static_cast<job_state>(i);
            out.sample(label("queue", queue.name) + ',' + label("state", to_string(state)),
                       count(queue, state));
        }
    }
}

/// Nothing when no queue has a bound.
void add_bounds(exposition& out, const std::vector<queue_stats>& queues) {
    bool begun = false;
    for (const auto& queue : queues) {
        const auto bound = queue.config.bound.max_depth;
        if (bound == 0) continue;
        if (!std::exchange(begun, true))
            out.metric("ojs_backpressure_pressure", "gauge",
                       "Jobs that have not ended, as a part of the bound of their queue.");
        out.sample(label("queue", queue.name),
                   std::to_string(queue_pressure{depth(queue), bound}.ratio()));
    }
}

/// There may be a thousand pairs, with a hundred lines each: others have their turn in between.
asio::awaitable<exposition> add_all_latency(exposition out, std::vector<latency_counts> counted) {
    constexpr std::size_t turn = 50;
    if (counted.empty()) co_return out;
    const auto executor = co_await asio::this_coro::executor;
    for (std::size_t i = 0; i < latency_phase_count; ++i) {
        const auto phase = static_cast<latency_phase>(i);
        begin_latency(out, phase);
        for (std::span<const latency_counts> left = counted; !left.empty();) {
            const auto some = left.first(std::min(turn, left.size()));
            add_latency(out, phase, some);
            left = left.subspan(some.size());
            if (!left.empty()) co_await asio::post(executor, asio::use_awaitable);
        }
    }
    co_return out;
}

asio::awaitable<response> metrics(services_ptr services, request r, path_values) {
    auto queues = co_await services->queue->queues();
    if (!queues) co_return error_response(queues.error(), r);
    std::erase_if(*queues, [&](const auto& queue) { return !queue_allowed(r, queue.name); });
    auto latency = co_await services->queue->latency_counted();
    if (!latency) co_return error_response(latency.error(), r);
    // What is not kept apart may be of queues the caller may not see.
    std::erase_if(*latency, [&](const auto& pair) {
        return !r.queue_patterns.empty() &&
               (pair.queue == latency_other || !queue_allowed(r, pair.queue));
    });
    auto objectives = co_await services->queue->objectives();
    if (!objectives) co_return error_response(objectives.error(), r);
    std::erase_if(*objectives, [&](const auto& each) { return !queue_allowed(r, each.queue); });
    std::ranges::sort(*objectives, {}, &objective_status::queue);
    const auto [health, stats] = co_await services->overview();
    const auto uptime = std::chrono::steady_clock::now() - services->started;

    exposition out;
    out.metric("sluice_up", "gauge", "1 when the server is ready for work.");
    out.sample({}, health.ready && !services->draining() ? "1" : "0");
    out.metric("sluice_uptime_seconds", "gauge", "Since the server started.");
    out.sample({}, std::to_string(std::chrono::duration<double>(uptime).count()));
    out.metric("sluice_commit_latency_seconds", "gauge", "Duration of the latest commit.");
    out.sample({}, std::to_string(std::chrono::duration<double>(health.commit_latency).count()));
    out.counter("sluice_commits_total", "Commits that became durable.", health.commits);
    out.counter("sluice_webhooks_left_out_total",
                "Events that a subscription wanted and there was no room for.",
                stats.webhooks_left_out);
    out.metric("sluice_redrives_active", "gauge", "Redrives of dead letters that are not over.");
    out.sample({}, std::to_string(stats.redrives));
    out.counter("sluice_jobs_pushed_total", "Jobs stored.", health.jobs_pushed);
    out.counter("sluice_jobs_granted_total", "Leases given to workers.", health.jobs_granted);
    out.counter("sluice_jobs_finished_total", "Jobs that reached a terminal state.",
                health.jobs_finished);
    add_queues(out, *queues);
    add_bounds(out, *queues);
    add_objectives(out, *objectives);
    auto adding = add_all_latency(std::move(out), std::move(*latency));
    out = co_await std::move(adding);

    response answer;
    answer.content_type = "text/plain";
    answer.body = out.take();
    co_return answer;
}

}  // namespace

void add_metrics_route(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    routes.add("GET", "/metrics", read, std::bind_front(metrics, services));
}

}  // namespace sluice::http
