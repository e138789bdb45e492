#include "server/worker/handlers/http/webhook_handler.hpp"

#include "proto/json_text.hpp"
#include "server/worker/handlers/http/signing.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::worker::push {

namespace asio = boost::asio;

namespace {

using namespace std::chrono_literals;

/// What is kept of an answer: enough to see who gave it.
constexpr std::size_t answer_bytes_max = 1024;

constexpr std::array<std::chrono::milliseconds, 7> delays{30s, 2min, 10min, 1h, 4h, 12h, 24h};

constexpr std::size_t failures_before_rest = 8;
constexpr std::chrono::milliseconds rest_min = 30s;
constexpr std::chrono::milliseconds rest_max = 10min;

std::chrono::milliseconds delay_after(std::uint32_t attempt) {
    return delays.at(std::min<std::size_t>(std::max(attempt, 1U), delays.size()) - 1);
}

/// args[0] of a delivery.
struct delivery {
    std::string subscription;
    std::string event;  ///< as it is sent
};

/// The engine wrote them.
delivery read_delivery(const raw_json& args) {
    delivery made;
    json_cursor list(json_root(args));
    std::string name;
    json_value value;
    if (!list.next(name, value)) return made;
    json_cursor members(value);
    while (members.next(name, value)) {
        if (name == "subscription_id") made.subscription = json_unescape(value);
        if (name == "event") made.event = value.text;
    }
    return made;
}

std::string type_of(std::string_view event) {
    json_cursor members(json_root(event));
    std::string name;
    json_value value;
    while (members.next(name, value))
        if (name == "type") return json_unescape(value);
    return {};
}

job_failure ended(std::string_view code, std::string message) {
    job_failure failure;
    failure.code = code;
    failure.type = "webhook." + std::string(code);
    failure.message = std::move(message);
    return failure;
}

/// Whether the endpoint will say the same of the same request whenever it comes.
bool refused_for_ever(unsigned status) {
    const bool passing = status == 408 || status == 425 || status == 429;
    return status >= 400 && status < 500 && !passing;
}

}  // namespace

webhook_handler::webhook_handler(std::shared_ptr<push_handler> via, webhook_book book,
                                 push_handler::clock_function now)
    : via_(std::move(via)), book_(std::move(book)), now_(std::move(now)) {}

void webhook_handler::add_to(handler_registry& registry) {
    registry.add(std::string(webhook_job_type),
                 [self = shared_from_this()](std::shared_ptr<job_run> run) {
                     return self->run(std::move(run));
                 });
}

asio::awaitable<outcome> webhook_handler::run(std::shared_ptr<job_run> run) {
    const auto self = shared_from_this();
    const auto& job = run->job();
    const auto what = read_delivery(job.spec->args);
    auto finding = book_.find(what.subscription);
    const auto found = co_await std::move(finding);
    if (!found && found.error().code != errc::not_found) co_return interrupted{};
    if (!found) {
        failures_.erase(what.subscription);
        co_return discarded{ended("subscription_deleted", "the subscription was deleted")};
    }
    auto delivering = deliver(run, *found, what.event);
    auto how = co_await std::move(delivering);
    follow(what.subscription, how);
    // A test that failed has been answered: nobody will send it again.
    auto* dead = std::get_if<dead_lettered>(&how);
    if (dead && type_of(what.event) == webhook_test_type) how = discarded{std::move(dead->failure)};
    co_return how;
}

asio::awaitable<outcome> webhook_handler::deliver(std::shared_ptr<job_run> run,
                                                  webhook_subscription to, std::string event) {
    if (!to.active)
        co_return dead_lettered{ended("subscription_inactive", "the subscription is not active")};
    // What is allowed may have changed since it was made.
    if (auto refused = via_->check_webhook_url(to.url))
        co_return failed{ended("egress_denied", std::move(refused->message)), true,
                         delay_after(run->job().attempt)};
    auto request = write_delivery(to, run->job().spec->id, event, now_());
    const auto begin = std::chrono::steady_clock::now();
    auto exchanging = via_->exchange(std::move(request), to.timeout, run->stop());
    exchanged end = co_await std::move(exchanging);
    exchange_facts facts;
    facts.elapsed = std::chrono::steady_clock::now() - begin;
    facts.now = now_();
    const auto* answer = std::get_if<reply>(&end);
    if (answer && answer->status == 410) {
        auto disabling = book_.disable(to.id, to.url, "the endpoint answered 410 (gone)");
        co_await std::move(disabling);
    }
    co_return outcome_of_delivery(std::move(end), run->job().attempt, facts);
}

void webhook_handler::follow(const std::string& subscription, outcome& how) {
    auto* failure = std::get_if<failed>(&how);
    if (!failure) {
        if (!std::holds_alternative<interrupted>(how)) failures_.erase(subscription);
        return;
    }
    const auto times = ++failures_[subscription];
    if (times < failures_before_rest) return;
    const auto doubled = std::min<std::size_t>(times / failures_before_rest - 1, 5);
    failure->hold_limit = std::min<std::chrono::milliseconds>(rest_min * (1 << doubled), rest_max);
}

outgoing write_delivery(const webhook_subscription& to, const uuid& job, std::string_view event,
                        timestamp now) {
    outgoing request;
    auto url = parse_target_url(to.url);
    if (!url) throw std::invalid_argument("not a URL: " + url.error().message);
    request.url = *std::move(url);
    const auto id = "del_" + to_string(job);
    const auto at =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    std::vector<signing_secret> keys{signing_secret::of(to.secret)};
    auto ours = sign_ojs(to.secret, at, event);
    if (!to.previous_secret.empty() && to.previous_until && now < *to.previous_until) {
        keys.push_back(signing_secret::of(to.previous_secret));
        ours += ',' + sign_ojs(to.previous_secret, at, event);
    }
    const header_list own{
        {"User-Agent", "Sluice-Webhook/1.0"},
        {"Accept", "*/*"},
        {"Accept-Encoding", "identity"},
        {"Content-Type", "application/json"},
        {"X-OJS-Event-Type", type_of(event)},
        {"X-OJS-Delivery-ID", id},
        {"X-OJS-Subscription-ID", to.id},
        {"X-OJS-Timestamp", std::to_string(at)},
        {"X-OJS-Signature", ours},
        {"webhook-id", id},
        {"webhook-timestamp", std::to_string(at)},
        {"webhook-signature", sign_with_all(keys, id, at, event)},
    };
    request.bytes = write_request("POST", request.url, own, {}, event);
    return request;
}

outcome outcome_of_delivery(exchanged end, std::uint32_t attempt, const exchange_facts& facts) {
    unsigned status = 0;
    if (auto* answer = std::get_if<reply>(&end)) {
        status = answer->status;
        answer->job_lease.clear();  // an endpoint takes no leases
        if (answer->body.size() > answer_bytes_max) {
            answer->body.resize(answer_bytes_max);
            answer->cut = true;
        }
    }
    auto made = outcome_of(std::move(end), facts);
    auto* how = std::get_if<failed>(&made);
    if (!how) return made;
    if (refused_for_ever(status)) return dead_lettered{std::move(how->failure)};
    how->retry_after =
        std::max(delay_after(attempt), how->retry_after.value_or(std::chrono::milliseconds{0}));
    return made;
}

}  // namespace sluice::worker::push
