#include "proto/webhook.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"

#include <functional>

/// Subscriptions to events (ojs-webhooks.md §6).
namespace sluice::http {
namespace {

response subscription_answer(const webhook_subscription& subscription, int status = 200,
                             secret_shown secret = secret_shown::no) {
    response answer;
    answer.status = status;
    answer.body = R"({"subscription":)";
    append_webhook(answer.body, subscription, secret);
    answer.body += '}';
    return answer;
}

/// A caller that is bound to queues may have events of these alone.
std::optional<error> refuse_queues(const request& r, const std::vector<std::string>& queues) {
    if (r.queue_patterns.empty()) return std::nullopt;
    if (queues.empty())
        return error(errc::forbidden, "The token is for some queues only: name them in 'filter'.",
                     R"("field":"filter.queues")");
    for (const auto& queue : queues)
        if (!queue_allowed(r, queue)) return forbidden_queue(queue);
    return std::nullopt;
}

/// Refuses a subscription that the caller may not know of. `r` outlives the answer.
webhook_check webhook_seen_by(const request& r) {
    return [&r](const webhook_subscription& held) -> std::optional<error> {
        if (!refuse_queues(r, held.queues)) return std::nullopt;
        return error(errc::not_found);
    };
}

std::optional<error> check_url(const api_services& services, const std::string& url) {
    return services.check_webhook_url ? services.check_webhook_url(url) : std::nullopt;
}

asio::awaitable<response> create_webhook(services_ptr services, request r, path_values) {
    auto wanted = decode_webhook(r.body);
    if (!wanted) co_return error_response(wanted.error(), r);
    if (auto refused = refuse_queues(r, wanted->queues)) co_return error_response(*refused, r);
    if (auto refused = check_url(*services, wanted->url)) co_return error_response(*refused, r);
    if (wanted->secret.empty()) wanted->secret = services->make_webhook_secret();
    auto added = co_await services->queue->add_webhook(std::move(*wanted));
    if (!added) co_return error_response(added.error(), r);
    auto answer = subscription_answer(*added, 201, secret_shown::yes);
    answer.fields.emplace_back("Location", "/ojs/v1/webhooks/subscriptions/" + added->id);
    co_return answer;
}

asio::awaitable<response> list_webhooks(services_ptr services, request r, path_values) {
    auto all = co_await services->queue->webhooks();
    if (!all) co_return error_response(all.error(), r);
    std::erase_if(*all, [&](const webhook_subscription& each) {
        return refuse_queues(r, each.queues).has_value();
    });
    response answer;
    answer.body = R"({"subscriptions":[)";
    for (const auto& each : *all) {
        if (&each != &all->front()) answer.body += ',';
        append_webhook(answer.body, each);
    }
    answer.body += "]}";
    co_return answer;
}

asio::awaitable<response> get_webhook(services_ptr services, request r, path_values values) {
    const auto check = webhook_seen_by(r);
    auto found = co_await services->queue->webhook(values[0]);
    if (found)
        if (auto refused = check(*found)) found = *std::move(refused);
    if (!found) co_return error_response(named(found.error(), "subscription", values[0]), r);
    co_return subscription_answer(*found);
}

asio::awaitable<response> change_webhook(services_ptr services, request r, path_values values) {
    auto change = decode_webhook_change(r.body);
    if (!change) co_return error_response(change.error(), r);
    if (change->queues)
        if (auto refused = refuse_queues(r, *change->queues)) co_return error_response(*refused, r);
    if (change->url)
        if (auto refused = check_url(*services, *change->url))
            co_return error_response(*refused, r);
    auto check = webhook_seen_by(r);
    auto changed =
        co_await services->queue->change_webhook(values[0], std::move(*change), std::move(check));
    if (!changed) co_return error_response(named(changed.error(), "subscription", values[0]), r);
    co_return subscription_answer(*changed);
}

asio::awaitable<response> remove_webhook(services_ptr services, request r, path_values values) {
    auto check = webhook_seen_by(r);
    auto gone = co_await services->queue->remove_webhook(values[0], std::move(check));
    if (!gone) co_return error_response(named(gone.error(), "subscription", values[0]), r);
    auto answer = subscription_answer(*gone);
    answer.body.pop_back();
    answer.body += R"(,"deleted":true})";
    co_return answer;
}

asio::awaitable<response> rotate_secret(services_ptr services, request r, path_values values) {
    auto secret = decode_webhook_rotation(r.body);
    if (!secret) co_return error_response(secret.error(), r);
    webhook_change change;
    change.secret = secret->empty() ? services->make_webhook_secret() : *secret;
    auto check = webhook_seen_by(r);
    auto changed =
        co_await services->queue->change_webhook(values[0], std::move(change), std::move(check));
    if (!changed) co_return error_response(named(changed.error(), "subscription", values[0]), r);
    auto answer = subscription_answer(*changed, 200, secret_shown::yes);
    answer.body.pop_back();
    answer.body += R"(,"previous_secret_valid_until":)";
    append_json_string(answer.body, format_timestamp(*changed->previous_until));
    answer.body += '}';
    co_return answer;
}

/// `status`, `elapsed_ms` and `body` of what a delivery left, as a test answers them.
void append_exchange(json_writer& out, const raw_json& text) {
    if (text.empty()) return;
    json_cursor members(json_root(text));
    std::string name;
    json_value value;
    while (members.next(name, value)) {
        if (name == "status") out.key("status_code").raw(value.text);
        if (name == "elapsed_ms") out.key("response_time_ms").raw(value.text);
        if (name == "body") out.key("response_body").raw(value.text);
    }
}

asio::awaitable<response> test_webhook(services_ptr services, request r, path_values values) {
    auto check = webhook_seen_by(r);
    auto made = co_await services->queue->test_webhook(values[0], std::move(check));
    if (!made) co_return error_response(named(made.error(), "subscription", values[0]), r);
    const auto id = made->spec->id;
    auto ended = co_await services->queue->wait(id, limits::wait_max, r.stop);
    if (!ended) co_return error_response(ended.error(), r);
    response answer;
    json_writer out(answer.body);
    const bool success = ended->state == job_state::completed;
    out.begin_object().key("success").boolean(success);
    if (success) append_exchange(out, ended->result);
    if (!success && !ended->failures.empty()) {
        const auto& failure = ended->failures.back();
        append_exchange(out, failure.details);
        out.key("error").begin_object().key("code").string(failure.code);
        out.key("message").string(failure.message).end_object();
    }
    if (!is_terminal(ended->state)) out.key("state").string(to_string(ended->state));
    out.key("delivery_id").string("del_" + to_string(id)).end_object();
    co_return answer;
}

}  // namespace

void add_webhook_routes(router& routes, const services_ptr& services) {
    const route_options admin{.needs = scope::admin};
    const std::string all = "/ojs/v1/webhooks/subscriptions";
    const std::string one = all + "/{id}";
    routes.add("POST", all, admin, std::bind_front(create_webhook, services));
    routes.add("GET", all, admin, std::bind_front(list_webhooks, services));
    routes.add("GET", one, admin, std::bind_front(get_webhook, services));
    routes.add("PATCH", one, admin, std::bind_front(change_webhook, services));
    routes.add("DELETE", one, admin, std::bind_front(remove_webhook, services));
    routes.add("POST", one + "/test", admin, std::bind_front(test_webhook, services));
    routes.add("POST", one + "/rotate-secret", admin, std::bind_front(rotate_secret, services));
}

}  // namespace sluice::http
