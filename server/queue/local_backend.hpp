#pragma once

#include "server/observe/slow_runs.hpp"
#include "server/queue/backend.hpp"
#include "server/queue/engine_config.hpp"
#include "server/queue/job_store.hpp"
#include "server/runtime/relay_loop.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace sluice {

struct local_backend_options {
    engine_config engine;
    /// Reads both clocks; tests pass their own.
    std::function<instant()> now;
    /// Called once on the executor when the journal has failed. The owner must end the process with
    /// status 74 within a second; no further answer but store_failed is given.
    std::function<void(const std::string& reason)> on_store_failure;
    /// Called on the executor for each run that took long (engine_config::slow_waiting and
    /// slow_running), once it has ended. Must not call back. Empty: nobody is told.
    std::function<void(const slow_run& run)> on_slow_run;
    /// When retention is looked at first; then every minute.
    std::chrono::steady_clock::duration first_purge = std::chrono::seconds{60};
    std::uint64_t seed = 0;  ///< for ids, nonces and jitter
    /// Runs the executor. Small commits are then done in place while hardly anybody waits, which
    /// spares the wake-ups of the commit thread. Null: every commit is on that thread.
    relay_loop* loop = nullptr;
    /// The threads of the server share one or two processors, maybe with those who ask it. Small
    /// commits are then done in place for many, too, when all of them wait.
    bool few_processors = false;
};

/// The embedded backend: the deterministic engine, a commit thread and a reader thread over
/// `store`.
///
/// Restores the live jobs before it returns. Throws store_error. All calls on `executor`, which one
/// thread runs.
std::unique_ptr<backend> make_local_backend(boost::asio::any_io_executor executor,
                                            std::unique_ptr<job_store> store,
                                            local_backend_options options);

}  // namespace sluice
