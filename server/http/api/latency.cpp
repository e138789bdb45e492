#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/queue_json.hpp"

#include <functional>
#include <utility>

namespace sluice::http {
namespace {

/// What is to be shown of each histogram.
struct shown {
    std::optional<latency_window> window;  ///< absent: all
    bool buckets = true;
};

void append_histogram(json_writer& out, const compact_histogram& values, bool buckets) {
    out.begin_object().key("count").integer(static_cast<std::int64_t>(values.count()));
    out.key("min_us").integer(values.min().count()).key("max_us").integer(values.max().count());
    out.key("mean_us").integer(values.mean().count());
    out.key("p50_us").integer(values.quantile(0.5).count());
    out.key("p90_us").integer(values.quantile(0.9).count());
    out.key("p99_us").integer(values.quantile(0.99).count());
    out.key("p99_9_us").integer(values.quantile(0.999).count());
    if (buckets) {
        out.key("buckets").begin_array();
        for (const auto& bin : values.bins()) {
            out.begin_array().integer(bin.upper.count());
            out.integer(static_cast<std::int64_t>(bin.count)).end_array();
        }
        out.end_array();
    }
    out.end_object();
}

void append_windows(json_writer& out, const latency_windows& windows, const shown& what) {
    out.key("windows").begin_object();
    for (std::size_t i = 0; i < windows.size(); ++i) {
        const auto window = static_cast<latency_window>(i);
        if (what.window && *what.window != window) continue;
        out.key(to_string(window)).begin_object();
        for (std::size_t phase = 0; phase < latency_phase_count; ++phase) {
            out.key(to_string(static_cast<latency_phase>(phase)));
            append_histogram(out, windows[i][phase], what.buckets);
        }
        out.end_object();
    }
    out.end_object();
}

result<std::optional<latency_window>> window_parameter(const request& r) {
    const auto name = r.query_value("window");
    if (!name) return std::optional<latency_window>();
    for (std::size_t i = 0; i < latency_window_count; ++i)
        if (const auto window = static_cast<latency_window>(i); to_string(window) == *name)
            return std::optional(window);
    return bad_parameter("window", "minute, hour or start");
}

result<bool> buckets_parameter(const request& r) {
    const auto wanted = r.query_value("buckets");
    if (!wanted || *wanted == "true") return true;
    if (*wanted == "false") return false;
    return bad_parameter("buckets", "true or false");
}

response latency_answer(const queue_latency& found, const shown& what, timestamp now) {
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("queue").string(found.queue).key("since").time(found.since);
    out.key("complete").boolean(found.complete);
    append_windows(out, found.windows, what);
    out.key("types").begin_array();
    for (const auto& type : found.types) {
        out.begin_object().key("type").string(type.type);
        // There may be many: who wants buckets names the type.
        append_windows(out, type.windows, {what.window, false});
        out.end_object();
    }
    out.end_array().key("computed_at").time(now).end_object();
    return answer;
}

asio::awaitable<response> queue_latencies(services_ptr services, request r, path_values values) {
    const std::string& name = values[0];
    if (!is_queue_name(name)) co_return error_response(malformed_queue_name(), r);
    const auto window = window_parameter(r);
    if (!window) co_return error_response(window.error(), r);
    const auto buckets = buckets_parameter(r);
    if (!buckets) co_return error_response(buckets.error(), r);
    if (!queue_allowed(r, name)) co_return error_response(not_found("queue", name), r);
    latency_query query{name, *window, {}};
    if (const auto type = r.query_value("type")) query.type = *type;
    auto found = co_await services->queue->latency(std::move(query));
    if (!found) co_return error_response(named(found.error(), "queue", name), r);
    co_return latency_answer(*found, {*window, *buckets}, services->now().wall);
}

}  // namespace

void add_latency_route(router& routes, const services_ptr& services) {
    routes.add("GET", "/ojs/v1/queues/{name}/latency", {.needs = scope::read},
               std::bind_front(queue_latencies, services));
}

}  // namespace sluice::http
