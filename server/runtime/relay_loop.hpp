#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <utility>

namespace sluice {

/// Runs an io_context on one thread at a time and lets a handler block there without holding the
/// others up for long.
///
/// A call that is nearly always short, such as a sync of a fast disk, costs less where it is needed
/// than on another thread, which has to be woken and has to wake us (docs/decisions/0016).
/// But a disk may stall. So there are two threads: one has the turn and runs the context; when it
/// has been blocked for `patience`, the other one takes the turn over, and the first leaves the
/// context as soon as its call returns and stands by in its place. Never do two run handlers at
/// once, except for that one blocked call.
///
/// The thread that stands by sleeps while nothing blocks: it looks at the clock only in the 100
/// ticks after a blocking call.
class relay_loop {
public:
    /// Needs a context with a concurrency hint of 2 or more: with 1, work posted by the thread that
    /// lost the turn would not wake the one that has it.
    explicit relay_loop(boost::asio::io_context& context,
                        std::chrono::milliseconds patience = std::chrono::milliseconds{5});
    relay_loop(const relay_loop&) = delete;
    relay_loop& operator=(const relay_loop&) = delete;

    /// Runs the context until it is stopped or out of work, on the calling thread and a second one.
    /// What a handler throws goes to `on_fault`, on the thread that has the turn, and the context
    /// is run on.
    void run(std::function<void(std::exception_ptr)> on_fault);

    /// False while a blocked call waits without the turn: nobody could take over from a second one.
    bool can_block() const { return blocked_since_.load() == 0; }

    /// Calls `work`, which may block and must touch nothing that other handlers use, then `then`
    /// with its result: at once when the turn was kept, as a handler of its own otherwise. Call
    /// from a plain handler, not from a coroutine, as its last statement, and only if
    /// `can_block()`.
    template <class Work, class Then>
    void block(Work work, Then then) {
        const auto since = begin_block();
        // What these throw ends the process: both threads would have the turn.
        auto result = [&work]() noexcept { return work(); }();
        if (keep_turn(since)) {
            then(std::move(result));
            return;
        }
        [&]() noexcept {
            boost::asio::post(context_,
                              [then = std::move(then), result = std::move(result)]() mutable {
                                  then(std::move(result));
                              });
        }();
        throw turn_lost{};
    }

private:
    /// Takes a thread out of io_context::run; nobody else sees it.
    struct turn_lost {};

    std::int64_t begin_block();
    bool keep_turn(std::int64_t since);
    void take_part(bool has_turn);
    bool wait_for_turn();
    bool take_turn();
    void finish();

    boost::asio::io_context& context_;
    const std::chrono::milliseconds patience_;
    std::function<void(std::exception_ptr)> on_fault_;

    /// Steady clock in ns; 0: nothing blocks; -1: it was taken over from and still blocks.
    std::atomic<std::int64_t> blocked_since_{0};
    std::atomic<std::uint64_t> blocks_{0};
    std::atomic<bool> watched_{false};  ///< the thread that stands by looks at the clock

    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
};

}  // namespace sluice
