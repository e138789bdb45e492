#pragma once

#include "server/observe/log.hpp"
#include "server/queue/backend.hpp"
#include "server/runtime/notifier.hpp"
#include "server/runtime/task_group.hpp"
#include "server/worker/active_run.hpp"
#include "server/worker/handler.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::worker {

/// A dispatcher, a bounded channel and `concurrency` worker coroutines that serve one queue, or all
/// queues without a lane of their own.
///
/// The dispatcher leases a job only when a worker is free for it; that is the channel's room. So no
/// job waits in the channel behind a long one while others could take it, and a lease begins when
/// its run begins.
class lane {
public:
    /// `queue` is a name, or "*". All on `executor`; references must outlive the lane.
    lane(boost::asio::any_io_executor executor, backend& store, const handler_registry& handlers,
         boost::asio::thread_pool& threads, std::string queue, std::size_t concurrency,
         logger& log);

    void start();

    /// Takes no more jobs. Those in the channel go back without spending an attempt; each worker
    /// ends when it has finished the job it runs.
    boost::asio::awaitable<void> drain();

    /// Asks all handlers to stop. What they leave undone goes back without spending an attempt.
    void interrupt();

    /// After drain: completes when all workers have ended; false when `deadline` passed first.
    boost::asio::awaitable<bool> join_until(std::chrono::steady_clock::time_point deadline);

    std::size_t busy() const { return leased_; }

private:
    /// What one worker runs.
    struct run_slot {
        std::shared_ptr<active_run> run;  ///< null: none
        bool seen = false;                ///< by the watch, in its latest round
    };

    /// A null pointer is the end marker: it stops the worker that receives it. A waiting receive is
    /// never cancelled, for the channel would then refuse messages although it has room.
    using message = std::shared_ptr<active_run>;
    using channel = boost::asio::experimental::channel<void(boost::system::error_code, message)>;

    boost::asio::awaitable<void> dispatch();
    boost::asio::awaitable<void> watch();
    boost::asio::awaitable<void> work(run_slot& mine);
    boost::asio::awaitable<outcome> run_handler(message run);
    boost::asio::awaitable<void> report(message run, outcome how);
    fetch_request next_request() const;
    void send(message job);

    backend& store_;
    const handler_registry& handlers_;
    boost::asio::thread_pool& threads_;
    logger& log_;
    const std::string queue_;
    const std::size_t concurrency_;
    std::size_t leased_ = 0;  ///< jobs in the channel or with a worker
    bool draining_ = false;
    std::vector<run_slot> slots_;
    std::stop_source fetching_;
    notifier room_;
    notifier work_begins_;  ///< the first job after a time without any
    notifier drain_begins_;
    channel channel_;
    task_group dispatcher_;  ///< and the watch
    task_group workers_;
};

}  // namespace sluice::worker
