#include "proto/limit_rule.hpp"
#include "server/http/api/admin_page.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/rate_limit_fields.hpp"

#include <algorithm>
#include <functional>

namespace sluice::http {
namespace {

constexpr std::string_view kind = "rate_limit";

/// What holds: an operator's word before the rule of the latest job.
std::optional<std::int64_t> concurrency_of(const limit_info& info) {
    if (info.given && info.given->concurrency) return info.given->concurrency;
    return info.rule ? info.rule->concurrency : std::nullopt;
}

std::optional<rate_rule> rate_of(const limit_info& info) {
    if (info.given && info.given->rate) return info.given->rate;
    return info.rule ? info.rule->rate : std::nullopt;
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
    if (const auto most = concurrency_of(info)) {
        out.key("concurrency").begin_object().key("limit").integer(*most);
        out.key("active").integer(running);
        out.key("available").integer(std::max<std::int64_t>(0, *most - running)).end_object();
    }
    if (const auto rate = rate_of(info)) append_rate(out, info, *rate, now);
    if (info.rule) out.key("on_limit").plain(to_string(info.rule->on_limit));
    if (info.given) out.key("override").raw(encode_limit_override(*info.given));
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

/// Whether the caller may say what holds for a key: one bound to queues only where all of them are
/// his.
asio::awaitable<std::optional<error>> refuse_override(services_ptr services, request r,
                                                      std::string key) {
    if (!is_limit_key(key))
        co_return error(errc::invalid_request,
                        "A key begins with a letter or a digit; more of them, '.', '_', ':' and "
                        "'-' may follow, 255 in all.",
                        R"("field":"key")");
    if (r.queue_patterns.empty()) co_return std::nullopt;
    const auto known = co_await services->queue->rate_limit(key);
    if (known && may_see(r, *known)) co_return std::nullopt;
    co_return error(errc::forbidden, "This token may not change the rate limit.");
}

asio::awaitable<response> set_override(services_ptr services, std::optional<limit_override> given,
                                       request r, std::string key) {
    const auto refused = co_await refuse_override(services, r, key);
    if (refused) co_return error_response(*refused, r);
    auto info = co_await services->queue->override_limit(key, std::move(given));
    if (!info) co_return error_response(info.error(), r);
    response answer;
    json_writer out(answer.body);
    append_limit(out, *info, services->now().wall);
    co_return answer;
}

asio::awaitable<response> put_override(services_ptr services, request r, path_values values) {
    auto given = decode_limit_override(r.body, services->now().wall);
    if (!given) co_return error_response(given.error(), r);
    auto setting = set_override(services, std::move(*given), r, values[0]);
    auto answer = co_await std::move(setting);
    co_return answer;
}

asio::awaitable<response> remove_override(services_ptr services, request r, path_values values) {
    auto setting = set_override(services, std::nullopt, r, values[0]);
    auto answer = co_await std::move(setting);
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

bool may_see(const request& r, const limit_info& info) {
    if (r.queue_patterns.empty()) return true;
    return !info.more_queues && std::ranges::all_of(info.queues, [&](const auto& queue) {
        return queue_allowed(r, *queue);
    });
}

void add_rate_limit_fields(response& answer, const limit_info& info, timestamp now) {
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    if (const auto rate = rate_of(info)) {
        limit = rate->burst;
        remaining = info.remaining;
    } else if (const auto most = concurrency_of(info)) {
        limit = *most;
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
    const route_options admin{.needs = scope::admin};
    routes.add("PUT", "/ojs/v1/rate-limits/{key}", admin, std::bind_front(put_override, services));
    routes.add("DELETE", "/ojs/v1/rate-limits/{key}", admin,
               std::bind_front(remove_override, services));
}

}  // namespace sluice::http
