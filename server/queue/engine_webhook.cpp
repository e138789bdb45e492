#include "server/queue/engine.hpp"

#include "proto/json_text.hpp"
#include "server/queue/event_json.hpp"

#include <utility>

/// Subscriptions, and the jobs that carry events to them.
namespace sluice {
namespace {

/// Attempts in all; the handler says when the next one is (ojs-webhooks.md §7.2).
constexpr std::uint32_t attempts_max = 8;

/// One endpoint that does not answer must not hold up the others.
constexpr std::int64_t deliveries_at_once = 8;

error no_such_webhook() {
    return {errc::not_found, "There is no subscription of that id."};
}

std::string key_of(const std::string& subscription) {
    return std::string(webhook_limit_prefix) + subscription;
}

std::shared_ptr<const limit_rule> limit_of(const std::string& subscription) {
    auto rule = std::make_shared<limit_rule>();
    rule->key = key_of(subscription);
    rule->concurrency = deliveries_at_once;
    json_writer(rule->text)
        .begin_object()
        .key("key")
        .string(rule->key)
        .key("concurrency")
        .integer(deliveries_at_once)
        .end_object();
    return rule;
}

job_spec spec_of(const std::string& subscription, const std::string& event) {
    job_spec spec;
    spec.type = webhook_job_type;
    spec.queue = webhook_queue;
    spec.args.clear();
    json_writer out(spec.args);
    out.begin_array().begin_object().key("subscription_id").string(subscription);
    out.key("event").raw(event).end_object().end_array();
    spec.retry.max_attempts = attempts_max;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    return spec;
}

}  // namespace

result<webhook_subscription> engine::add_webhook(webhook_subscription subscription, instant now) {
    if (webhooks_.size() >= limits::webhooks_max)
        return error(errc::validation_failed, "There are " + std::to_string(webhooks_.size()) +
                                                  " subscriptions already; no more are taken.");
    const auto id = make_uuid(stamp(now), next_seq_++, static_cast<std::uint32_t>(random_()));
    subscription.id = "sub_" + to_string(id);
    subscription.created_at = stamp(now);
    return keep_webhook(std::move(subscription));
}

result<webhook_subscription*> engine::find_webhook(std::string_view id,
                                                   const webhook_check& check) {
    const auto known = webhooks_.find(id);
    if (known == webhooks_.end()) return no_such_webhook();
    if (check)
        if (auto refused = check(known->second)) return *std::move(refused);
    return &known->second;
}

result<webhook_subscription> engine::change_webhook(std::string_view id, webhook_change change,
                                                    instant now, const webhook_check& check) {
    const auto known = find_webhook(id, check);
    if (!known) return known.error();
    auto changed = **known;
    apply_change(changed, std::move(change), stamp(now));
    return keep_webhook(std::move(changed));
}

const webhook_subscription& engine::keep_webhook(webhook_subscription subscription) {
    set(setting_kind::webhook, subscription.id, encode_stored_webhook(subscription));
    auto id = subscription.id;
    return webhooks_.insert_or_assign(std::move(id), std::move(subscription)).first->second;
}

/// Deliveries on their way find out when their turn comes.
result<webhook_subscription> engine::remove_webhook(std::string_view id,
                                                    const webhook_check& check) {
    const auto known = find_webhook(id, check);
    if (!known) return known.error();
    auto gone = std::move(**known);
    webhooks_.erase(webhooks_.find(id));
    set(setting_kind::webhook, gone.id, {});
    return gone;
}

result<webhook_subscription> engine::webhook(std::string_view id) const {
    const auto known = webhooks_.find(id);
    if (known == webhooks_.end()) return no_such_webhook();
    return known->second;
}

std::vector<webhook_subscription> engine::webhooks() const {
    std::vector<webhook_subscription> all;
    for (const auto& [id, subscription] : webhooks_) all.push_back(subscription);
    return all;
}

result<job_record> engine::test_webhook(std::string_view id, instant now,
                                        const webhook_check& check) {
    const auto known = find_webhook(id, check);
    if (!known) return known.error();
    if (auto refused = refuse_push({})) return *std::move(refused);
    logged_event event;
    event.type = webhook_test_type;
    event.time = stamp(now);
    event.job_type = std::make_shared<const std::string>();
    event.queue = std::make_shared<const std::string>(webhook_queue);
    std::string text;
    append_event(text, to_event(event));
    auto spec = spec_of((*known)->id, text);
    spec.priority = limits::priority_max;  // somebody waits for it
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::discard;
    const auto& job = store_new(std::move(spec), now);
    auto made = job.record;
    dispatch(now);
    return made;
}

/// Every event passes through here. `job`: that it is about, as it is now, if it is about one.
void engine::tell(logged_event event, const resident_job* job) {
    const auto& told = events_.add(std::move(event));
    if (webhooks_.empty() || *told.queue == webhook_queue) return;
    std::shared_ptr<const std::string> text;
    for (const auto& [id, subscription] : webhooks_) {
        if (!wants_event(subscription, told.type, *told.queue, *told.job_type)) continue;
        const auto key = key_of(id);
        if (disk_low_ || !deliveries_left_.has_room(key, config_.webhook_backlog_max)) {
            ++webhooks_left_out_;
            continue;
        }
        if (!text) {
            auto whole = to_event(told);
            if (job) {
                whole.job.spec = job->record.spec;
                whole.job.result = job->record.result;
            }
            std::string written;
            append_event(written, whole);
            text = std::make_shared<const std::string>(std::move(written));
        }
        deliveries_left_.add(key);
        deliveries_.push_back({id, text});
    }
}

/// Makes the jobs for what the open batch tells of: they are in it. Apart, for events come up in
/// the middle of things.
void engine::make_deliveries(instant now) {
    // Handing them out can bring about more to tell of, such as the turn of another job.
    while (!deliveries_.empty()) {
        for (const auto& each : std::exchange(deliveries_, {})) make_delivery(each, now);
        dispatch(now);
    }
}

void engine::make_delivery(const webhook_delivery& delivery, instant now) {
    if (!webhooks_.contains(delivery.subscription))
        return deliveries_left_.remove(key_of(delivery.subscription));
    auto spec = spec_of(delivery.subscription, *delivery.event);
    spec.limit = limit_of(delivery.subscription);
    store_new(std::move(spec), now);
}

/// Of deliveries to an endpoint that refuses all there may be as many as there are events.
bool engine::keeps_dead_letter(const resident_job& job) const {
    return job.record.spec->type != webhook_job_type ||
           job.queue->dead_letters < config_.webhook_backlog_max;
}

}  // namespace sluice
