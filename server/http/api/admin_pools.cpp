#include "proto/fair_pool.hpp"
#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/queue_json.hpp"

#include <algorithm>
#include <functional>
#include <map>

/// Pools and what became of their turns (ojs-fair-scheduling.md §10).
namespace sluice::http {
namespace {

/// For whoever is bound to queues: a pool with another one is none of theirs.
std::optional<error> refuse_pool(const request& r, const fair_pool& pool) {
    for (const auto& each : pool.queues)
        if (!queue_allowed(r, each.queue)) return forbidden_queue(each.queue);
    return std::nullopt;
}

void append_pool(json_writer& out, const std::string& name, const fair_pool& pool) {
    out.begin_object().key("name").string(name).key("strategy").plain(to_string(pool.strategy));
    out.key("queues").begin_array();
    for (const auto& each : pool.queues) out.string(each.queue);
    out.end_array();
    if (pool.strategy == pool_strategy::weighted) {
        out.key("weights").begin_object();
        for (const auto& each : pool.queues) out.key(each.queue).integer(each.weight);
        out.end_object();
    }
}

response pool_answer(const std::string& name, const fair_pool& pool, int status = 200) {
    response answer;
    answer.status = status;
    json_writer out(answer.body);
    out.begin_object().key("pool");
    append_pool(out, name, pool);
    out.end_object().end_object();
    return answer;
}

asio::awaitable<result<fair_pool>> find_pool(services_ptr services, request r, std::string name) {
    auto all = co_await services->queue->pools();
    if (!all) co_return all.error();
    for (auto& [each, pool] : *all)
        if (each == name && !refuse_pool(r, pool)) co_return std::move(pool);
    co_return not_found("pool", name);
}

asio::awaitable<response> put_pool(services_ptr services, request r, path_values values) {
    if (!is_queue_name(values[0]))
        co_return error_response(
            error(errc::invalid_request, "A pool is named as a queue is.", R"("field":"name")"), r);
    auto wanted = decode_fair_pool(r.body, values[0]);
    if (!wanted) co_return error_response(wanted.error(), r);
    if (auto refused = refuse_pool(r, *wanted)) co_return error_response(*refused, r);
    if (!r.queue_patterns.empty()) {
        const auto known = co_await services->queue->pool(values[0]);
        if (known && refuse_pool(r, *known))
            co_return error_response(error(errc::forbidden, "The name is taken."), r);
    }
    auto changed = co_await services->queue->set_pool(values[0], std::move(*wanted));
    if (!changed) co_return error_response(changed.error(), r);
    co_return pool_answer(values[0], changed->pool, changed->created ? 201 : 200);
}

asio::awaitable<response> get_pool(services_ptr services, request r, path_values values) {
    auto found = co_await find_pool(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    co_return pool_answer(values[0], *found);
}

asio::awaitable<response> remove_pool(services_ptr services, request r, path_values values) {
    auto found = co_await find_pool(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    auto gone = co_await services->queue->remove_pool(values[0]);
    if (!gone) co_return error_response(named(gone.error(), "pool", values[0]), r);
    auto answer = pool_answer(values[0], *gone);
    answer.body.pop_back();
    answer.body += R"(,"deleted":true})";
    co_return answer;
}

asio::awaitable<response> list_pools(services_ptr services, request r, path_values) {
    auto all = co_await services->queue->pools();
    if (!all) co_return error_response(all.error(), r);
    auto queues = co_await services->queue->starts();
    if (!queues) co_return error_response(queues.error(), r);
    std::map<std::string, std::uint64_t> active;
    for (const auto& each : *queues) active[each.name] = each.active;
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("items").begin_array();
    for (const auto& [name, pool] : *all) {
        if (refuse_pool(r, pool)) continue;
        std::uint64_t running = 0;
        for (const auto& each : pool.queues)
            if (const auto of = active.find(each.queue); of != active.end()) running += of->second;
        append_pool(out, name, pool);
        out.key("active_jobs").integer(static_cast<std::int64_t>(running)).end_object();
    }
    out.end_array().end_object();
    co_return answer;
}

void append_starts(json_writer& out, const std::vector<queue_starts>& queues) {
    std::uint64_t total = 0;
    for (const auto& each : queues) total += each.starts;
    out.key("queues").begin_array();
    for (const auto& each : queues) {
        out.begin_object().key("name").string(each.name);
        out.key("dispatch_count_1m").integer(static_cast<std::int64_t>(each.starts));
        const auto ratio =
            total > 0 ? static_cast<double>(each.starts) / static_cast<double>(total) : 0.0;
        out.key("dispatch_ratio_1m").number(ratio);
        const auto waited = static_cast<double>(each.waited.count()) / 1000.0;
        out.key("avg_wait_ms")
            .number(each.starts > 0 ? waited / static_cast<double>(each.starts) : 0.0);
        out.key("active_jobs").integer(static_cast<std::int64_t>(each.active));
        out.key("available_jobs").integer(static_cast<std::int64_t>(each.available)).end_object();
    }
    out.end_array().key("window").plain("PT1M");
}

/// Both forms in use: the specification's, and `stats` with the same in it.
asio::awaitable<response> scheduling_stats(services_ptr services, request r, path_values) {
    auto queues = co_await services->queue->starts();
    if (!queues) co_return error_response(queues.error(), r);
    std::erase_if(*queues, [&](const queue_starts& each) { return !queue_allowed(r, each.name); });
    response answer;
    json_writer out(answer.body);
    out.begin_object();
    append_starts(out, *queues);
    out.key("stats").begin_object();
    append_starts(out, *queues);
    out.end_object().end_object();
    co_return answer;
}

}  // namespace

void add_admin_pool_routes(router& routes, const services_ptr& services) {
    const route_options admin{.needs = scope::admin};
    const route_options read{.needs = scope::read};
    const std::string one = "/ojs/v1/admin/pools/{name}";
    routes.add("GET", "/ojs/v1/admin/pools", read, std::bind_front(list_pools, services));
    routes.add("PUT", one, admin, std::bind_front(put_pool, services));
    routes.add("GET", one, read, std::bind_front(get_pool, services));
    routes.add("DELETE", one, admin, std::bind_front(remove_pool, services));
    routes.add("GET", "/ojs/v1/admin/scheduling/stats", read,
               std::bind_front(scheduling_stats, services));
}

}  // namespace sluice::http
