#pragma once

#include "proto/error.hpp"
#include "proto/webhook.hpp"
#include "server/worker/handlers/http/push_handler.hpp"
#include "server/worker/handlers/http/push_outcome.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace sluice::worker::push {

/// Where subscriptions are kept.
struct webhook_book {
    std::function<boost::asio::awaitable<result<webhook_subscription>>(std::string id)> find;
    /// The endpoint is gone for good: `why` is kept with the subscription, which gets no more.
    /// Nothing happens when it has another URL by now.
    std::function<boost::asio::awaitable<void>(std::string id, std::string url, std::string why)>
        disable;
};

/// Runs jobs of type `webhook_job_type`: posts one event to the endpoint of its subscription, as
/// that is by now, by the same rules as every other request.
///
/// Signed twice: with the three headers of Standard Webhooks, and with X-OJS-Signature, "sha256="
/// and the hex of HMAC-SHA256 over "time.body" (ojs-webhooks.md §8.1); while a secret is being
/// replaced the old one signs too, and X-OJS-Signature holds both, separated by a comma.
///
/// An endpoint whose last eight attempts have all failed rests, for 30 s and then for longer, up to
/// ten minutes: what waits for it must not keep those busy who deliver to others.
///
/// Make it with make_shared: its handler keeps it alive. On the executor of `via`.
class webhook_handler : public std::enable_shared_from_this<webhook_handler> {
public:
    webhook_handler(std::shared_ptr<push_handler> via, webhook_book book,
                    push_handler::clock_function now);

    void add_to(handler_registry& registry);

private:
    boost::asio::awaitable<outcome> run(std::shared_ptr<job_run> run);
    boost::asio::awaitable<outcome> deliver(std::shared_ptr<job_run> run, webhook_subscription to,
                                            std::string event);
    void follow(const std::string& subscription, outcome& how);

    const std::shared_ptr<push_handler> via_;
    const webhook_book book_;
    const push_handler::clock_function now_;
    std::map<std::string, std::size_t> failures_;  ///< in a row, by subscription
};

/// The whole request for one delivery. `event` is JSON text. Throws std::invalid_argument when the
/// URL is none; it was one when the subscription was made.
outgoing write_delivery(const webhook_subscription& to, const uuid& job, std::string_view event,
                        timestamp now);

/// What becomes of a delivery after its `attempt`th attempt: statuses of the 400s but 408, 425 and
/// 429 end it as a dead letter, all else that is no success is tried again after 30 s, 2 min,
/// 10 min, 1 h, 4 h, 12 h and 24 h (ojs-webhooks.md §7.2), or later when the endpoint says so.
outcome outcome_of_delivery(exchanged end, std::uint32_t attempt, const exchange_facts& facts);

}  // namespace sluice::worker::push
