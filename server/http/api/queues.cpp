#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/queue_json.hpp"

#include <algorithm>
#include <functional>

namespace sluice::http {
namespace {

constexpr std::uint64_t page_max = 1000;

void append_queue(json_writer& out, const queue_stats& queue,
                  const objective_status* objective = nullptr) {
    out.begin_object().key("name").string(queue.name).key("status").string(status_of(queue));
    out.key("paused").boolean(queue.paused);
    append_counts(out, queue);
    if (objective) append_start_latency(out, *objective);
    out.end_object();
}

asio::awaitable<response> list_queues(services_ptr services, request r, path_values) {
    const auto limit = number_parameter(r, "limit", page_max, page_max);
    if (!limit) co_return error_response(limit.error(), r);
    const auto offset = number_parameter(r, "offset", 0, UINT64_MAX);
    if (!offset) co_return error_response(offset.error(), r);
    auto all = co_await services->queue->queues();
    if (!all) co_return error_response(all.error(), r);
    keep_visible(r, *all);

    const std::uint64_t total = all->size();
    const std::uint64_t from = std::min(*offset, total);
    const std::uint64_t to = from + std::min(*limit, total - from);
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("queues").begin_array();
    for (auto i = from; i < to; ++i) append_queue(out, (*all)[i]);
    out.end_array().key("pagination").begin_object();
    out.key("total").integer(static_cast<std::int64_t>(total));
    out.key("limit").integer(static_cast<std::int64_t>(*limit));
    out.key("offset").integer(static_cast<std::int64_t>(from));
    out.key("has_more").boolean(to < total).end_object().end_object();
    co_return answer;
}

asio::awaitable<response> queue_statistics(services_ptr services, request r, path_values values) {
    const std::string& name = values[0];
    if (!is_queue_name(name)) co_return error_response(malformed_queue_name(), r);
    auto all = co_await services->queue->queues();
    if (!all) co_return error_response(all.error(), r);
    const auto queue =
        std::find_if(all->begin(), all->end(), [&](const auto& each) { return each.name == name; });
    if (queue == all->end() || !queue_allowed(r, name)) {
        co_return error_response(not_found("queue", name), r);
    }
    auto objectives = co_await services->queue->objectives();
    if (!objectives) co_return error_response(objectives.error(), r);
    const auto objective = std::ranges::find(*objectives, name, &objective_status::queue);
    // Both forms in use: the queue with its counts, and `stats` beside it.
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("queue");
    append_queue(out, *queue, objective == objectives->end() ? nullptr : &*objective);
    out.key("status").string(status_of(*queue));
    out.key("stats").begin_object().key("queue").string(name);
    out.key("depth").integer(static_cast<std::int64_t>(depth(*queue)));
    append_counts(out, *queue);
    out.end_object();
    out.key("computed_at").string(format_timestamp(services->now().wall)).end_object();
    co_return answer;
}

/// For whoever may not do anything with this queue, or to none of that name.
std::optional<response> refuse_queue(const request& r, const std::string& name) {
    if (!is_queue_name(name)) return error_response(malformed_queue_name(), r);
    if (!queue_allowed(r, name)) return error_response(forbidden_queue(name), r);
    return std::nullopt;
}

/// `{"queue":{"name","paused"}}`, and the same without the wrapper for the admin paths, as the
/// conformance cases have it.
asio::awaitable<response> switch_queue(services_ptr services, bool paused, request r,
                                       path_values values) {
    if (auto refused = refuse_queue(r, values[0])) co_return std::move(*refused);
    auto stats = co_await services->queue->pause_queue(values[0], paused);
    if (!stats) co_return error_response(stats.error(), r);
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("queue");
    append_queue(out, *stats);
    out.key("name").string(stats->name).key("paused").boolean(stats->paused);
    out.key("status").string(status_of(*stats)).end_object();
    co_return answer;
}

}  // namespace

void add_queue_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    routes.add("GET", "/ojs/v1/queues", read, std::bind_front(list_queues, services));
    routes.add("GET", "/ojs/v1/queues/{name}/stats", read,
               std::bind_front(queue_statistics, services));
    const route_options admin{.needs = scope::admin};
    for (const std::string base : {"/ojs/v1/queues/{name}", "/ojs/v1/admin/queues/{name}"}) {
        routes.add("POST", base + "/pause", admin, std::bind_front(switch_queue, services, true));
        routes.add("POST", base + "/resume", admin, std::bind_front(switch_queue, services, false));
    }
}

}  // namespace sluice::http
