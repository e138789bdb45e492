#include "client/cli/produce_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace sluice::cli {

using client::nothrow_await;

namespace {

constexpr auto drain_time = std::chrono::seconds{5};
constexpr auto poll_wait = std::chrono::seconds{20};
constexpr auto retry_pause = std::chrono::milliseconds{200};
constexpr std::size_t events_a_page = 1000;
constexpr std::size_t lookups_at_once = 8;

timestamp wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

client::event_filter filter_of(const produce_options& options, bool with_starts,
                               std::uint64_t after) {
    client::event_filter filter;
    filter.types = {"job.completed", "job.failed", "job.discarded", "job.cancelled", "job.expired"};
    if (with_starts) filter.types.insert(filter.types.begin(), "job.started");
    filter.queues = {options.queue};
    filter.after = after;
    filter.wait = poll_wait;
    filter.limit = events_a_page;
    return filter;
}

}  // namespace

produce_run::produce_run(asio::any_io_executor executor, const context& ctx,
                         produce_options options, live_view& view,
                         std::function<void(const run_report&)> begun)
    : executor_(executor),
      ctx_(ctx),
      options_(std::move(options)),
      view_(view),
      begun_(std::move(begun)),
      plan_(options_.work),
      schedule_(plan_, producers_max(options_)),
      control_(executor, ctx.server),
      listener_(executor, ctx.server),
      freed_(executor, steady::time_point::max()),
      news_(executor, steady::time_point::max()),
      changed_(executor, steady::time_point::max()),
      progress_(executor),
      signals_(executor, SIGINT, SIGTERM),
      creating_(executor),
      helping_(executor) {
    tracker_.report() = begin_report(options_);
    tracker_.report().url = ctx.server.url.text();
}

void produce_run::add_producer() {
    producers_.push_back(std::make_unique<client::producer>(executor_, ctx_.server));
    pacers_.push_back(std::make_unique<asio::steady_timer>(executor_));
    tracker_.report().producers = producers_.size();
}

bool produce_run::worth_reporting() const {
    return ending_ != ending::abandoned && tracker_.report().created > 0;
}

asio::awaitable<void> produce_run::run() {
    const bool welcome = co_await greet();
    if (!welcome) {
        ending_ = ending::failed;
        co_return;
    }
    if (begun_) begun_(tracker_.report());

    start_ = last_progress_ = steady::now();
    helping_.spawn(watch_signals());
    helping_.spawn(show_progress());
    if (options_.wait) helping_.spawn(follow());
    helping_.spawn(narrate());
    if (options_.work.rate) {
        creating_.spawn(produce_at_rate());
    } else {
        for (std::size_t i = 0; i < producers_max(options_); ++i) {
            add_producer();
            creating_.spawn(produce(i));
        }
    }
    co_await creating_.join();
    last_progress_ = steady::now();
    if (options_.wait) co_await await_outstanding();
    tracker_.report().elapsed = last_progress_ - start_;
    for (const auto& p : producers_) tracker_.report().refusals += p->refusals();
    stop_helpers();
    co_await helping_.join();
    view_.end(tracker_.report().elapsed, tracker_.report(), tracker_.outstanding());
}

// One question that fails early, and the place in the stream of events to listen from.
asio::awaitable<bool> produce_run::greet() {
    auto health = co_await control_.health();
    if (health.has_error()) {
        failure_ = health.error();
        co_return false;
    }
    tracker_.report().server_version = health->version;
    tracker_.report().store = health->store;
    if (!options_.wait) co_return true;
    client::event_filter latest;
    latest.limit = 1;
    auto events = co_await control_.events(std::move(latest));
    if (events.has_error()) {
        failure_ = events.error();
        co_return false;
    }
    last_event_ = events->last_id;
    co_return true;
}

asio::awaitable<void> produce_run::produce(std::size_t number) {
    auto& pacer = *pacers_[number];
    while (ending_ == ending::none) {
        const auto slot = schedule_.next(number);
        if (!slot) break;
        if (slot->at && start_ + *slot->at > steady::now()) {
            pacer.expires_at(start_ + *slot->at);
            co_await pacer.async_wait(nothrow_await);
            if (ending_ != ending::none) break;
        }
        co_await push_one(number, *slot);
    }
}

