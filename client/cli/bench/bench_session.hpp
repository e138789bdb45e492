#pragma once

#include "client/cli/bench/load_step.hpp"
#include "client/cli/bench/rate_plan.hpp"
#include "client/cli/bench/remote_workers.hpp"
#include "client/cli/context.hpp"

#include <boost/asio/signal_set.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli::bench {

/// All that a benchmark found out.
struct bench_report {
    bench_options options;
    std::string url;
    std::string server_version;
    std::string store;
    std::string queue;
    std::vector<step_result> steps;
    std::optional<double> best;  ///< the highest rate that met all objectives
    bool interrupted = false;

    /// Whether the objectives were met: by every rate that was asked for, or, in a search, by one.
    bool objectives_met() const;
};

/// One `sluice bench`: a queue of its own, a warm-up, one load after the other, and the queue is
/// purged. All on one executor but the follower and the remote workers; `run` is called once.
///
/// The first SIGINT or SIGTERM stops sending, waits up to 5 s for what is open, and leads to the
/// report of what was found out; the second ends everything at once.
class bench_session {
public:
    /// `begun` is called when the server has answered and before the first job.
    bench_session(asio::any_io_executor executor, const context& ctx, bench_options options,
                  std::function<void(const bench_report&)> begun);

    asio::awaitable<void> run();

    const bench_report& report() const { return report_; }
    bool worth_reporting() const { return !abandoned_ && !report_.steps.empty(); }
    /// Tells the person why it ended, unless that was the end of the work, and answers what the
    /// process exits with. Call after the report, so that it is read last.
    exit_code conclude() const;

private:
    asio::awaitable<bool> greet();
    asio::awaitable<void> run_plan();
    /// False when there is no point in going on.
    asio::awaitable<bool> run_step(std::optional<double> rate, nanoseconds duration, bool counts);
    asio::awaitable<void> purge(bool all);
    asio::awaitable<void> watch_signals();
    asio::awaitable<void> show_progress();
    void show(const load_step::progress& at) const;
    void clear_line() const;

    asio::any_io_executor executor_;
    const context& ctx_;
    std::function<void(const bench_report&)> begun_;
    bench_report report_;
    client::client control_;
    sender_pool senders_;
    std::unique_ptr<event_follower> follower_;
    std::unique_ptr<remote_workers> workers_;
    std::unique_ptr<rate_plan> plan_;
    std::unique_ptr<load_step> step_;  ///< that runs now
    nanoseconds step_time_{0};
    bool warming_up_ = false;
    asio::signal_set signals_;
    asio::steady_timer progress_;
    bool abandoned_ = false;
    bool over_ = false;
    bool left_behind_ = false;  ///< the queue could not be purged
    std::optional<client::failure> failure_;
    client::task_group helping_;
};

}  // namespace sluice::cli::bench
