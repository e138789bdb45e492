#pragma once

#include "client/asio.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <exception>

namespace sluice::client {

/// Owns coroutines that run side by side on one executor. `join` must have returned before it is
/// destroyed, unless the execution context is gone by then. What the coroutines refer to must
/// outlive them; to stop them is their owner's matter.
class task_group {
public:
    explicit task_group(asio::any_io_executor executor);
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    void spawn(asio::awaitable<void> task);

    /// Returns when all have ended; throws the first exception that left one of them. One caller at
    /// a time.
    asio::awaitable<void> join();

private:
    asio::any_io_executor executor_;
    asio::steady_timer idle_;
    std::size_t running_ = 0;
    std::exception_ptr broken_;
};

}  // namespace sluice::client
