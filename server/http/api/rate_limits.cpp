#include "proto/limit_rule.hpp"
#include "server/http/api/admin_page.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/rate_limit_fields.hpp"

#include <algorithm>
#include <functional>

namespace sluice::http {
namespace {

constexpr std::string_view kind = "rate_limit";

/// A key is seen by whoever may see all queues that have jobs under it.
bool may_see(const request& r, const limit_info& info) {
    if (r.queue_patterns.empty()) return true;
    return !info.more_queues && std::ranges::all_of(info.queues, [&](const auto& queue) {
        return queue_allowed(r, *queue);
    });
}

void append_rate(json_writer& out, const limit_info& info, const rate_rule& rate, timestamp now) {
    out.key("rate").begin_object().key("limit").integer(rate.limit);
    out.key("period").string(format_iso_duration(rate.period));
    out.key("burst").integer(rate.burst).key("remaining").integer(info.remaining);
    out.key("current_count").integer(rate.burst - info.remaining);
    out.key("next_allowed_at").time(info.available_at.value_or(now));
    out.key("window_resets_at").time(info.rested_at.value_or(now));
    out.end_object();
}

void append_limit(json_writer& out, const limit_info& info, timestamp now) {
    const auto running = static_cast<std::int64_t>(info.running);
    out.begin_object().key("key").string(info.key);
    const auto* rule = info.rule.get();
    if (rule && rule->concurrency) {
        out.key("concurrency").begin_object().key("limit").integer(*rule->concurrency);
        out.key("active").integer(running);
        out.key("available").integer(std::max<std::int64_t>(0, *rule->concurrency - running));
        out.end_object();
    }
    if (rule && rule->rate) append_rate(out, info, *rule->rate, now);
    if (rule) out.key("on_limit").plain(to_string(rule->on_limit));
    if (info.held_until) out.key("held_until").time(*info.held_until);
    out.key("active_count").integer(running);
    out.key("waiting_count").integer(static_cast<std::int64_t>(info.waiting));
    out.key("queues").begin_array();
    for (const auto& queue : info.queues) out.string(*queue);
    out.end_array().end_object();
}

asio::awaitable<response> get_limit(services_ptr services, request r, path_values values) {
    auto info = co_await services->queue->rate_limit(values[0]);
    if (!info) co_return error_response(named(info.error(), kind, values[0]), r);
    if (!may_see(r, *info)) co_return error_response(not_found(kind, values[0]), r);
    response answer;
    json_writer out(answer.body);
    append_limit(out, *info, services->now().wall);
    co_return answer;
}

asio::awaitable<response> list_limits(services_ptr services, request r, path_values) {
    const auto page = read_admin_page(r);
    if (!page) co_return error_response(page.error(), r);
    limit_query query;
    query.offset = page->offset();
    query.limit = page->size;
    if (!r.queue_patterns.empty())
        query.visible = [&r](const limit_info& info) { return may_see(r, info); };
    auto found = co_await services->queue->rate_limits(std::move(query));
    if (!found) co_return error_response(found.error(), r);
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("items").begin_array();
    for (const auto& info : found->limits) append_limit(out, info, services->now().wall);
    out.end_array().key("pagination").begin_object();
    append_pagination(out, *page, found->total, page->last(found->total) < found->total);
    out.end_object().end_object();
    co_return answer;
}

}  // namespace

void add_rate_limit_fields(response& answer, const limit_info& info, timestamp now) {
    if (!info.rule) return;
    const auto& rule = *info.rule;
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    if (rule.rate) {
        limit = rule.rate->burst;
        remaining = info.remaining;
    } else if (rule.concurrency) {
        limit = *rule.concurrency;
        remaining = std::max<std::int64_t>(0, limit - static_cast<std::int64_t>(info.running));
    }
    const auto reset = std::max(info.available_at.value_or(now), info.held_until.value_or(now));
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(reset.time_since_epoch());
    answer.fields.emplace_back("X-RateLimit-Limit", std::to_string(limit));
    answer.fields.emplace_back("X-RateLimit-Remaining", std::to_string(remaining));
    answer.fields.emplace_back("X-RateLimit-Reset", std::to_string(seconds.count()));
}

void add_rate_limit_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    routes.add("GET", "/ojs/v1/rate-limits", read, std::bind_front(list_limits, services));
    routes.add("GET", "/ojs/v1/rate-limits/{key}", read, std::bind_front(get_limit, services));
}

}  // namespace sluice::http
