#include "proto/webhook.hpp"

#include "proto/event_types.hpp"
#include "proto/json_text.hpp"
#include "proto/stored.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

bool listed(const std::vector<std::string>& names, std::string_view name) {
    return names.empty() || std::ranges::find(names, name) != names.end();
}

void append_names(json_writer& out, std::string_view key, const std::vector<std::string>& names) {
    out.key(key).begin_array();
    for (const auto& name : names) out.string(name);
    out.end_array();
}

std::vector<std::string> names_of(const stored::field& f) {
    std::vector<std::string> names;
    stored::each_element(f, [&](const stored::field& each) { names.push_back(string(each)); });
    return names;
}

}  // namespace

bool wants_event(const webhook_subscription& subscription, std::string_view event_type,
                 std::string_view queue, std::string_view job_type) {
    if (!subscription.active || !listed(subscription.queues, queue) ||
        !listed(subscription.job_types, job_type))
        return false;
    return std::ranges::any_of(subscription.events, [&](const std::string& pattern) {
        if (event_type == "job.heartbeat") return pattern == event_type;
        return fits_event_pattern(pattern, event_type);
    });
}

void apply_change(webhook_subscription& subscription, webhook_change change, timestamp now) {
    if (change.url) subscription.url = *std::move(change.url);
    if (change.events) subscription.events = *std::move(change.events);
    if (change.queues) subscription.queues = *std::move(change.queues);
    if (change.job_types) subscription.job_types = *std::move(change.job_types);
    if (change.metadata) subscription.metadata = *std::move(change.metadata);
    if (change.timeout) subscription.timeout = *change.timeout;
    if (change.active) {
        subscription.active = *change.active;
        subscription.disabled_reason = std::move(change.disabled_reason);
    }
    if (change.secret) {
        subscription.previous_secret =
            std::exchange(subscription.secret, *std::move(change.secret));
        subscription.previous_until = now + webhook_overlap;
    }
}

void append_webhook(std::string& out, const webhook_subscription& subscription,
                    secret_shown secret) {
    json_writer writer(out);
    writer.begin_object().key("id").string(subscription.id).key("url").string(subscription.url);
    append_names(writer, "events", subscription.events);
    if (!subscription.queues.empty() || !subscription.job_types.empty()) {
        writer.key("filter").begin_object();
        if (!subscription.queues.empty()) append_names(writer, "queues", subscription.queues);
        if (!subscription.job_types.empty())
            append_names(writer, "job_types", subscription.job_types);
        writer.end_object();
    }
    writer.key("active").boolean(subscription.active);
    stored::write_string(writer, "disabled_reason", subscription.disabled_reason);
    if (secret == secret_shown::yes) writer.key("secret").string(subscription.secret);
    stored::write_raw(writer, "metadata", subscription.metadata);
    stored::write_duration(writer, "timeout_ms", subscription.timeout);
    writer.key("created_at").time(subscription.created_at).end_object();
}

std::string encode_stored_webhook(const webhook_subscription& subscription) {
    std::string text;
    json_writer out(text);
    out.begin_object().key("url").string(subscription.url);
    append_names(out, "events", subscription.events);
    append_names(out, "queues", subscription.queues);
    append_names(out, "job_types", subscription.job_types);
    out.key("active").boolean(subscription.active);
    stored::write_string(out, "disabled", subscription.disabled_reason);
    out.key("secret").string(subscription.secret);
    stored::write_string(out, "previous", subscription.previous_secret);
    stored::write_time(out, "previous_until", subscription.previous_until);
    stored::write_raw(out, "metadata", subscription.metadata);
    stored::write_duration(out, "timeout", subscription.timeout);
    stored::write_time(out, "created", subscription.created_at);
    out.end_object();
    return text;
}

webhook_subscription decode_stored_webhook(std::string_view id, std::string_view text) {
    webhook_subscription made;
    made.id = id;
    stored::each_member(stored::open(text), [&](const stored::field& f) {
        if (f.name == "url") made.url = string(f);
        if (f.name == "events") made.events = names_of(f);
        if (f.name == "queues") made.queues = names_of(f);
        if (f.name == "job_types") made.job_types = names_of(f);
        if (f.name == "active") made.active = require(json_boolean(f.value), f);
        if (f.name == "disabled") made.disabled_reason = string(f);
        if (f.name == "secret") made.secret = string(f);
        if (f.name == "previous") made.previous_secret = string(f);
        if (f.name == "previous_until") made.previous_until = time(f);
        if (f.name == "metadata") made.metadata = f.value.text;
        if (f.name == "timeout") made.timeout = duration(f);
        if (f.name == "created") made.created_at = time(f);
    });
    return made;
}

}  // namespace sluice
