#pragma once

#include "client/cli/context.hpp"
#include "client/cli/job_tracker.hpp"
#include "client/cli/live_view.hpp"
#include "client/cli/produce_options.hpp"
#include "client/producer.hpp"
#include "client/task_group.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cli {

/// One run of `sluice produce` over HTTP: producers that create jobs, one follower that hears how
/// they fare, one narrator that shows it, and the two signals. All on one executor; `run` is called
/// once.
///
/// The first SIGINT or SIGTERM stops creation and waits up to 5 s for what is open; the second ends
/// everything at once.
class produce_run {
public:
    /// `ctx`, `view` and `begun` must outlive the run. `begun` is called when the server has
    /// answered and before the first job, with what is known of the run by then.
    produce_run(asio::any_io_executor executor, const context& ctx, produce_options options,
                live_view& view, std::function<void(const run_report&)> begun);

    /// Returns when all is over and the view has ended.
    asio::awaitable<void> run();

    /// What was found out, complete or not.
    const run_report& report() const { return tracker_.report(); }
    /// False when the second signal came, or nothing was created: there is nothing to report.
    bool worth_reporting() const;

    /// Tells the person why it ended, unless that was the end of the work, and answers what the
    /// process exits with. Call after the report, so that it is read last.
    exit_code conclude() const;

private:
    enum class ending : std::uint8_t { none, interrupted, abandoned, failed, gave_up };
    using steady = std::chrono::steady_clock;

    asio::awaitable<bool> greet();
    asio::awaitable<void> produce(std::size_t number);
    asio::awaitable<void> produce_at_rate();
    asio::awaitable<void> push_and_free(std::size_t number, send_schedule::slot slot);
    asio::awaitable<void> push_one(std::size_t number, send_schedule::slot slot);
    asio::awaitable<void> follow();
    asio::awaitable<void> look_up_all(std::vector<std::string> ids);
    asio::awaitable<void> look_up_some(std::shared_ptr<std::vector<std::string>> ids);
    asio::awaitable<void> narrate();
    asio::awaitable<void> watch_signals();
    asio::awaitable<void> show_progress();
    asio::awaitable<void> await_outstanding();

    void add_producer();
    void tell(job_tracker::notices told);
    void show(nanoseconds at, const job_tracker::notice& n);
    void end_with(ending reason, std::optional<client::failure> because = {});
    void stop_helpers();
    nanoseconds passed() const { return steady::now() - start_; }

    asio::any_io_executor executor_;
    const context& ctx_;
    produce_options options_;
    live_view& view_;
    std::function<void(const run_report&)> begun_;

    work_plan plan_;
    send_schedule schedule_;
    job_tracker tracker_;
    client::client control_;   ///< greeting, then results for the view
    client::client listener_;  ///< events
    std::vector<std::unique_ptr<client::producer>> producers_;
    std::vector<std::unique_ptr<asio::steady_timer>> pacers_;
    std::vector<std::size_t> free_;  ///< producers with nothing to do; the last was busy last
    std::deque<std::pair<nanoseconds, job_tracker::notice>> untold_;
    asio::steady_timer freed_;     ///< wakes produce_at_rate
    asio::steady_timer news_;      ///< wakes narrate
    asio::steady_timer changed_;   ///< wakes await_outstanding
    asio::steady_timer progress_;  ///< wakes show_progress
    asio::signal_set signals_;

    steady::time_point start_;
    steady::time_point last_progress_;
    steady::time_point stopped_at_;
    std::uint64_t last_event_ = 0;
    ending ending_ = ending::none;
    bool over_ = false;  ///< helpers shall end
    std::optional<client::failure> failure_;
    client::task_group creating_;
    client::task_group helping_;
};

}  // namespace sluice::cli
