#include "proto/cron.hpp"
#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"

#include <functional>

namespace sluice::http {
namespace {

response cron_answer(const cron_record& cron, int status = 200) {
    response answer;
    answer.status = status;
    answer.body = R"({"cron":)";
    append_cron(answer.body, cron);
    answer.body += '}';
    return answer;
}

/// The queue its jobs go to.
std::string queue_of(const cron_definition& cron, timestamp now) {
    const auto spec = decode_job(cron.job, now);
    return spec ? spec->queue : std::string{};
}

bool may_see(const request& r, const cron_record& cron, timestamp now) {
    return r.queue_patterns.empty() || queue_allowed(r, queue_of(cron.definition, now));
}

/// The cron job of a path, for a caller who may see it.
asio::awaitable<result<cron_record>> find_cron(services_ptr services, request r, std::string name) {
    auto found = co_await services->queue->cron(name);
    if (!found) co_return named(found.error(), "cron", name);
    if (!may_see(r, *found, services->now().wall)) co_return not_found("cron", name);
    co_return found;
}

asio::awaitable<response> register_cron(services_ptr services, request r, path_values) {
    const auto now = services->now().wall;
    auto cron = decode_cron(r.body, now);
    if (!cron) co_return error_response(cron.error(), r);
    const auto spec = decode_job(cron->job, now);
    if (!queue_allowed(r, spec->queue)) co_return error_response(forbidden_queue(spec->queue), r);
    if (services->check_job)
        if (auto refused = services->check_job(*spec)) co_return error_response(*refused, r);
    if (!r.queue_patterns.empty()) {
        const auto known = co_await services->queue->cron(cron->name);
        // Not which queue it is of: the caller may not know.
        if (known && !may_see(r, *known, now))
            co_return error_response(error(errc::forbidden, "The name is taken."), r);
    }
    auto changed = co_await services->queue->set_cron(std::move(*cron));
    if (!changed) co_return error_response(changed.error(), r);
    // 201 also for a change: that is what the conformance cases want of a repeat.
    co_return cron_answer(changed->cron, 201);
}

asio::awaitable<response> list_crons(services_ptr services, request r, path_values) {
    const auto wanted = r.query_value("enabled");
    if (wanted && *wanted != "true" && *wanted != "false")
        co_return error_response(bad_parameter("enabled", "true or false"), r);
    auto all = co_await services->queue->crons();
    if (!all) co_return error_response(all.error(), r);
    const auto now = services->now().wall;
    std::erase_if(*all, [&](const cron_record& each) {
        return !may_see(r, each, now) || (wanted && each.definition.enabled != (*wanted == "true"));
    });
    response answer;
    answer.body = R"({"crons":[)";
    for (const auto& each : *all) {
        if (&each != &all->front()) answer.body += ',';
        append_cron(answer.body, each);
    }
    answer.body += "],\"count\":" + std::to_string(all->size()) + '}';
    co_return answer;
}

asio::awaitable<response> get_cron(services_ptr services, request r, path_values values) {
    auto found = co_await find_cron(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    co_return cron_answer(*found);
}

asio::awaitable<response> switch_cron(services_ptr services, request r, path_values values) {
    const auto enabled = decode_cron_switch(r.body);
    if (!enabled) co_return error_response(enabled.error(), r);
    auto found = co_await find_cron(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    auto changed = co_await services->queue->enable_cron(values[0], *enabled);
    if (!changed) co_return error_response(named(changed.error(), "cron", values[0]), r);
    co_return cron_answer(*changed);
}

asio::awaitable<response> remove_cron(services_ptr services, request r, path_values values) {
    auto found = co_await find_cron(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    auto gone = co_await services->queue->remove_cron(values[0]);
    if (!gone) co_return error_response(named(gone.error(), "cron", values[0]), r);
    response answer = cron_answer(*gone);
    answer.body.pop_back();
    answer.body += ",\"deleted\":true,\"name\":\"" + gone->definition.name + "\"}";
    co_return answer;
}

/// The next times, those that the clock leaps over marked as skipped.
asio::awaitable<response> preview_cron(services_ptr services, request r, path_values values) {
    const auto count = number_parameter(r, "count", 10, limits::cron_preview_max);
    if (!count) co_return error_response(count.error(), r);
    auto found = co_await find_cron(services, r, values[0]);
    if (!found) co_return error_response(found.error(), r);
    auto times =
        co_await services->queue->preview_cron(values[0], static_cast<std::size_t>(*count));
    if (!times) co_return error_response(named(times.error(), "cron", values[0]), r);
    response answer;
    json_writer out(answer.body);
    out.begin_object().key("name").string(found->definition.name);
    out.key("expression").string(found->definition.expression);
    out.key("timezone").string(found->definition.timezone);
    out.key("occurrences").begin_array();
    for (const auto& each : *times) {
        out.begin_object().key("at").time(each.at).key("runs").boolean(each.runs);
        if (each.missing) out.key("skipped").string("dst_skip");
        out.end_object();
    }
    out.end_array().end_object();
    co_return answer;
}

}  // namespace

void add_cron_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options enqueue{.needs = scope::enqueue};
    const std::string one = "/ojs/v1/cron/{name}";
    routes.add("POST", "/ojs/v1/cron", enqueue, std::bind_front(register_cron, services));
    routes.add("GET", "/ojs/v1/cron", read, std::bind_front(list_crons, services));
    routes.add("GET", one, read, std::bind_front(get_cron, services));
    routes.add("PATCH", one, enqueue, std::bind_front(switch_cron, services));
    routes.add("DELETE", one, enqueue, std::bind_front(remove_cron, services));
    routes.add("GET", one + "/preview", read, std::bind_front(preview_cron, services));
}

}  // namespace sluice::http
