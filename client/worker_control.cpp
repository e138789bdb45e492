#include "client/worker_impl.hpp"

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <random>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto pause_first = 100ms;
constexpr auto pause_longest = 5s;
/// How long a poll that was asked to end may take to do so.
constexpr auto hurry_patience = 2s;

/// Whether the same request may go well later. What a server refuses for good, it refuses again.
bool may_pass(const failure& f) {
    if (f.kind != failure_kind::refused) return true;
    return f.status >= 500 || f.status == 408 || f.status == 429 || f.retryable;
}

}  // namespace

outcome<worker_totals> worker::impl::run() {
    const auto blocks = [](const auto& each) {
        return std::holds_alternative<blocking_handler>(each.second);
    };
    if (std::any_of(handlers_.begin(), handlers_.end(), blocks))
        threads_.emplace(options_.concurrency);
    // A beat whose answer comes later than the next one is due would be of no use.
    settings patience = settings_;
    patience.timeout = std::min<std::chrono::milliseconds>(
        patience.timeout,
        std::max<std::chrono::milliseconds>(options_.visibility_timeout / 3, 500ms));
    heart_ = std::make_unique<heartbeater>(
        std::move(patience), options_.id, options_.worker_silence, [this](beat_verdict said) {
            asio::post(io_, [this, said = std::move(said)] { hear(said); });
        });
    asio::co_spawn(io_, live(), [this](std::exception_ptr broken) {
        io_.stop();
        if (broken) std::rethrow_exception(broken);
    });
    io_.run();
    heart_.reset();
    if (refused_) return *refused_;
    return totals_;
}

asio::awaitable<void> worker::impl::live() {
    helpers_.spawn(watch_stop());
    helpers_.spawn(poll());
    while (phase_ == phase::working) co_await changed_.wait();
    helpers_.spawn(time_out());
    helpers_.spawn(cut_poll());
    while (polling_) co_await changed_.wait();
    std::exception_ptr broken;
    try {
        co_await runs_group_.join();
    } catch (...) {
        broken = std::current_exception();
    }
    phase_ = phase::over;
    changed_.notify_all();
    retry_.notify_all();
    boost::system::error_code ignored;
    stop_requests_.cancel(ignored);
    co_await helpers_.join();
    if (broken) std::rethrow_exception(broken);
}

void worker::impl::quiet(bool on) {
    asio::post(io_, [this, on] {
        quiet_ = on;
        tell_state();
        if (on && polling_) fetcher_.hurry();
        changed_.notify_all();
    });
}

void worker::impl::tell_state() {
    const bool leaving = phase_ != phase::working;
    heart_->say(leaving ? "terminate" : quiet_ ? "quiet" : "running");
}

asio::awaitable<void> worker::impl::watch_stop() {
    while (phase_ != phase::over) {
        std::uint64_t times = 0;
        auto [ec, read] = co_await stop_requests_.async_read_some(
            asio::buffer(&times, sizeof times), nothrow_await);
        if (ec || phase_ == phase::over) co_return;
        if (phase_ == phase::working) {
            begin_drain();
            --times;
        }
        if (times > 0) skip_grace();
    }
}

void worker::impl::begin_drain() {
    if (phase_ != phase::working) return;
    phase_ = phase::draining;
    tell_state();
    if (polling_) fetcher_.hurry();
    changed_.notify_all();
}

void worker::impl::skip_grace() {
    if (phase_ == phase::draining) phase_ = phase::stopping;
    changed_.notify_all();
}

/// The stages of an end. Each is left early when all runs have ended.
asio::awaitable<void> worker::impl::time_out() {
    const auto grace_over = steady::now() + options_.drain_grace;
    bool more = true;
    while (phase_ == phase::draining && more) more = co_await changed_.wait_until(grace_over);
    if (phase_ == phase::over) co_return;
    phase_ = phase::stopping;
    for (const auto& [lease, run] : runs_) run->run->request_stop(stop_reason::shutdown);
    const auto stop_over = steady::now() + options_.stop_grace;
    more = true;
    while (phase_ == phase::stopping && more) more = co_await changed_.wait_until(stop_over);
    if (phase_ == phase::over) co_return;
    // Handlers that have not returned are given up, and their jobs given back; answers that nobody
    // takes get one more try.
    for (const auto& [lease, run] : runs_) {
        if (!run->outcome) run->outcome = released{};
    }
    changed_.notify_all();
    retry_.notify_all();
    const auto last = steady::now() + hurry_patience;
    more = true;
    while (phase_ == phase::stopping && more) more = co_await changed_.wait_until(last);
    if (phase_ == phase::over) co_return;
    phase_ = phase::over;
    pool_.close();
    changed_.notify_all();
    retry_.notify_all();
}

