#include "server/http/api/admin_page.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/queue_json.hpp"
#include "server/http/api/worker_json.hpp"

#include <algorithm>
#include <functional>

namespace sluice::http {
namespace {

void append_admin_queue(json_writer& out, const queue_stats& queue) {
    out.begin_object().key("name").string(queue.name);
    out.key("state").plain(status_of(queue)).key("paused").boolean(queue.paused);
    out.key("counts").begin_object();
    append_counts(out, queue);
    out.end_object();
    out.key("depth").integer(static_cast<std::int64_t>(depth(queue)));
    out.key("dead_letters").integer(static_cast<std::int64_t>(queue.dead_letters));
    out.key("configuration").raw(encode_queue_config(queue.config));
    out.end_object();
}

/// What was set for the queue, and what it holds.
response config_answer(const queue_stats& queue) {
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("name").string(queue.name);
    out.key("depth").integer(static_cast<std::int64_t>(depth(queue)));
    out.key("configuration").raw(encode_queue_config(queue.config)).end_object();
    return answer;
}

asio::awaitable<response> list_queues(services_ptr services, request r, path_values) {
    const auto page = read_admin_page(r);
    if (!page) co_return error_response(page.error(), r);
    auto queues = co_await services->queue->queues();
    if (!queues) co_return error_response(queues.error(), r);
    keep_visible(r, *queues);
    const std::uint64_t total = queues->size();
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("items").begin_array();
    for (auto i = page->first(total); i < page->last(total); ++i)
        append_admin_queue(out, (*queues)[i]);
    out.end_array().key("pagination").begin_object();
    append_pagination(out, *page, total, page->last(total) < total);
    out.end_object().end_object();
    co_return answer;
}

asio::awaitable<result<queue_stats>> find_queue(services_ptr services, request r,
                                                std::string name) {
    if (!is_queue_name(name)) co_return malformed_queue_name();
    auto queues = co_await services->queue->queues();
    if (!queues) co_return queues.error();
    const auto queue = std::find_if(queues->begin(), queues->end(),
                                    [&](const auto& each) { return each.name == name; });
    if (queue == queues->end() || !queue_allowed(r, name)) co_return not_found("queue", name);
    co_return std::move(*queue);
}

asio::awaitable<response> get_queue(services_ptr services, request r, path_values values) {
    auto queue = co_await find_queue(services, r, values[0]);
    if (!queue) co_return error_response(queue.error(), r);
    response answer;
    json_writer out(answer.body);
    append_admin_queue(out, *queue);
    co_return answer;
}

asio::awaitable<response> get_config(services_ptr services, request r, path_values values) {
    auto queue = co_await find_queue(services, r, values[0]);
    if (!queue) co_return error_response(queue.error(), r);
    co_return config_answer(*queue);
}

/// Of a PUT the members it does not name are as in the beginning, of a PATCH they stay.
enum class unnamed : std::uint8_t { reset, stay };

asio::awaitable<response> configure_queue(services_ptr services, unnamed others, request r,
                                          path_values values) {
    const std::string& name = values[0];
    if (!is_queue_name(name)) co_return error_response(malformed_queue_name(), r);
    if (!queue_allowed(r, name)) co_return error_response(forbidden_queue(name), r);
    queue_config_change change = [&](const queue_config& held) {
        return decode_queue_config(r.body, others == unnamed::stay ? held : queue_config{});
    };
    auto stats = co_await services->queue->configure_queue(name, std::move(change));
    if (!stats) co_return error_response(stats.error(), r);
    co_return config_answer(*stats);
}

std::int64_t uptime_seconds(const api_services& services) {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                            services.started)
        .count();
}

/// Workers the caller may see.
asio::awaitable<result<std::uint64_t>> count_workers(services_ptr services, request r) {
    if (r.queue_patterns.empty()) {
        const auto [health, stats] = co_await services->overview();
        co_return stats.workers;
    }
    const std::optional<std::string> everybody;
    auto workers = co_await services->queue->workers(everybody);
    if (!workers) co_return workers.error();
    keep_visible(r, *workers);
    co_return workers->size();
}

asio::awaitable<response> statistics(services_ptr services, request r, path_values) {
    auto queues = co_await services->queue->queues();
    if (!queues) co_return error_response(queues.error(), r);
    auto workers = co_await count_workers(services, r);
    if (!workers) co_return error_response(workers.error(), r);
    keep_visible(r, *queues);
    queue_stats all;
    for (const auto& queue : *queues) {
        for (std::size_t i = 0; i < job_state_count; ++i) all.jobs[i] += queue.jobs[i];
        all.dead_letters += queue.dead_letters;
    }
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("queues").integer(static_cast<std::int64_t>(queues->size()));
    out.key("workers").integer(static_cast<std::int64_t>(*workers));
    out.key("jobs").begin_object();
    append_counts(out, all);
    out.end_object();
    out.key("dead_letters").integer(static_cast<std::int64_t>(all.dead_letters));
    // It is counted over all queues, and how busy those of others are is not for everyone.
    if (r.queue_patterns.empty()) {
        const auto [health, stats] = co_await services->overview();
        out.key("throughput").begin_object();
        out.key("processed_per_minute").integer(static_cast<std::int64_t>(stats.runs_completed));
        out.key("failed_per_minute").integer(static_cast<std::int64_t>(stats.runs_failed));
        out.end_object();
    }
    out.key("uptime_seconds").integer(uptime_seconds(*services));
    out.key("computed_at").time(services->now().wall).end_object();
    co_return answer;
}

}  // namespace

void add_admin_queue_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    routes.add("GET", "/ojs/v1/admin/stats", read, std::bind_front(statistics, services));
    routes.add("GET", "/ojs/v1/admin/queues", read, std::bind_front(list_queues, services));
    routes.add("GET", "/ojs/v1/admin/queues/{name}", read, std::bind_front(get_queue, services));
    const std::string config = "/ojs/v1/admin/queues/{name}/config";
    routes.add("GET", config, read, std::bind_front(get_config, services));
    const route_options admin{.needs = scope::admin};
    routes.add("PUT", config, admin, std::bind_front(configure_queue, services, unnamed::reset));
    routes.add("PATCH", config, admin, std::bind_front(configure_queue, services, unnamed::stay));
}

}  // namespace sluice::http
