#include "proto/redrive.hpp"

#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"

#include <functional>

/// Dead letters that are sent back in the background.
namespace sluice::http {
namespace {

constexpr std::string_view redrive_kind = "redrive";

response redrive_answer(const redrive_view& view, int status = 200) {
    response answer;
    answer.status = status;
    answer.body = R"({"redrive":)";
    append_redrive(answer.body, view);
    answer.body += '}';
    return answer;
}

/// A caller that is bound to queues may send the dead letters of one of these.
std::optional<error> refuse_queue(const request& r, const bulk_filter& filter) {
    if (r.queue_patterns.empty()) return std::nullopt;
    if (filter.queue.empty())
        return error(errc::forbidden, "The token is for some queues only: name one in 'filter'.",
                     R"("field":"filter.queue")");
    if (!queue_allowed(r, filter.queue)) return forbidden_queue(filter.queue);
    return std::nullopt;
}

/// Refuses a redrive that the caller may not know of. `r` outlives the answer.
redrive_check redrive_seen_by(const request& r) {
    return [&r](const redrive_record& held) -> std::optional<error> {
        if (!refuse_queue(r, held.asked.filter)) return std::nullopt;
        return error(errc::not_found);
    };
}

asio::awaitable<response> begin_redrive(services_ptr services, request r, path_values) {
    auto asked = decode_redrive(r.body);
    if (!asked) co_return error_response(asked.error(), r);
    if (auto refused = refuse_queue(r, asked->filter)) co_return error_response(*refused, r);
    auto begun = co_await services->queue->begin_redrive(std::move(*asked));
    if (!begun) co_return error_response(begun.error(), r);
    auto answer = redrive_answer(*begun, 202);
    answer.fields.emplace_back("Location", "/ojs/v1/dead-letter/redrives/" + begun->redrive.id);
    co_return answer;
}

asio::awaitable<response> list_redrives(services_ptr services, request r, path_values) {
    auto all = co_await services->queue->redrives();
    if (!all) co_return error_response(all.error(), r);
    std::erase_if(*all, [&](const redrive_view& each) {
        return refuse_queue(r, each.redrive.asked.filter).has_value();
    });
    response answer;
    answer.body = R"({"redrives":[)";
    for (const auto& each : *all) {
        if (&each != &all->front()) answer.body += ',';
        append_redrive(answer.body, each);
    }
    answer.body += "]}";
    co_return answer;
}

asio::awaitable<response> get_redrive(services_ptr services, request r, path_values values) {
    const auto check = redrive_seen_by(r);
    auto found = co_await services->queue->redrive(values[0]);
    if (found)
        if (auto refused = check(found->redrive)) found = *std::move(refused);
    if (!found) co_return error_response(named(found.error(), redrive_kind, values[0]), r);
    co_return redrive_answer(*found);
}

asio::awaitable<response> cancel_redrive(services_ptr services, request r, path_values values) {
    auto check = redrive_seen_by(r);
    auto cancelled = co_await services->queue->cancel_redrive(values[0], std::move(check));
    if (!cancelled) co_return error_response(named(cancelled.error(), redrive_kind, values[0]), r);
    co_return redrive_answer(*cancelled);
}

}  // namespace

void add_redrive_routes(router& routes, const services_ptr& services) {
    const route_options read{.needs = scope::read};
    const route_options admin{.needs = scope::admin};
    const std::string all = "/ojs/v1/dead-letter/redrives";
    const std::string one = all + "/{id}";
    routes.add("POST", all, admin, std::bind_front(begin_redrive, services));
    routes.add("GET", all, read, std::bind_front(list_redrives, services));
    routes.add("GET", one, read, std::bind_front(get_redrive, services));
    routes.add("DELETE", one, admin, std::bind_front(cancel_redrive, services));
}

}  // namespace sluice::http
