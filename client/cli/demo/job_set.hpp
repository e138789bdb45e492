#pragma once

#include "client/cli/context.hpp"
#include "client/cli/text.hpp"
#include "client/client.hpp"
#include "client/task_group.hpp"

#include <boost/asio/signal_set.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

/// A job of a lesson and what became of it. Times count from the start of the set.
struct set_job {
    client::new_job what;
    std::string name;      ///< what people read
    nanoseconds pause{0};  ///< that it takes, where that is known

    std::string id;  ///< empty: not stored
    nanoseconds created_at{0};
    std::optional<nanoseconds> ended_at;
    client::job_info job;                    ///< as it ended
    std::optional<client::failure> refused;  ///< at the door
    bool cancelled = false;                  ///< by us

    bool good() const { return job.state == "completed"; }
    /// The server's word for its state; "refused", "not submitted", or "unknown" where we left.
    std::string state() const;
    /// The text of its result: a JSON string without its quotes, else the JSON itself.
    std::string result_text() const;
    /// Why it is not good.
    std::string problem() const;
    /// Class of its failure, such as "http.timed_out"; empty without one.
    std::string problem_type() const;
};

struct set_events {
    std::function<void(std::size_t index, const set_job&)> created;
    std::function<void(std::size_t index, const set_job&)> ended;  ///< refused ones too
    std::function<void()> interrupted;
};

/// What is left of a set when it is over.
struct set_outcome {
    std::vector<set_job> jobs;       ///< as they were submitted
    std::vector<std::size_t> order;  ///< as they ended, refused ones too
    bool interrupted = false;
    std::optional<client::failure> broken;  ///< the server could not be reached, or denies us
    nanoseconds elapsed{0};

    std::size_t good() const;
    nanoseconds sum_of_pauses() const;
    /// Complains about `broken`; else it is `interrupted`, or by how the jobs went.
    exit_code conclude(const context& ctx) const;
};

/// Submits jobs in order and waits for each on a connection of its own. SIGINT and SIGTERM cancel
/// what is left on the server; the second one leaves at once.
class job_set {
public:
    static constexpr std::size_t jobs_max = 200;  ///< a server takes so many connections from us

    job_set(asio::any_io_executor executor, const context& ctx, std::vector<set_job> jobs,
            set_events events);

    /// Once. Returns when all jobs have ended, or nothing can be done any more.
    asio::awaitable<void> run();
    set_outcome take() { return std::move(outcome_); }

private:
    using steady = std::chrono::steady_clock;

    asio::awaitable<void> submit(std::size_t index);
    asio::awaitable<void> follow(std::size_t index);
    asio::awaitable<void> watch_signals();
    asio::awaitable<void> cancel_what_is_left();
    asio::awaitable<void> cancel(client::client& with, std::size_t index);
    void end(std::size_t index);
    void break_off(const client::failure& why);
    void leave();  ///< ends all calls, also later ones
    nanoseconds passed() const { return steady::now() - start_; }

    asio::any_io_executor executor_;
    const context& ctx_;
    set_events events_;
    set_outcome outcome_;
    steady::time_point start_ = steady::now();
    client::client submitter_;
    client::client canceller_;
    std::vector<std::unique_ptr<client::client>> followers_;
    asio::signal_set signals_;
    bool over_ = false;
    client::task_group following_;
    client::task_group helping_;
};

/// Runs a set to its end on an io_context of its own.
set_outcome run_set(const context& ctx, std::vector<set_job> jobs, set_events events);

}  // namespace sluice::cli
