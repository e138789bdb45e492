#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"
#include "proto/time.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Events that are sent to an endpoint as they happen (ojs-webhooks.md). Each delivery is a job of
/// its own, of a type and in a queue that nobody else may push, and nobody outside may fetch.
namespace sluice {

inline constexpr std::string_view webhook_job_type = "sluice.webhook";
inline constexpr std::string_view webhook_queue = "sluice.webhooks";
/// Keys of rate limits that begin so are those of subscriptions, by id.
inline constexpr std::string_view webhook_limit_prefix = "webhook.";
/// Of the event that a test sends.
inline constexpr std::string_view webhook_test_type = "webhook.test";

/// How long the secret before the present one signs too.
inline constexpr std::chrono::hours webhook_overlap{24};

/// Which events go where.
struct webhook_subscription {
    std::string id;  ///< "sub_" and a UUIDv7
    std::string url;
    std::vector<std::string> events;     ///< see proto/event_types.hpp
    std::vector<std::string> queues;     ///< empty: of any
    std::vector<std::string> job_types;  ///< empty: of any
    bool active = true;
    std::string secret;           ///< never shown once it was told
    std::string previous_secret;  ///< signs as well until `previous_until`
    std::optional<timestamp> previous_until;
    raw_json metadata;                                 ///< an object
    std::optional<std::chrono::milliseconds> timeout;  ///< of one attempt; absent: the server's
    std::string disabled_reason;                       ///< why the server made it inactive
    timestamp created_at;

    friend bool operator==(const webhook_subscription&, const webhook_subscription&) = default;
};

/// What is to be different; what is absent stays.
struct webhook_change {
    std::optional<std::string> url;
    std::optional<std::vector<std::string>> events, queues, job_types;
    std::optional<bool> active;
    std::optional<raw_json> metadata;
    std::optional<std::optional<std::chrono::milliseconds>> timeout;
    std::optional<std::string> secret;  ///< the one before it signs on for `webhook_overlap`
    std::string disabled_reason;        ///< with `active`: false
};

/// Whether an event of this type and of a job of this type in this queue is to be delivered. Only a
/// subscription that names "job.heartbeat" gets those: with "job.*" nobody means them.
bool wants_event(const webhook_subscription& subscription, std::string_view event_type,
                 std::string_view queue, std::string_view job_type);

/// The subscription as it is from `now` on.
void apply_change(webhook_subscription& subscription, webhook_change change, timestamp now);

/// Body of POST /webhooks/subscriptions; id and time are left to be set, and the secret when none
/// was given. The URL is not looked at. Errors: invalid_request, validation_failed.
result<webhook_subscription> decode_webhook(std::string_view body);
/// Body of PATCH /webhooks/subscriptions/{id}.
result<webhook_change> decode_webhook_change(std::string_view body);
/// Body of POST /webhooks/subscriptions/{id}/rotate-secret: empty, or `{"secret":…}`. Empty: one is
/// to be made.
result<std::string> decode_webhook_rotation(std::string_view body);

enum class secret_shown : bool { no, yes };
/// Appends the subscription as an object.
void append_webhook(std::string& out, const webhook_subscription& subscription,
                    secret_shown secret = secret_shown::no);

/// The text it is stored as, secrets included, and back. `decode` throws std::runtime_error when
/// the text is nothing that was ever written.
std::string encode_stored_webhook(const webhook_subscription& subscription);
webhook_subscription decode_stored_webhook(std::string_view id, std::string_view text);

}  // namespace sluice
