#pragma once

#include "client/asio.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <list>

namespace sluice::client {

/// Lets coroutines on one executor wait until another one says that something changed. A wake-up
/// carries no data and nothing is remembered: look, wait if there is nothing to do, look again.
/// Every call on the executor, which one thread runs. Must outlive its waiters.
class wakeup {
public:
    using clock = std::chrono::steady_clock;

    explicit wakeup(asio::any_io_executor executor);
    wakeup(const wakeup&) = delete;
    wakeup& operator=(const wakeup&) = delete;

    /// Until notified.
    asio::awaitable<void> wait();
    /// True when notified, false when `deadline` came first.
    asio::awaitable<bool> wait_until(clock::time_point deadline);

    void notify_all();

private:
    /// Deadline and event at once; the flag decides what ended the wait, not the timer's error.
    struct waiter {
        asio::steady_timer timer;
        bool notified = false;
    };
    struct place;

    asio::any_io_executor executor_;
    std::list<waiter*> waiters_;  ///< each lives in the frame of the coroutine that waits
};

}  // namespace sluice::client
