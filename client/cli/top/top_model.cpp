#include "client/cli/top/top_model.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace sluice::cli {
namespace {

using std::chrono::microseconds;

microseconds since_epoch(std::chrono::steady_clock::time_point at) {
    return std::chrono::duration_cast<microseconds>(at.time_since_epoch());
}

bool ends_run(std::string_view type) {
    return type == "job.completed" || type == "job.failed" || type == "job.interrupted";
}

void add_to(top_row& all, const top_row& row) {
    all.in += row.in;
    all.started += row.started;
    all.finished += row.finished;
    all.failed += row.failed;
    all.waiting.merge(row.waiting);
    all.running.merge(row.running);
    all.available += row.available;
    all.scheduled += row.scheduled;
    all.retryable += row.retryable;
    all.active += row.active;
    if (row.oldest && (!all.oldest || row.oldest->time > all.oldest->time)) all.oldest = row.oldest;
}

/// The larger, the sooner it stands.
std::pair<double, double> weight(const top_row& row, top_order order) {
    const auto oldest = row.oldest ? row.oldest->time : std::chrono::nanoseconds{0};
    switch (order) {
        case top_order::waiting:
            return {static_cast<double>(std::max(oldest, row.waiting.quantile(0.99)).count()),
                    static_cast<double>(row.available)};
        case top_order::rate:
            return {static_cast<double>(row.in + row.started + row.finished), 0};
        case top_order::backlog:
            return {static_cast<double>(row.backlog()), static_cast<double>(row.active)};
        case top_order::name:
            return {0, 0};
    }
    return {0, 0};
}

void sort_rows(std::vector<top_row>& rows, top_order order) {
    std::ranges::sort(rows, [order](const top_row& a, const top_row& b) {
        const auto first = weight(a, order);
        const auto second = weight(b, order);
        return first != second ? first > second : a.name < b.name;
    });
}

}  // namespace

double top_interval::rate(std::uint64_t count) const {
    const double seconds = std::chrono::duration<double>(length).count();
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

top_model::top_model(queue_filter filter, clock::time_point now)
    : filter_(std::move(filter)), begun_(now) {}

std::vector<std::string> top_model::event_types() {
    return {"job.enqueued",    "job.started",   "job.completed", "job.failed",
            "job.interrupted", "job.cancelled", "job.discarded", "job.expired"};
}

void top_model::add(const client::event_info& event, clock::time_point now) {
    if (event.time) {
        const microseconds ahead = event.time->time_since_epoch() - since_epoch(now);
        ahead_ = ahead_ ? std::max(*ahead_, ahead) : ahead;
    }
    if (event.queue.empty() || !filter_.fits(event.queue)) return;
    auto& of = queues_[event.queue];
    of.stirred = true;
    auto& row = of.row;
    if (event.type == "job.enqueued") ++row.in;
    if (event.type == "job.started") {
        ++row.started;
        if (const auto waited = event.times.waiting()) row.waiting.record(*waited);
    }
    if (event.type == "job.completed" || event.type == "job.failed") {
        ++row.finished;
        if (event.type == "job.failed") ++row.failed;
        if (const auto ran = event.times.running()) row.running.record(*ran);
    }
    move(of, event, now);
}

/// Follows the job: whether it waits, and who runs it.
void top_model::move(queue& of, const client::event_info& event, clock::time_point now) {
    const bool starts = event.type == "job.started";
    if (!starts) end_run(of, event);
    const auto due = event.type == "job.enqueued" ? event.times.due_at() : event.time;
    if (event.state == "available" && due)
        of.waiting.enter(event.job_id, *due, our_time(event.time, now));
    else
        of.waiting.leave(event.job_id, starts);
    if (starts) begin_run(of, event);
}

void top_model::begin_run(queue& of, const client::event_info& event) {
    if (event.worker_id.empty()) return;
    of.workers.insert(event.worker_id);
    if (runs_.size() >= runs_max) return;
    if (runs_.emplace(event.job_id, run{event.queue, event.worker_id}).second) {
        ++of.runs_of[event.worker_id];
    }
}

void top_model::end_run(queue& of, const client::event_info& event) {
    const auto it = runs_.find(event.job_id);
    if (it == runs_.end()) {
        if (ends_run(event.type) && !event.worker_id.empty()) of.workers.insert(event.worker_id);
        return;
    }
    const auto under_way = of.runs_of.find(it->second.worker);
    if (under_way != of.runs_of.end() && --under_way->second == 0) of.runs_of.erase(under_way);
    runs_.erase(it);
}

void top_model::gap() {
    gap_ = true;
    ahead_.reset();
    runs_.clear();
    for (auto& [name, of] : queues_) {
        of.waiting.clear();
        of.runs_of.clear();
    }
}

void top_model::list(const std::vector<client::queue_info>& queues, clock::time_point now) {
    for (auto& [name, of] : queues_) {
        of.listed = false;
        of.row.available = of.row.scheduled = of.row.retryable = of.row.active = 0;
    }
    for (const auto& each : queues) {
        if (!filter_.fits(each.name)) continue;
        auto& of = queues_[each.name];
        of.listed = true;
        of.row.paused = each.paused;
        for (const auto& [state, count] : each.jobs) {
            if (state == "available") of.row.available = count;
            if (state == "scheduled") of.row.scheduled = count;
            if (state == "retryable") of.row.retryable = count;
            if (state == "active") of.row.active = count;
        }
    }
    for (auto& [name, of] : queues_) of.waiting.count(of.row.available, now);
}

std::optional<timestamp> top_model::server_time(clock::time_point now) const {
    if (!ahead_) return std::nullopt;
    return timestamp{since_epoch(now) + *ahead_};
}

top_model::clock::time_point top_model::our_time(std::optional<timestamp> at,
                                                 clock::time_point now) const {
    if (!at || !ahead_) return now;
    return clock::time_point{at->time_since_epoch() - *ahead_};
}

void top_model::begin_interval(queue& of) {
    const auto& before = of.row;
    top_row row;
    row.paused = before.paused;
    row.available = before.available;
    row.scheduled = before.scheduled;
    row.retryable = before.retryable;
    row.active = before.active;
    of.row = std::move(row);
    of.stirred = false;
    of.workers.clear();
    for (const auto& [worker, runs] : of.runs_of) of.workers.insert(worker);
}

top_interval top_model::take(clock::time_point now, top_order order) {
    top_interval result;
    result.length = now - begun_;
    result.gap = std::exchange(gap_, false);
    begun_ = now;
    std::set<std::string> workers;
    for (auto it = queues_.begin(); it != queues_.end();) {
        auto& [name, of] = *it;
        of.row.name = name;
        of.row.workers = of.workers.size();
        of.row.oldest = of.waiting.oldest(now, server_time(now));
        workers.insert(of.workers.begin(), of.workers.end());
        // What has just begun to be there may be too young for the listing.
        const bool stays = of.listed || of.stirred;
        if (of.listed || of.stirred) {
            add_to(result.all, of.row);
            result.queues.push_back(of.row);
        }
        begin_interval(of);
        const bool needed = stays || !of.runs_of.empty();
        it = needed ? std::next(it) : queues_.erase(it);
    }
    result.all.workers = workers.size();
    sort_rows(result.queues, order);
    return result;
}

}  // namespace sluice::cli