// One clock for all: each job leaves when it is due, over the connection that was busy last, or
// over a new one while the others wait for their answers.
asio::awaitable<void> produce_run::produce_at_rate() {
    add_producer();
    free_.push_back(0);
    auto& pacer = *pacers_.front();
    while (ending_ == ending::none) {
        const auto slot = schedule_.next(0);
        if (!slot) break;
        pacer.expires_at(start_ + slot->at.value_or(nanoseconds{0}));
        if (pacer.expiry() > steady::now()) co_await pacer.async_wait(nothrow_await);
        if (free_.empty() && producers_.size() < producers_max(options_)) {
            free_.push_back(producers_.size());
            add_producer();
        }
        while (free_.empty() && ending_ == ending::none) {
            co_await freed_.async_wait(nothrow_await);
        }
        if (ending_ != ending::none) break;
        const std::size_t number = free_.back();
        free_.pop_back();
        creating_.spawn(push_and_free(number, *slot));
    }
}

asio::awaitable<void> produce_run::push_and_free(std::size_t number, send_schedule::slot slot) {
    co_await push_one(number, slot);
    free_.push_back(number);
    freed_.cancel();
}

asio::awaitable<void> produce_run::push_one(std::size_t number, send_schedule::slot slot) {
    client::new_job job;
    job.type = options_.work.type;
    job.queue = options_.queue;
    if (options_.durability)
        job.extra_options =
            "\"durability\":\"" + std::string(to_string(*options_.durability)) + '"';
    job.args = plan_.args(slot.index);
    job.produced_at = wall_now();
    job.fairness_key = options_.fairness_key;
    job.fairness_weight = options_.fairness_weight;
    job.cost = options_.cost;

    const auto sent = steady::now();
    const auto intended = slot.at ? start_ + *slot.at : sent;
    if (options_.work.rate) tracker_.report().lag.record(sent - intended);
    tracker_.push_begins();
    auto stored = co_await producers_[number]->push(std::move(job));
    if (stored.has_error()) {
        tracker_.push_failed(stored.error());
        end_with(ending::failed, stored.error());
        co_return;
    }
    tell(tracker_.created(slot.index, number, stored->id, steady::now() - intended));
    changed_.cancel();
}

asio::awaitable<void> produce_run::follow() {
    const bool with_starts = view_.mode() == view_mode::lines;
    while (!over_) {
        client::event_filter filter = filter_of(options_, with_starts, last_event_);
        auto page = co_await listener_.events(std::move(filter));
        if (over_) break;
        if (page.has_error() && page.error().retryable) {
            asio::steady_timer pause{executor_, retry_pause};
            co_await pause.async_wait(nothrow_await);
            continue;
        }
        if (page.has_error()) {
            end_with(ending::failed, page.error());
            break;
        }
        last_event_ = page->last_id;
        const bool gap = page->gap;
        for (const auto& event : page->events) tell(tracker_.heard(event));
        const bool lost = tracker_.take_lost_events();
        auto missing = gap || lost ? tracker_.outstanding_ids() : tracker_.take_incomplete();
        if (!missing.empty()) co_await look_up_all(std::move(missing));
        if (tracker_.outstanding() == 0) changed_.cancel();
    }
}

asio::awaitable<void> produce_run::look_up_all(std::vector<std::string> ids) {
    const auto shared = std::make_shared<std::vector<std::string>>(std::move(ids));
    client::task_group lookups{executor_};
    const std::size_t workers = std::min(shared->size(), lookups_at_once);
    for (std::size_t i = 0; i < workers; ++i) lookups.spawn(look_up_some(shared));
    co_await lookups.join();
}

asio::awaitable<void> produce_run::look_up_some(std::shared_ptr<std::vector<std::string>> ids) {
    client::client asker{executor_, ctx_.server};
    while (!over_ && !ids->empty()) {
        std::string id = std::move(ids->back());
        ids->pop_back();
        auto job = co_await asker.get(std::move(id));
        if (job.has_error()) {
            if (job.error().status == 404) continue;  // removed meanwhile; nothing to count
            if (!over_) end_with(ending::failed, job.error());
            co_return;
        }
        tell(tracker_.looked_up(*job));
    }
}

void produce_run::tell(job_tracker::notices told) {
    const auto at = passed();
    for (auto& n : told) {
        if (n.what == job_tracker::step::finished) last_progress_ = steady::now();
        if (view_.mode() == view_mode::lines) untold_.emplace_back(at, std::move(n));
    }
    if (!untold_.empty()) news_.cancel();
}

