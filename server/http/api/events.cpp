#include "proto/event_types.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/event_stream.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/stream_text.hpp"
#include "server/queue/event_json.hpp"

#include <algorithm>
#include <functional>

namespace sluice::http {
namespace {

constexpr std::uint64_t limit_default = 100;
constexpr std::uint64_t limit_max = 1000;

/// "job.*" as the types it covers (ojs-events.md §6.1).
std::vector<std::string> expanded(std::vector<std::string> patterns) {
    std::vector<std::string> types;
    for (auto& pattern : patterns) {
        if (!pattern.ends_with('*')) {
            types.push_back(std::move(pattern));
            continue;
        }
        for (const auto type : event_types) {
            if (fits_event_pattern(pattern, type)) types.emplace_back(type);
        }
        // A prefix of nothing must not turn into "all types".
        if (types.empty()) types.push_back(std::move(pattern));
    }
    return types;
}

/// Where to go on from. An event of an earlier life of the server means: from the beginning, and
/// something may have been missed.
struct start_point {
    std::optional<std::uint64_t> after;
    bool gap = false;
};

std::optional<start_point> find_start(const api_services& services, std::string_view text) {
    start_point start;
    const auto cursor = parse_event_cursor(text);
    if (!cursor) return std::nullopt;
    start.after = cursor->number;
    if (cursor->time) {
        const auto uptime = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - services.started);
        if (*cursor->time + std::chrono::milliseconds(1) < services.now().wall - uptime) {
            start = {.after = 0, .gap = true};
        }
    }
    return start;
}

error bad_after() {
    return bad_parameter("after", "the id of an event or the number of one");
}

error bad_last_event_id() {
    return {errc::invalid_request, "Last-Event-ID must be the id of an event or the number of one.",
            R"("field":"Last-Event-ID")"};
}

result<start_point> read_after(const api_services& services, const request& r) {
    const auto text = r.query_value("after");
    if (!text) return start_point{};
    const auto start = find_start(services, *text);
    if (!start) return bad_after();
    return *start;
}

result<event_query> read_query(const request& r) {
    event_query query;
    query.types = expanded(list_parameter(r, "types"));
    query.queues = list_parameter(r, "queues");
    const auto limit = number_parameter(r, "limit", limit_default, limit_max);
    if (!limit) return limit.error();
    if (*limit == 0) return bad_parameter("limit", "at least 1");
    query.limit = *limit;
    constexpr auto longest = static_cast<std::uint64_t>(limits::wait_max.count());
    const auto wait = number_parameter(r, "wait_ms", 0, longest);
    if (!wait) return wait.error();
    query.wait = std::chrono::milliseconds(*wait);
    return query;
}

response events_answer(const event_page& page, bool more, bool gap, timestamp now) {
    response answer;
    answer.body.reserve(256 + page.events.size() * 640);
    answer.body += "{\"events\":[";
    for (std::size_t i = 0; i < page.events.size(); ++i) {
        if (i > 0) answer.body += ',';
        append_event(answer.body, page.events[i]);
    }
    answer.body += "],\"cursor\":\"" + event_id(now, page.last_id) + '"';
    answer.body += ",\"last_id\":" + std::to_string(page.last_id);
    answer.body += more ? ",\"has_more\":true" : ",\"has_more\":false";
    answer.body += gap ? ",\"gap\":true}" : ",\"gap\":false}";
    return answer;
}

asio::awaitable<response> answer_with_events(services_ptr services, request r) {
    auto query = read_query(r);
    if (!query) co_return error_response(query.error(), r);
    const auto start = read_after(*services, r);
    if (!start) co_return error_response(start.error(), r);
    query->after = start->after;
    const auto limit = query->limit;
    auto page = co_await services->queue->events(std::move(*query), r.stop);
    if (!page) co_return error_response(page.error(), r);

    const bool more = start->after && page->events.size() == limit;
    const auto types = list_parameter(r, "job_types");
    std::erase_if(page->events, [&](const job_event& event) {
        const auto& spec = *event.job.spec;
        const bool wanted =
            types.empty() || std::find(types.begin(), types.end(), spec.type) != types.end();
        return !wanted || !queue_allowed(r, spec.queue);
    });
    co_return events_answer(*page, more, page->gap || start->gap, services->now().wall);
}

/// What a reader that comes back has seen last wins over what its URL says, which stays the same.
/// `latest` is the number of the latest event: one beyond it is of an earlier life as well.
result<stream_start> read_stream_start(const api_services& services, const request& r,
                                       std::uint64_t latest) {
    stream_start start{.after = latest, .position = event_id(services.now().wall, latest)};
    const auto seen = r.field("last-event-id");
    const auto text = seen.empty() ? r.query_value("after") : seen;
    if (!text) return start;
    const auto found = find_start(services, *text);
    if (!found) return seen.empty() ? bad_after() : bad_last_event_id();
    start.gap = found->gap || *found->after > latest;
    start.after = start.gap ? 0 : *found->after;
    start.position = *text;
    return start;
}

asio::awaitable<response> stream_events(services_ptr services, request r, path_values) {
    auto filter = read_query(r);
    if (!filter) co_return error_response(filter.error(), r);
    event_query none;
    none.limit = 0;
    const auto latest = co_await services->queue->events(std::move(none), r.stop);
    if (!latest) co_return error_response(latest.error(), r);
    auto start = read_stream_start(*services, r, latest->last_id);
    if (!start) co_return error_response(start.error(), r);
    auto types = list_parameter(r, "job_types");
    const auto stream = std::make_shared<event_stream>(services, std::move(r), std::move(*filter),
                                                       std::move(types), std::move(*start));
    co_return stream_answer([stream] { return stream->next(); });
}

asio::awaitable<response> list_events(services_ptr services, request r, path_values values) {
    if (wants_event_stream(r))
        return stream_events(std::move(services), std::move(r), std::move(values));
    return answer_with_events(std::move(services), std::move(r));
}

}  // namespace

void add_event_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options streaming{.needs = scope::read, .streams = true};
    routes.add("GET", "/ojs/v1/events", read, std::bind_front(list_events, services));
    routes.add("GET", "/ojs/v1/events/stream", streaming, std::bind_front(stream_events, services));
}

}  // namespace sluice::http
