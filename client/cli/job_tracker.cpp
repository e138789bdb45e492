#include "client/cli/job_tracker.hpp"

namespace sluice::cli {
namespace {

// Events of others look like early ones while a push is under way; more than this is not kept.
constexpr std::size_t early_events_max = 100'000;

bool ended(const std::string& state) {
    const auto known = parse_job_state(state);
    return known && is_terminal(*known);
}

// A job that was completed has all stamps; one that was cancelled may never have started.
bool complete(const std::string& state, const client::timeline& times) {
    return state != "completed" || (times.waiting() && times.running() && times.total());
}

}  // namespace

void job_tracker::push_ended() {
    if (--pushes_ > 0) return;
    early_.clear();
    early_count_ = 0;
}

void job_tracker::push_failed(const client::failure& why) {
    using client::failure_kind;
    const bool sent = why.kind == failure_kind::lost || why.kind == failure_kind::timed_out ||
                      why.kind == failure_kind::closed ||
                      (why.kind == failure_kind::refused && why.status >= 500 && !why.not_stored);
    if (sent) ++report_.unknown;
    push_ended();
}

job_tracker::notices job_tracker::created(std::uint64_t index, std::size_t producer,
                                          const std::string& id, nanoseconds enqueue) {
    ++report_.created;
    report_.enqueue.record(enqueue);
    jobs_.emplace(id, tracked{index, producer, enqueue});
    notice news;
    news.index = index;
    news.producer = producer;
    news.id = id;
    notices told{std::move(news)};
    if (const auto at = early_.find(id); at != early_.end()) {
        const auto events = std::move(at->second);
        early_count_ -= events.size();
        early_.erase(at);
        for (const auto& event : events) {
            for (auto& each : heard(event)) told.push_back(std::move(each));
        }
    }
    push_ended();
    return told;
}

job_tracker::notices job_tracker::heard(const client::event_info& event) {
    const auto at = jobs_.find(event.job_id);
    if (at == jobs_.end()) {
        if (pushes_ == 0) return {};
        if (early_count_ == early_events_max) {
            early_.clear();
            early_count_ = 0;
            lost_events_ = true;
        }
        early_[event.job_id].push_back(event);
        ++early_count_;
        return {};
    }
    notice news;
    news.state = event.state;
    news.attempt = event.attempt;
    news.result = event.result;
    news.times = event.times;
    if (ended(event.state)) {
        if (!complete(event.state, event.times)) {
            incomplete_.push_back(event.job_id);
            return {};
        }
        news.what = step::finished;
    } else if (event.type == "job.started") {
        news.what = step::started;
    } else if (event.type == "job.failed") {
        news.what = step::failed;
    } else {
        return {};
    }
    return {apply(at, std::move(news))};
}

job_tracker::notices job_tracker::looked_up(const client::job_info& job) {
    const auto at = jobs_.find(job.id);
    if (at == jobs_.end() || !job.terminal()) return {};
    notice news;
    news.what = step::finished;
    news.state = job.state;
    news.attempt = job.attempt;
    news.result = job.result;
    news.times = job.times;
    return {apply(at, std::move(news))};
}

job_tracker::notice job_tracker::apply(std::unordered_map<std::string, tracked>::iterator at,
                                       notice news) {
    news.index = at->second.index;
    news.producer = at->second.producer;
    news.enqueue = at->second.enqueue;
    news.id = at->first;
    if (news.what == step::finished) {
        record(news);
        jobs_.erase(at);
    }
    return news;
}

void job_tracker::record(const notice& news) {
    if (news.state == "completed") ++report_.completed;
    if (news.state == "discarded") ++report_.discarded;
    if (news.state == "cancelled") ++report_.cancelled;
    if (news.attempt > 1) ++report_.retried;
    report_.sample_id = news.id;
    if (const auto waiting = news.times.waiting()) {
        report_.waiting.record(*waiting);
        if (news.index == 0) report_.first_waiting = *waiting;
    }
    if (const auto running = news.times.running()) report_.running.record(*running);
    const auto total = news.times.total();
    if (!total) return;
    report_.total.record(*total);
    if (report_.measures_overall) report_.overall.record(news.enqueue + *total);
}

std::vector<std::string> job_tracker::outstanding_ids() const {
    std::vector<std::string> outstanding;
    outstanding.reserve(jobs_.size());
    for (const auto& [id, job] : jobs_) outstanding.push_back(id);
    return outstanding;
}

bool job_tracker::take_lost_events() {
    return std::exchange(lost_events_, false);
}

std::vector<std::string> job_tracker::take_incomplete() {
    return std::exchange(incomplete_, {});
}

}  // namespace sluice::cli
