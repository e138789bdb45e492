#pragma once

#include "server/app/io_part.hpp"
#include "server/config/config.hpp"
#include "server/http/router.hpp"
#include "server/http/server.hpp"
#include "server/observe/log.hpp"
#include "server/observe/slow_runs.hpp"
#include "server/queue/backend.hpp"
#include "server/runtime/inbox.hpp"
#include "server/runtime/relay_loop.hpp"
#include "server/runtime/task_group.hpp"
#include "server/worker/handlers/http/push_handler.hpp"
#include "server/worker/handlers/http/webhook_handler.hpp"
#include "server/worker/worker_pool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::app {

/// The composition root: store → backend → in-server workers → routes → HTTP server, all on one
/// context that one thread runs; with `http.io_threads` above 1 the connections and their routes
/// are on as many others.
///
/// The first SIGTERM or SIGINT drains: readiness fails, nothing more is granted, long polls return,
/// running handlers get their grace, what is unfinished goes back, the journal is closed. A second
/// one ends the process at once; so does a drain that takes too long, with 74. When the journal
/// fails the process ends with 74 within a second.
class application {
public:
    /// Opens the store and restores its jobs. Throws store_error.
    application(config::config settings, logger& log);
    application(const application&) = delete;
    application& operator=(const application&) = delete;

    /// Serves until it has drained. Throws boost::system::system_error when it cannot listen.
    void run();

private:
    std::unique_ptr<backend> open_backend(const worker::handler_registry& handlers);
    void add_commands(worker::handler_registry& handlers);
    worker::push::webhook_book webhook_book();
    void add_routes(std::function<std::optional<error>(const job_spec&)> check);
    void open_server();
    void announce(const boost::asio::ip::tcp::endpoint& endpoint) const;

    boost::asio::awaitable<void> watch_signals();
    boost::asio::awaitable<void> warn_about_missing_auth();
    boost::asio::awaitable<void> drain();
    boost::asio::awaitable<void> limit_drain();
    boost::asio::awaitable<void> leave_after_store_failure();
    void report_from_loop(const std::exception_ptr& fault);
    void log_slow_run(const slow_run& run);
    void on_store_failure(const std::string& reason);

    config::config settings_;
    logger& log_;
    /// Empty: connections are on `context_`. Before that: what is left there when all ends may hold
    /// coroutines of these.
    std::deque<io_part> io_parts_;
    boost::asio::io_context context_{2};  // the hint that relay_loop needs
    relay_loop loop_{context_};
    boost::asio::signal_set signals_{context_};
    inbox inbox_{context_.get_executor()};
    std::unique_ptr<backend> backend_;
    std::shared_ptr<worker::push::push_handler> push_;
    std::optional<worker::worker_pool> workers_;
    http::router routes_;
    std::optional<http::server> server_;
    std::atomic<bool> draining_ = false;  ///< read on every thread that owns connections
    bool journal_failed_ = false;
    task_group tasks_;
};

}  // namespace sluice::app
