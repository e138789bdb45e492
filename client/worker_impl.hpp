#pragma once

#include "client/client_pool.hpp"
#include "client/heartbeater.hpp"
#include "client/task_group.hpp"
#include "client/wakeup.hpp"
#include "client/worker.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/thread_pool.hpp>

#include <map>
#include <optional>
#include <unordered_map>
#include <variant>

namespace sluice::client {

/// How a worker works. Its pieces:
///
/// * `poll` fetches with a long poll while there is room, `serve` runs one job after the other: the
///   answer for one asks for the next, and its room goes back only when none came.
/// * `watch_stop` reads the descriptor that stop() writes to, `time_out` ends a drain,
///   `cut_poll` a poll that does not end when asked.
/// * Room is what `poll` and the serving coroutines do not hold; so there are never more leases
/// than
///   `concurrency`.
class worker::impl {
public:
    impl(settings with, worker_options options);
    ~impl();
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    using any_handler = std::variant<handler, blocking_handler>;
    void add(std::string pattern, any_handler run);

    outcome<worker_totals> run();
    void quiet(bool on);
    void stop() noexcept;
    const std::string& id() const { return options_.id; }

private:
    /// A run that this worker answers for.
    struct active_run {
        std::shared_ptr<job_run> run;
        lease_name lease;
        bool lost = false;       ///< the server said so while the handler ran
        bool answering = false;  ///< the handler is done: the server's answer will tell
        bool reporting = false;  ///< a coroutine passes on what the handler says
        std::optional<job_outcome> outcome;
    };
    using run_ptr = std::shared_ptr<active_run>;
    /// How far the end has come.
    enum class phase { working, draining, stopping, over };

    // worker_control.cpp
    asio::awaitable<void> live();
    asio::awaitable<void> poll();
    asio::awaitable<void> watch_stop();
    asio::awaitable<void> time_out();
    asio::awaitable<void> cut_poll();
    void begin_drain();
    void skip_grace();
    void hear(const beat_verdict& said);
    bool may_fetch() const;
    bool exhausted() const;
    /// Room for up to `wanted` more jobs, no more than max_jobs leaves; counts as taken.
    std::size_t reserve(std::size_t wanted);
    fetch_order order_for(std::size_t count, std::string fetch_id) const;
    std::string next_fetch_id();
    void refuse(const failure& f);
    void tell_state();
    void note_trouble(const failure& f);
    void note_answer();

    // worker_runs.cpp
    asio::awaitable<void> serve(job_info job);
    run_ptr begin(job_info job);
    asio::awaitable<std::optional<job_info>> carry_out(run_ptr run);
    asio::awaitable<void> execute(run_ptr run);
    void settle(const run_ptr& run, std::exception_ptr broken, job_outcome how);
    /// Answers, until the server has said what became of it. The next job, if one came along.
    asio::awaitable<std::optional<job_info>> answer(run_ptr run);
    asio::awaitable<outcome<answer_info>> send_answer(run_ptr run, std::optional<fetch_order> next);
    asio::awaitable<bool> pass_on(run_ptr run);
    asio::awaitable<void> report(run_ptr run);
    void conclude(const run_ptr& run, const outcome<answer_info>& said);
    void count(const job_outcome& how);
    const any_handler* find(std::string_view type) const;

    const settings settings_;
    worker_options options_;
    std::map<std::string, any_handler, std::less<>> handlers_;
    int stop_fd_;  ///< an eventfd: how often stop() was called since it was read
    std::optional<failure> refused_;
    worker_totals totals_;

    asio::io_context io_{1};
    asio::posix::stream_descriptor stop_requests_;
    wakeup changed_;  ///< of room, phase, runs
    wakeup retry_;    ///< ends pauses between tries: the phase changed
    client fetcher_;
    client_pool pool_;
    std::unordered_map<std::string, run_ptr> runs_;  ///< by lease
    std::size_t room_;
    std::uint64_t taken_ = 0;
    const std::uint32_t session_;  ///< begins the names of our fetches, other for each worker
    std::uint64_t fetches_ = 0;
    phase phase_ = phase::working;
    bool quiet_ = false;     ///< somebody here wants it
    bool directed_ = false;  ///< the server wants it
    bool in_trouble_ = false;
    bool polling_ = false;
    task_group runs_group_;
    task_group helpers_;
    std::unique_ptr<heartbeater> heart_;
    std::optional<asio::thread_pool>
        threads_;  ///< for blocking handlers; gone first, for they post to io_
};

}  // namespace sluice::client
