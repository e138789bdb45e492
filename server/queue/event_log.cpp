#include "server/queue/event_log.hpp"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::size_t failure_message_bytes_max = 512;
constexpr std::size_t room_min = 256;  ///< events the ring first makes room for

bool listed(const std::vector<std::string>& names, std::string_view name) {
    return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

job_event to_event(const logged_event& logged) {
    auto spec = std::make_shared<job_spec>();
    spec->id = logged.job_id;
    spec->type = *logged.job_type;
    spec->queue = *logged.queue;
    spec->produced_at = logged.produced_at;
    spec->retry.max_attempts = logged.max_attempts;
    job_event event;
    event.id = logged.id;
    event.type = logged.type;
    event.time = logged.time;
    event.job.seq = logged.seq;
    event.job.spec = std::move(spec);
    event.job.state = logged.state;
    event.job.attempt = logged.attempt;
    event.job.interruptions = logged.interruptions;
    event.job.worker_id = logged.worker_id;
    event.job.due_at = logged.due_at;
    if (logged.failure) event.job.failures.push_back(*logged.failure);
    event.job.received_at = logged.received_at;
    event.job.durable_at = logged.durable_at;
    event.job.available_at = logged.available_at;
    event.job.started_at = logged.started_at;
    event.job.finished_at = logged.finished_at;
    event.job.acked_at = logged.acked_at;
    event.cron = logged.cron;
    event.limit = logged.limit;
    event.pressure = logged.pressure;
    event.objective = logged.objective;
    return event;
}

void logged_event::stamp_from(const job_record& job) {
    received_at = job.received_at;
    produced_at = job.spec->produced_at;
    durable_at = job.durable_at;
    available_at = job.available_at;
    started_at = job.started_at;
    finished_at = job.finished_at;
    acked_at = job.acked_at;
}

void logged_event::keep_failure(const job_failure& latest) {
    job_failure kept;
    kept.type = latest.type;
    kept.code = latest.code;
    kept.message = latest.message.substr(0, failure_message_bytes_max);
    kept.attempt = latest.attempt;
    kept.occurred_at = latest.occurred_at;
    failure = std::make_shared<const job_failure>(std::move(kept));
}

const logged_event& event_log::add(logged_event event) {
    event.id = ++numbered_;
    if (events_.full()) {
        const auto room = events_.capacity();
        events_.set_capacity(room < max_ ? std::min(std::max(2 * room, room_min), max_ + room_min)
                                         : room + room / 4 + 1);
    }
    events_.push_back(std::move(event));
    return events_.back();
}

void event_log::publish(std::uint64_t batch, const std::function<void(logged_event&)>& finish) {
    while (shown_ < events_.size() && events_[shown_].batch <= batch) {
        auto& event = events_[shown_];
        finish(event);
        last_id_ = event.id;
        ++shown_;
        if (shown_ <= max_) continue;
        events_.pop_front();
        --shown_;
    }
    // One large batch must not cost memory for ever.
    const auto usual = max_ + room_min;
    if (events_.capacity() > 2 * usual && events_.size() <= usual) events_.set_capacity(usual);
}

event_page event_log::query(const event_query& query) const {
    event_page page;
    page.last_id = last_id_;
    const auto matches = [&](const logged_event& event) {
        return listed(query.types, event.type) && listed(query.queues, *event.queue);
    };
    if (!query.after) {
        for (auto i = shown_; i-- > 0 && page.events.size() < query.limit;)
            if (matches(events_[i])) page.events.push_back(to_event(events_[i]));
        std::reverse(page.events.begin(), page.events.end());
        return page;
    }
    const auto first_kept = shown_ == 0 ? last_id_ + 1 : events_.front().id;
    page.gap = *query.after < first_kept - 1;
    const auto skip = *query.after < first_kept ? 0 : *query.after - first_kept + 1;
    for (auto i = skip; i < shown_; ++i) {
        if (!matches(events_[i])) continue;
        if (page.events.size() == query.limit) {
            page.last_id = page.events.back().id;
            break;
        }
        page.events.push_back(to_event(events_[i]));
    }
    return page;
}

void event_log::clear() {
    events_.clear();
    events_.set_capacity(0);
    shown_ = 0;
}

}  // namespace sluice
