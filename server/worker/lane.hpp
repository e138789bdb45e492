#pragma once

#include "server/observe/log.hpp"
#include "server/queue/backend.hpp"
#include "server/runtime/notifier.hpp"
#include "server/runtime/task_group.hpp"
#include "server/worker/active_run.hpp"
#include "server/worker/blocking_threads.hpp"
#include "server/worker/handler.hpp"
#include "server/worker/stall_watch.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/experimental/channel.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

namespace sluice::worker {

/// What the lanes of a pool share. Outlives them.
struct lane_services {
    run_services runs;
    const handler_registry& handlers;
    blocking_threads& threads;
    stall_watch* watch;  ///< null: nobody watches
    logger& log;
};

/// Logs what a coroutine of the pool throws.
task_group::fault_handler log_fault(logger& log);

/// A dispatcher, a bounded channel and `concurrency` worker coroutines that serve one queue, or all
/// queues without a lane of their own.
///
/// The dispatcher leases a job only when a worker is free for it; that is the channel's room. So no
/// job waits in the channel behind a long one while others could take it, and a lease begins when
/// its run begins.
class lane {
public:
    /// `queue` is a name, or "*".
    lane(lane_services& services, std::string queue, std::size_t concurrency);

    void start();

    /// Takes no more jobs. Those in the channel go back without spending an attempt; each worker
    /// ends when it has finished the job it runs.
    boost::asio::awaitable<void> drain();

    /// Asks all handlers to stop. What they leave undone goes back without spending an attempt.
    void interrupt();

    /// The job under this lease was cancelled or ran out of time: its handler is asked to stop.
    void lose(const lease_token& lease);

    /// After drain: completes when all workers have ended and their answers are durable; false when
    /// `deadline` passed first.
    boost::asio::awaitable<bool> join_until(std::chrono::steady_clock::time_point deadline);

    std::size_t busy() const { return leased_; }
    /// The jobs whose handlers have not returned.
    std::vector<std::shared_ptr<const job_spec>> running() const;

private:
    /// A null pointer is the end marker: it stops the worker that receives it. A waiting receive is
    /// never cancelled, for the channel would then refuse messages although it has room.
    using message = std::shared_ptr<active_run>;
    using channel = boost::asio::experimental::channel<void(boost::system::error_code, message)>;

    boost::asio::awaitable<void> dispatch();
    boost::asio::awaitable<void> work(stall_watch::mark& mark);
    boost::asio::awaitable<outcome> serve(message run, stall_watch::mark& mark);
    boost::asio::awaitable<outcome> run_handler(message run);
    boost::asio::awaitable<void> report(message run, outcome how);
    boost::asio::awaitable<void> answer(message run, outcome how);
    void complete(message run, completed how);
    boost::asio::awaitable<void> hand_in();
    fetch_request next_request() const;
    void send(message job);
    std::vector<message> alive() const;

    lane_services& services_;
    const std::string queue_;
    const std::size_t concurrency_;
    std::size_t leased_ = 0;  ///< jobs in the channel or with a worker
    bool draining_ = false;
    std::vector<stall_watch::mark> marks_;  ///< one for each worker
    /// By the number of their grant, which is unique in one process.
    std::unordered_map<std::uint64_t, active_run*> runs_;
    std::vector<ack_request> completed_;  ///< to be handed in together
    bool gathering_ = false;              ///< somebody will do that
    std::stop_source fetching_;
    notifier room_;
    channel channel_;
    task_group dispatcher_;
    task_group workers_;  ///< and the answers on their way
};

}  // namespace sluice::worker
