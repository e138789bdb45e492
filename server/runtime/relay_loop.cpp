#include "server/runtime/relay_loop.hpp"

#include <pthread.h>

#include <thread>

namespace sluice {
namespace {

constexpr std::int64_t taken = -1;
constexpr int quiet_ticks_max = 100;

std::int64_t steady_ns() {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1};
}

}  // namespace

relay_loop::relay_loop(boost::asio::io_context& context, std::chrono::milliseconds patience)
    : context_(context), patience_(patience) {}

void relay_loop::run(std::function<void(std::exception_ptr)> on_fault) {
    on_fault_ = std::move(on_fault);
    std::thread relief([this] {
        pthread_setname_np(pthread_self(), "relief");
        take_part(false);
    });
    take_part(true);
    relief.join();
}

void relay_loop::take_part(bool has_turn) {
    while (has_turn || wait_for_turn()) {
        has_turn = true;
        try {
            context_.run();
            finish();
            return;
        } catch (const turn_lost&) {
            has_turn = false;
            blocked_since_ = 0;
        } catch (...) {
            on_fault_(std::current_exception());
        }
    }
}

void relay_loop::finish() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
}

std::int64_t relay_loop::begin_block() {
    const auto since = steady_ns();
    blocked_since_ = since;
    blocks_.fetch_add(1, std::memory_order_relaxed);
    // Sequentially consistent, as is the other side in wait_for_turn: either we see that nobody
    // watches, or the one who was about to rest sees that we block.
    if (!watched_.load()) {
        const std::lock_guard lock(mutex_);
        watched_ = true;
        changed_.notify_one();
    }
    return since;
}

bool relay_loop::keep_turn(std::int64_t since) {
    return blocked_since_.compare_exchange_strong(since, 0);
}

/// False when the context has ended.
bool relay_loop::wait_for_turn() {
    std::unique_lock lock(mutex_);
    int quiet_ticks = 0;
    std::uint64_t seen = 0;
    while (!over_) {
        if (!watched_) {
            changed_.wait(lock, [this] { return over_ || watched_; });
            quiet_ticks = 0;
            continue;
        }
        changed_.wait_for(lock, patience_, [this] { return over_; });
        if (take_turn()) return true;
        const auto blocks = blocks_.load(std::memory_order_relaxed);
        quiet_ticks = std::exchange(seen, blocks) == blocks ? quiet_ticks + 1 : 0;
        if (quiet_ticks < quiet_ticks_max) continue;
        watched_ = false;
        if (blocked_since_.load() != 0) watched_ = true;
    }
    return false;
}

bool relay_loop::take_turn() {
    auto since = blocked_since_.load();
    if (since == 0 || since == taken) return false;
    if (steady_ns() - since < std::chrono::nanoseconds{patience_}.count()) return false;
    return blocked_since_.compare_exchange_strong(since, taken);
}

}  // namespace sluice
