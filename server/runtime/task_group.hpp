#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>

namespace sluice {

/// Owns coroutines. Make it the last member of its class, so that it is destroyed first.
///
/// The group never cancels a task: cancelling across co_spawn has known faults in this Asio. To
/// stop tasks, tell them by their own timer, socket or end marker, then `join`. All calls on
/// `executor`, which one thread runs and on which the tasks run.
class task_group {
public:
    using fault_handler = std::function<void(std::exception_ptr)>;

    /// `on_fault` gets what a task throws, on the executor; the other tasks carry on.
    task_group(boost::asio::any_io_executor executor, fault_handler on_fault);

    /// The tasks must have ended, or their context must never run again.
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts a task; its first instruction runs after the caller has returned to the executor.
    void spawn(boost::asio::awaitable<void> task);

    /// The same on another executor, whose tasks run on the same thread.
    void spawn(const boost::asio::any_io_executor& where, boost::asio::awaitable<void> task);

    /// Completes when no task is left, those included that are spawned meanwhile. A task must not
    /// join its own group.
    boost::asio::awaitable<void> join();

    /// The same, but gives up at `deadline`: false when a task was still left then.
    boost::asio::awaitable<bool> join_until(std::chrono::steady_clock::time_point deadline);

    std::size_t size() const;

private:
    struct state;
    std::shared_ptr<state> state_;  // shared with the tasks' completion handlers
};

}  // namespace sluice
