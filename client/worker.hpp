#pragma once

#include "client/asio.hpp"
#include "client/connection.hpp"
#include "client/job_run.hpp"
#include "client/work_messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::client {

/// Runs one job on the thread of `worker::run`: it must not block, or it holds up the worker's
/// other jobs (not the heartbeats). It may be a lambda with captures; the worker keeps it.
using handler = std::function<asio::awaitable<job_outcome>(std::shared_ptr<job_run> run)>;

/// Runs one job on a thread of its own, where it may block. To be stopped it must look at
/// `run.stop()`.
using blocking_handler = std::function<job_outcome(job_run& run)>;

/// How a run ended, and what the server made of it.
struct run_report {
    const job_info& job;
    const job_outcome& outcome;
    /// The server's answer. Empty: no answer counts, because the lease was lost (`problem` says
    /// why), or because there was none before the worker had to end (`problem` is the last one).
    std::optional<answer_info> answer;
    std::optional<failure> problem;
};

/// Called on the thread of `worker::run`; each may be empty. They must not throw.
struct worker_events {
    std::function<void(const job_info&)> started;
    std::function<void(const run_report&)> ended;
    /// The first of several failed calls in a row: the worker keeps trying.
    std::function<void(const failure&)> trouble;
    std::function<void()> recovered;
    /// `directive` is the server's wish: "quiet", "terminate", or "running" again.
    std::function<void(const std::string& directive)> directed;
};

struct worker_options {
    std::string id;                              ///< empty: host, process and a random number
    std::vector<std::string> queues{"default"};  ///< strict order
    std::size_t concurrency = 1;                 ///< jobs at one time; 1 to 1,000
    /// How long the server lets a lease live without a heartbeat. Short, for what a worker that
    /// died held comes back only then; heartbeats renew it for as long as a run takes.
    std::chrono::milliseconds visibility_timeout = std::chrono::seconds{60};
    /// A worker silent for so long is taken for dead. What the server says in its answer to the
    /// first heartbeat (`engine.worker_silence`) takes its place.
    std::chrono::milliseconds worker_silence = std::chrono::seconds{60};
    /// How long one fetch waits for a job; at most 60 s.
    std::chrono::milliseconds poll = std::chrono::seconds{20};
    /// After stop(): how long running handlers may go on before they are asked to stop, and how
    /// long they then have for it.
    std::chrono::milliseconds drain_grace = std::chrono::seconds{25};
    std::chrono::milliseconds stop_grace = std::chrono::seconds{5};
    std::uint64_t max_jobs = 0;  ///< stop after so many; 0: no end
    bool until_empty = false;    ///< stop when there is nothing to fetch and nothing runs
    worker_events events;
};

struct worker_totals {
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;      ///< failed, discarded and dead letters
    std::uint64_t returned = 0;    ///< snoozed or released: no attempt spent
    std::uint64_t lost = 0;        ///< the lease was lost: the answer did not count or was not sent
    std::uint64_t unanswered = 0;  ///< given up without the server's word; the lease lapses

    std::uint64_t all() const { return completed + failed + returned + lost + unanswered; }
};

/// Fetches jobs, runs a handler for each, and answers for it; up to `concurrency` at one time.
///
/// Threads. Fetches, answers, coroutine handlers and events are on the one thread that calls run().
/// Blocking handlers have threads of their own, heartbeats another one with its own connection: no
/// handler, not even one that blocks run()'s thread, delays a heartbeat.
///
/// Guarantees. A handler runs only while its lease is held as far as the server has said. Every
/// lease is renewed until its answer is accepted. An answer is sent under the lease, again and
/// again until the server has said what became of it or the worker must end, so a lost connection
/// or a restart of the server neither loses an answer nor counts it twice. A lease is lost when the
/// server says so, not when a clock does: then the handler is asked to stop and its answer is not
/// sent. While the server cannot be reached the worker waits (twice as long each time, up to 5 s,
/// with a random part) and keeps running what it has. What it cannot finish goes back without
/// spending an attempt; if the process dies, so do its leases after `worker_silence`.
/// Execution is at least once, as everywhere in Sluice: an interrupted run is run again.
///
/// A handler that throws has failed, with the exception's what(); but one that throws after it was
/// asked to stop was interrupted, and its job is released.
class worker {
public:
    worker(settings with, worker_options options);
    /// Waits for blocking handlers that have not returned, even when run() has given them up.
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    /// `pattern` is a job type, a prefix that ends in ".*" ("mail.*"), or "*". The exact type goes
    /// before a prefix, a longer prefix before a shorter one; a later handler of the same pattern
    /// takes the place of an earlier one. Before run() only.
    /// The server gives this worker jobs of these types alone.
    void add(std::string pattern, handler run);
    void add_blocking(std::string pattern, blocking_handler run);

    /// Works until it is stopped, the server says "terminate", or the options' end is reached; then
    /// answers what was done. Once only. Errors: the server refuses the worker (no or wrong token,
    /// a bad queue name); what ran is finished first.
    outcome<worker_totals> run();

    /// Fetches no more jobs; those that run go on. Any thread.
    void quiet();
    /// Fetches again. Any thread.
    void resume();

    /// Ends run(): no more jobs; those that run have `drain_grace` to end, are then asked to stop,
    /// and what is not answered `stop_grace` later is released. A second call skips the grace.
    /// Any thread, and safe in a signal handler. Before run(), run() ends at once.
    void stop() noexcept;

    const std::string& id() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace sluice::client
