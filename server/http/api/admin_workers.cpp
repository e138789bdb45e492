#include "server/http/api/admin_page.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/conformance_quirks.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/worker_json.hpp"

#include <array>
#include <functional>

namespace sluice::http {
namespace {

void append_summary(json_writer& out, const std::vector<worker_info>& workers) {
    std::array<std::int64_t, 3> by_state{};
    for (const auto& worker : workers) ++by_state.at(static_cast<std::size_t>(worker.state));
    out.key("summary").begin_object();
    out.key("total").integer(static_cast<std::int64_t>(workers.size()));
    for (const auto state : {worker_state::running, worker_state::quiet, worker_state::terminate})
        out.key(to_string(state)).integer(by_state.at(static_cast<std::size_t>(state)));
    // A worker that falls silent is forgotten at that moment, and its jobs are given to others.
    out.key("stale").integer(0);
    out.end_object();
}

asio::awaitable<response> list_workers(services_ptr services, request r, path_values) {
    const auto page = read_admin_page(r);
    if (!page) co_return error_response(page.error(), r);
    const std::optional<std::string> everybody;
    auto workers = co_await services->queue->workers(everybody);
    if (!workers) co_return error_response(workers.error(), r);
    keep_visible(r, *workers);
    const std::uint64_t total = workers->size();
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("items").begin_array();
    for (auto i = page->first(total); i < page->last(total); ++i) {
        out.begin_object();
        append_worker(out, (*workers)[i]);
        out.end_object();
    }
    out.end_array();
    append_summary(out, *workers);
    out.key("pagination").begin_object();
    append_pagination(out, *page, total, page->last(total) < total);
    out.end_object().end_object();
    co_return answer;
}

/// The worker of a path, for a caller who may see it.
asio::awaitable<result<worker_info>> find_worker(services_ptr services, request r, std::string id) {
    std::optional<std::string> only = id;
    auto found = co_await services->queue->workers(std::move(only));
    if (!found) co_return found.error();
    keep_visible(r, *found);
    if (found->empty()) co_return not_found("worker", id);
    co_return std::move(found->front());
}

response worker_answer(const worker_info& worker) {
    response answer;
    json_writer out(answer.body);
    out.begin_object();
    append_worker(out, worker);
    append_worker_jobs(out, worker);
    out.end_object();
    return answer;
}

asio::awaitable<response> get_worker(services_ptr services, request r, path_values values) {
    auto worker = co_await find_worker(services, r, values[0]);
    if (!worker) co_return error_response(worker.error(), r);
    co_return worker_answer(*worker);
}

/// 503 while it takes no jobs, so that it can be a probe.
asio::awaitable<response> worker_health(services_ptr services, request r, path_values values) {
    auto worker = co_await find_worker(services, r, values[0]);
    if (!worker) co_return error_response(worker.error(), r);
    const auto state = std::max(worker->state, worker->directive);
    response answer;
    answer.status = state == worker_state::running ? 200 : 503;
    json_writer out(answer.body);
    out.begin_object().key("worker_id").string(worker->id);
    out.key("state").plain(worker_health_word(state));
    out.key("active_jobs").integer(static_cast<std::int64_t>(worker->active));
    if (worker->heard_at) out.key("last_heartbeat_at").time(*worker->heard_at);
    out.end_object();
    co_return answer;
}

asio::awaitable<response> quiet_worker(services_ptr services, bool quiet, request r,
                                       path_values values) {
    // Nobody knows which queues a worker serves besides those whose jobs it holds.
    if (!r.queue_patterns.empty()) {
        const error refused(errc::forbidden, "A token that is bound to queues may not do this.");
        co_return error_response(refused, r);
    }
    std::string id = values[0];
    auto told = co_await services->queue->quiet_worker(std::move(id), quiet);
    if (!told) co_return error_response(named(told.error(), "worker", values[0]), r);
    co_return worker_answer(*told);
}

}  // namespace

void add_admin_worker_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options admin{.needs = scope::admin};
    const std::string base = "/ojs/v1/admin/workers";
    routes.add("GET", base, read, std::bind_front(list_workers, services));
    routes.add("GET", base + "/{id}", read, std::bind_front(get_worker, services));
    routes.add("POST", base + "/{id}/quiet", admin, std::bind_front(quiet_worker, services, true));
    routes.add("POST", base + "/{id}/resume", admin,
               std::bind_front(quiet_worker, services, false));
    routes.add("GET", worker_health_path, read, std::bind_front(worker_health, services));
}

}  // namespace sluice::http