asio::awaitable<void> worker::impl::cut_poll() {
    const auto until = steady::now() + hurry_patience;
    bool more = true;
    while (polling_ && more) more = co_await changed_.wait_until(until);
    fetcher_.close();
}

void worker::impl::hear(const beat_verdict& said) {
    for (const auto& each : said.lost) {
        const auto found = runs_.find(each.lease);
        // A run that is being answered hears it from the answer, which may have come first.
        if (found == runs_.end() || found->second->answering) continue;
        found->second->lost = true;
        found->second->run->request_stop(each.state == "cancelled" ? stop_reason::cancelled
                                                                   : stop_reason::lease_lost);
    }
    const bool wanted = said.directive != "running";
    if (wanted != directed_ && options_.events.directed) options_.events.directed(said.directive);
    directed_ = wanted;
    if (said.directive == "terminate") begin_drain();
    changed_.notify_all();
}

bool worker::impl::exhausted() const {
    return options_.max_jobs > 0 && taken_ >= options_.max_jobs;
}

bool worker::impl::may_fetch() const {
    return phase_ == phase::working && !quiet_ && !directed_ && !exhausted();
}

std::size_t worker::impl::reserve(std::size_t wanted) {
    if (options_.max_jobs > 0) wanted = std::min<std::uint64_t>(wanted, options_.max_jobs - taken_);
    taken_ += wanted;
    return wanted;
}

std::string worker::impl::next_fetch_id() {
    return fmt::format("{:08x}-{}", session_, ++fetches_);
}

fetch_order worker::impl::order_for(std::size_t count, std::string fetch_id) const {
    fetch_order order;
    order.worker_id = options_.id;
    order.queues = options_.queues;
    for (const auto& [pattern, run] : handlers_) order.types.push_back(pattern);
    order.count = count;
    order.fetch_id = std::move(fetch_id);
    order.visibility_timeout = options_.visibility_timeout;
    return order;
}

asio::awaitable<void> worker::impl::poll() {
    backoff pause{pause_first, pause_longest, std::random_device{}()};
    polling_ = true;
    std::string fetch_id;  // kept while the answer to a fetch may be lost
    while (phase_ == phase::working) {
        if (exhausted() && runs_.empty()) begin_drain();
        if (!may_fetch() || room_ == 0) {
            if (phase_ != phase::working) break;
            co_await changed_.wait();
            continue;
        }
        const auto count = reserve(room_);
        if (fetch_id.empty()) fetch_id = next_fetch_id();
        auto order = order_for(count, fetch_id);
        if (!options_.until_empty) order.wait = options_.poll;
        const auto begun = steady::now();
        auto fetched = co_await fetcher_.fetch(std::move(order));
        const auto came = fetched.has_value() ? fetched->jobs.size() : 0;
        taken_ = taken_ - count + came;  // a fetch asked again may bring more than this one wanted
        if (fetched.has_value()) {
            fetch_id.clear();
            note_answer();
            room_ -= std::min(room_, came);
            for (auto& job : fetched->jobs) runs_group_.spawn(serve(std::move(job)));
        } else if (!may_pass(fetched.error())) {
            refuse(fetched.error());
        } else if (phase_ == phase::working && fetched.error().kind != failure_kind::closed) {
            note_trouble(fetched.error());
        }
        if (came > 0) {
            pause.reset();
            continue;
        }
        if (fetched.has_value() && options_.until_empty) {
            if (runs_.empty()) begin_drain();
            if (phase_ == phase::working) co_await changed_.wait();
            continue;
        }
        // An answer that did not wait says as little as none: a server that drains gives such.
        const bool waited = fetched.has_value() && steady::now() - begun >= options_.poll / 2;
        if (waited) {
            pause.reset();
        } else if (may_fetch()) {
            auto time = pause.next();
            if (fetched.has_error())
                time = std::max(time, fetched.error().retry_after.value_or(0ms));
            const auto until = steady::now() + time;
            bool notified = true;
            while (may_fetch() && notified) notified = co_await changed_.wait_until(until);
        }
    }
    polling_ = false;
    changed_.notify_all();
}

void worker::impl::refuse(const failure& f) {
    if (!refused_) refused_ = f;
    begin_drain();
}

void worker::impl::note_trouble(const failure& f) {
    if (std::exchange(in_trouble_, true)) return;
    if (options_.events.trouble) options_.events.trouble(f);
}

void worker::impl::note_answer() {
    if (!std::exchange(in_trouble_, false)) return;
    if (options_.events.recovered) options_.events.recovered();
}

}  // namespace sluice::client
