#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstdint>

namespace sluice {

enum class wake_reason : std::uint8_t { timed_out, notified };

/// Lets coroutines on one executor wait until another one says that something changed.
///
/// A wake-up carries no data and nothing is remembered for later: look at the state, wait if there
/// is nothing to do, and look again. Nothing else runs between the look and the start of the wait,
/// so no wake-up is missed. Every call on `executor`, which one thread runs. Must outlive its
/// waiters, save those whose context will never run again.
///
/// Each waiter is one timer that is deadline and event at once. What ended a wait is decided by the
/// reason stored with it, never by the timer's error code: a timer that has fired already cannot be
/// cancelled, and a wake-up that arrives then would be lost.
class notifier {
public:
    explicit notifier(boost::asio::any_io_executor executor);
    notifier(const notifier&) = delete;
    notifier& operator=(const notifier&) = delete;

    /// Until notified.
    boost::asio::awaitable<void> wait();

    boost::asio::awaitable<wake_reason> wait_until(std::chrono::steady_clock::time_point deadline);
    boost::asio::awaitable<wake_reason> wait_for(std::chrono::steady_clock::duration time);

    /// Wakes the one that has waited longest. False when nobody waits.
    bool notify_one();
    void notify_all();

    bool has_waiters() const { return !waiters_.empty(); }

private:
    using hook = boost::intrusive::list_base_hook<
        boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
    struct waiter : hook {
        waiter(const boost::asio::any_io_executor& executor,
               std::chrono::steady_clock::time_point deadline)
            : timer(executor, deadline) {}

        boost::asio::steady_timer timer;
        wake_reason reason = wake_reason::timed_out;
    };

    boost::asio::any_io_executor executor_;
    /// Each lives in the frame of the coroutine that waits.
    boost::intrusive::list<waiter, boost::intrusive::constant_time_size<false>> waiters_;
};

}  // namespace sluice
