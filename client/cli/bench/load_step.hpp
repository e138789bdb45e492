#pragma once

#include "client/cli/bench/bench_options.hpp"
#include "client/cli/bench/event_follower.hpp"
#include "client/cli/bench/step_result.hpp"
#include "client/producer.hpp"
#include "client/task_group.hpp"
#include "client/wakeup.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli::bench {

/// The connections that send, kept from step to step; more are opened as they are needed.
using sender_pool = std::vector<std::unique_ptr<client::producer>>;

/// What is sent, and for how long.
struct load {
    std::optional<double> rate;  ///< jobs a second; absent: closed loop
    nanoseconds duration{0};
    std::string queue;
};

/// One load on the server. Open loop: each request has a time at which it is to be sent, and its
/// latency counts from there, whether or not a connection was free. Closed loop: each connection
/// sends when its last answer has come, and counts from there.
///
/// All on one executor; `run` is called once.
class load_step {
public:
    /// All that is referred to must outlive the step.
    load_step(asio::any_io_executor executor, client::settings server, const bench_options& options,
              load what, sender_pool& senders, event_follower& follower);

    /// Returns when all jobs are done, or `options.drain` has passed since the last was sent.
    asio::awaitable<void> run();

    /// No more jobs are sent; those that are open have `grace` to end.
    void stop(nanoseconds grace);
    /// Ends it as fast as that goes.
    void abandon();

    /// Valid when `run` has returned.
    step_result& result() { return result_; }
    /// Why it makes no sense to go on, if it does not.
    const std::optional<client::failure>& failure() const { return failure_; }

    struct progress {
        nanoseconds passed{0};
        std::uint64_t created = 0;
        std::uint64_t finished = 0;
        std::uint64_t errors = 0;
    };
    progress so_far() const;

private:
    using steady = std::chrono::steady_clock;

    asio::awaitable<void> send_open();
    asio::awaitable<bool> await_sender();
    asio::awaitable<void> send_closed(std::size_t sender);
    asio::awaitable<void> push_and_free(std::size_t sender, nanoseconds intended);
    asio::awaitable<void> push(std::size_t sender, nanoseconds intended);
    asio::awaitable<void> await_open_jobs();
    void pushed(std::vector<client::job_info> jobs, nanoseconds intended);
    void push_failed(const client::failure& why);
    void count_unsent(send_schedule& schedule, std::optional<send_schedule::slot> first);
    void add_sender();
    std::uint64_t refusals() const;
    bool sending() const { return !stopped_ && steady::now() < give_up_sending_; }
    nanoseconds passed() const { return steady::now() - start_; }

    asio::any_io_executor executor_;
    client::settings server_;
    const bench_options& options_;
    load load_;
    sender_pool& senders_;
    event_follower& follower_;

    client::new_job job_;  ///< they are all alike
    step_result result_;
    std::vector<std::size_t> free_;  ///< senders with nothing to do; the last was busy last
    asio::steady_timer pacer_;
    client::wakeup changed_;  ///< a sender is free, or it is to end
    steady::time_point start_;
    steady::time_point ready_;  ///< when the last wait for a free sender ended
    steady::time_point give_up_sending_;
    steady::time_point last_success_;
    nanoseconds grace_;
    bool stopped_ = false;
    bool abandoned_ = false;
    std::optional<client::failure> failure_;
    client::task_group sending_;
};

}  // namespace sluice::cli::bench