// Apart from those who measure, because results must be asked for.
asio::awaitable<void> produce_run::narrate() {
    while (!over_ || !untold_.empty()) {
        if (untold_.empty()) {
            co_await news_.async_wait(nothrow_await);
            continue;
        }
        auto [at, n] = std::move(untold_.front());
        untold_.pop_front();
        if (n.state == "completed" && n.result.empty()) {
            auto job = co_await control_.get(n.id);
            if (job.has_value()) n.result = std::move(job->result);
        }
        show(at, n);
    }
}

void produce_run::show(nanoseconds at, const job_tracker::notice& n) {
    switch (n.what) {
        case job_tracker::step::created:
            view_.created(at, n, producers_.size(), plan_.args(n.index));
            break;
        case job_tracker::step::started:
            view_.started(at, n);
            break;
        case job_tracker::step::failed:
            view_.failed(at, n);
            break;
        case job_tracker::step::finished:
            view_.finished(at, n);
            break;
    }
}

asio::awaitable<void> produce_run::watch_signals() {
    while (!over_) {
        const auto [ec, number] = co_await signals_.async_wait(nothrow_await);
        if (over_) break;
        if (ec) continue;
        if (ending_ == ending::none) {
            view_.remark("Interrupted: what is open gets 5 s; Ctrl-C again leaves at once.");
            end_with(ending::interrupted);
        } else {
            end_with(ending::abandoned);
        }
    }
}

asio::awaitable<void> produce_run::show_progress() {
    while (!over_) {
        progress_.expires_after(std::chrono::milliseconds{100});
        co_await progress_.async_wait(nothrow_await);
        if (!over_) view_.progress(passed(), tracker_.report(), tracker_.outstanding());
    }
}

// Until all have ended, nothing ends any more, or somebody has had enough.
asio::awaitable<void> produce_run::await_outstanding() {
    while (tracker_.outstanding() > 0 && ending_ != ending::failed &&
           ending_ != ending::abandoned) {
        const auto deadline = ending_ == ending::interrupted
                                  ? stopped_at_ + drain_time
                                  : last_progress_ + options_.wait_timeout;
        if (steady::now() >= deadline) {
            if (ending_ == ending::none) ending_ = ending::gave_up;
            break;
        }
        changed_.expires_at(deadline);
        co_await changed_.async_wait(nothrow_await);
    }
}

// The first reason counts, except that a second signal ends everything.
void produce_run::end_with(ending reason, std::optional<client::failure> because) {
    if (ending_ != ending::none && reason != ending::abandoned) return;
    ending_ = reason;
    failure_ = std::move(because);
    stopped_at_ = steady::now();
    for (auto& pacer : pacers_) pacer->cancel();
    freed_.cancel();
    if (reason != ending::interrupted) {
        for (auto& p : producers_) p->close();
        control_.close();
    }
    changed_.cancel();
}

void produce_run::stop_helpers() {
    over_ = true;
    signals_.cancel();
    progress_.cancel();
    news_.cancel();
    listener_.close();
}

exit_code produce_run::conclude() const {
    const auto& run = tracker_.report();
    const std::uint64_t open = options_.wait ? tracker_.outstanding() : 0;
    switch (ending_) {
        case ending::abandoned:
            return exit_code::interrupted;
        case ending::failed:
            return complain(ctx_, *failure_);
        case ending::gave_up:
            complain(ctx_,
                     fmt::format("{} of {} jobs have not finished, and none has for {}",
                                 format_count(open), format_count(run.created),
                                 format_duration(options_.wait_timeout)),
                     fmt::format("Does a worker take jobs of type {}? Wait longer with "
                                 "--wait-timeout.",
                                 run.type));
            return exit_code::timed_out;
        case ending::interrupted:
            if (open > 0) view_.remark(format_count(open) + " jobs are still open.");
            if (run.wanted > 0 && (run.created < run.wanted || open > 0)) {
                return exit_code::interrupted;
            }
            break;
        case ending::none:
            break;
    }
    if (!options_.wait || run.completed == run.created) return exit_code::ok;
    return run.completed == 0 ? exit_code::failed : exit_code::partial;
}

}  // namespace sluice::cli
