#include "client/heartbeater.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

namespace sluice::client {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr milliseconds interval_min{20};
/// Between beats while the server wants the worker quiet: soon it may want it back.
constexpr milliseconds directed_interval{1000};

/// An answer that comes later than the next beat would is of no use.
milliseconds patience_of_a_beat(milliseconds silence, milliseconds most) {
    return std::min(most, std::max<milliseconds>(silence / 3, 1s));
}

}  // namespace

heartbeater::heartbeater(settings with, std::string worker_id, milliseconds silence,
                         std::function<void(beat_verdict)> heard)
    : worker_id_(std::move(worker_id)),
      patience_max_(with.timeout),
      heard_(std::move(heard)),
      client_(io_.get_executor(), std::move(with)),
      timer_(io_),
      backoff_(100ms, 2s, std::random_device{}()),
      silence_(silence),
      thread_([this] {
          learn(silence_);
          asio::co_spawn(io_, beat(), [](std::exception_ptr broken) {
              if (broken) std::rethrow_exception(broken);
          });
          io_.run();
      }) {
    pthread_setname_np(thread_.native_handle(), "heartbeat");
}

heartbeater::~heartbeater() {
    asio::post(io_, [this] {
        ending_ = true;
        client_.close();
        timer_.cancel();
    });
    thread_.join();
}

void heartbeater::hold(lease_name lease, milliseconds length) {
    bool sooner = false;
    {
        const std::lock_guard lock(mutex_);
        held_.insert_or_assign(std::move(lease.lease), held_lease{std::move(lease.job_id), length});
        sooner = steady::now() + length / 3 < next_beat_;
    }
    if (sooner) wake();
}

void heartbeater::drop(const std::string& lease) {
    const std::lock_guard lock(mutex_);
    held_.erase(lease);
}

void heartbeater::say(std::string state) {
    {
        const std::lock_guard lock(mutex_);
        state_ = std::move(state);
        woken_ = true;
    }
    wake();
}

/// The timer is armed anew: for the new interval, or at once.
void heartbeater::wake() {
    asio::post(io_, [this] { timer_.cancel(); });
}

beat_order heartbeater::next_order() {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    beat_order order;
    order.worker_id = worker_id_;
    order.state = state_;
    order.leases.reserve(held_.size());
    for (const auto& [lease, held] : held_) order.leases.push_back({held.job_id, lease});
    return order;
}

milliseconds heartbeater::interval() {
    const std::lock_guard lock(mutex_);
    auto shortest = silence_;
    for (const auto& [lease, held] : held_) shortest = std::min(shortest, held.length);
    auto time = std::max(shortest / 3, interval_min);
    if (directed_) time = std::min(time, directed_interval);
    return time;
}

asio::awaitable<void> heartbeater::beat() {
    while (!ending_) {
        const auto begun = steady::now();
        beat_order order = next_order();
        auto said = co_await client_.heartbeat(order);
        if (ending_) co_return;
        if (said.has_value()) {
            backoff_.reset();
            conclude(order, *said);
        }
        const auto wait = said.has_error() ? std::optional{backoff_.next()} : std::nullopt;
        // A new lease may be shorter than those before, and a new state is news: look again then.
        for (;;) {
            const auto due = begun + (wait ? std::min(*wait, interval()) : interval());
            const auto now = steady::now();
            {
                const std::lock_guard lock(mutex_);
                next_beat_ = due;
                if (woken_ && !wait) break;
            }
            if (due <= now || ending_) break;
            timer_.expires_at(due);
            co_await timer_.async_wait(nothrow_await);
        }
    }
}

void heartbeater::learn(milliseconds silence) {
    silence_ = silence;
    client_.set_timeout(patience_of_a_beat(silence, patience_max_));
}

/// A lease that the server did not renew is lost. What became of the job says its state.
void heartbeater::conclude(const beat_order& order, const beat_info& said) {
    directed_ = said.directive != "running";
    if (said.worker_silence && *said.worker_silence != silence_) learn(*said.worker_silence);
    beat_verdict verdict;
    verdict.directive = said.directive;
    const auto count = std::min(order.leases.size(), said.jobs.size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto& job = said.jobs[i];
        if (job.problem.empty() || job.job_id != order.leases[i].job_id) continue;
        verdict.lost.push_back({order.leases[i].lease, job.state});
    }
    {
        const std::lock_guard lock(mutex_);
        for (const auto& each : verdict.lost) held_.erase(each.lease);
    }
    heard_(std::move(verdict));
}

}  // namespace sluice::client
