#include "server/app/application.hpp"

#include "server/app/open_store.hpp"
#include "server/http/api.hpp"
#include "server/http/api/patience.hpp"
#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "server/runtime/nothrow_await.hpp"
#include "server/worker/handlers/exec/exec.hpp"
#include "server/worker/keep_log.hpp"

#include <boost/asio/steady_timer.hpp>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sysexits.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::app {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// How long connections may take to send what they owe once everything else has ended.
constexpr auto connections_grace = 3s;
/// How long the journal may take after that: the disk may be full.
constexpr auto journal_grace = 5s;
/// The same after a failed journal: the process must be gone within a second.
constexpr auto failure_grace = 500ms;

std::uint64_t random_seed() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
}

/// Without in-server workers their types are for remote ones.
bool has_workers(const worker::pool_config& workers) {
    return workers.concurrency > 0 || !workers.queues.empty();
}

std::string what_of(const std::exception_ptr& fault) {
    try {
        std::rethrow_exception(fault);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown exception";
    }
}

/// Of the machine, whatever share of it we may use. An unknown number is not few.
bool few_processors() {
    const auto number = std::thread::hardware_concurrency();
    return number == 1 || number == 2;
}

}  // namespace

application::application(config::config settings, logger& log)
    : settings_(std::move(settings)),
      log_(log),
      // The group runs what starts and ends the process. Without it nothing would.
      tasks_(context_.get_executor(), [this](const std::exception_ptr& fault) {
          log_.error("internal error", {{"what", std::string_view{what_of(fault)}}});
          std::_Exit(EX_SOFTWARE);
      }) {
    worker::handler_registry handlers;
    worker::add_builtin_handlers(handlers);
    add_commands(handlers);
    const auto executor = context_.get_executor();
    push_ = std::make_shared<worker::push::push_handler>(executor, settings_.push,
                                                         worker::push::make_system_lookup(executor),
                                                         [] { return system_instant().wall; });
    push_->add_to(handlers);
    std::function<std::optional<error>(const job_spec&)> check;
    if (has_workers(settings_.workers))
        check = [handlers](const job_spec& job) { return handlers.check(job); };
    else
        handlers = {};
    // Events are delivered whoever runs the jobs.
    std::make_shared<worker::push::webhook_handler>(push_, webhook_book(), [] {
        return system_instant().wall;
    })->add_to(handlers);
    auto& pools = settings_.workers.queues;
    pools.push_back({std::string(webhook_queue), settings_.webhooks.concurrency});
    backend_ = open_backend(handlers);
    workers_.emplace(context_.get_executor(), *backend_, std::move(handlers), settings_.workers,
                     log_, worker::keep_in(*backend_));
    add_routes(std::move(check));
    open_server();
}

void application::open_server() {
    if (io_parts_.empty()) {
        server_.emplace(context_, routes_, settings_.http, log_);
        return;
    }
    std::vector<http::server_part> parts;
    for (io_part& part : io_parts_) parts.push_back({part.thread.context(), part.routes});
    server_.emplace(context_, parts, settings_.http, log_);
}

void application::add_routes(std::function<std::optional<error>(const job_spec&)> check) {
    http::api_services services;
    services.queue = backend_.get();
    services.now = system_instant;
    services.draining = [this] { return draining_.load(); };
    services.started = std::chrono::steady_clock::now();
    services.version = SLUICE_VERSION;
    services.check_job = std::move(check);
    services.check_webhook_url = [this](std::string_view url) {
        return push_->check_webhook_url(url);
    };
    services.make_webhook_secret = worker::push::make_signing_secret;
    services.enable_reset = settings_.server.enable_reset;
    services.bodies =
        std::make_shared<http::waiting_bodies>(settings_.http.body_bytes_in_flight_max / 4);
    if (settings_.http.io_threads == 1) {
        http::add_api_routes(routes_, std::move(services));
        return;
    }
    for (std::size_t i = 0; i < settings_.http.io_threads; ++i) {
        io_part& part = io_parts_.emplace_back(
            fmt::format("io-{}", i + 1),
            [this](const std::exception_ptr& fault) { report_from_loop(fault); });
        part.bind(*backend_, inbox_, services);
    }
}

worker::push::webhook_book application::webhook_book() {
    worker::push::webhook_book book;
    book.find = [this](std::string id) { return backend_->webhook(std::move(id)); };
    book.disable = [this](std::string id, std::string url,
                          std::string why) -> asio::awaitable<void> {
        webhook_change change;
        change.active = false;
        change.disabled_reason = std::move(why);
        webhook_check check = [&url](const webhook_subscription& held) -> std::optional<error> {
            if (held.active && held.url == url) return std::nullopt;
            return error(errc::conflict);
        };
        const auto changed =
            co_await backend_->change_webhook(std::move(id), std::move(change), std::move(check));
        if (changed)
            log_.warning("a webhook was disabled",
                         {{"subscription", std::string_view{changed->id}},
                          {"reason", std::string_view{changed->disabled_reason}}});
    };
    return book;
}

void application::add_commands(worker::handler_registry& handlers) {
    const auto& exec = settings_.exec;
    worker::add_exec_handlers(handlers, context_.get_executor(), exec, log_);
    if (exec.commands.empty()) return;
    ::prctl(PR_SET_DUMPABLE, 0);  // a command of our account must not read our environment
    if (exec.insecure_no_auth && settings_.http.tokens.empty())
        log_.warning("anybody on this machine may run the commands of [[exec.commands]]");
    for (const auto& each : exec.commands) {
        if (!each.what.uid)
            log_.warning("a command runs under the account of the server; give it one of its own",
                         {{"command", std::string_view{each.name}}});
    }
}

std::unique_ptr<backend> application::open_backend(const worker::handler_registry& handlers) {
    auto engine = settings_.engine;
    const auto& workers = settings_.workers;
    engine.handled_types = handlers.types(workers.blocking_threads);
    for (const auto& pool : workers.queues) engine.pool_queues.push_back(pool.queue);
    return make_local_backend(
        context_.get_executor(), open_store(settings_.store, log_),
        {.engine = std::move(engine),
         .now = system_instant,
         .on_store_failure = [this](const std::string& reason) { on_store_failure(reason); },
         .on_slow_run = [this](const slow_run& run) { log_slow_run(run); },
         .seed = random_seed(),
         .loop = &loop_,
         .few_processors = settings_.http.io_threads == 1 && few_processors()});
}

void application::run() {
    const auto endpoint = server_->listen();  // first: when it throws, no coroutine has begun
    push_->own_port(endpoint.port());
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    tasks_.spawn(watch_signals());
    if (settings_.http.insecure_no_auth && settings_.http.tokens.empty() &&
        !config::is_loopback(settings_.http))
        tasks_.spawn(warn_about_missing_auth());
    workers_->start();
    // Before anything they use goes, also when one of them cannot be started.
    struct stop_at_exit {
        std::deque<io_part>& parts;
        ~stop_at_exit() {
            for (io_part& part : parts) part.thread.stop();
        }
    };
    const stop_at_exit guard{io_parts_};
    for (io_part& part : io_parts_) part.thread.start();
    announce(endpoint);
    loop_.run([this](const std::exception_ptr& fault) { report_from_loop(fault); });
}

/// One bad request must not end the process, wherever its exception comes out.
void application::report_from_loop(const std::exception_ptr& fault) {
    log_.error("exception in the event loop", {{"what", std::string_view{what_of(fault)}}});
}

void application::announce(const asio::ip::tcp::endpoint& endpoint) const {
    const auto address = endpoint.address();
    const auto host = address.to_string();
    const auto url = address.is_v6() ? fmt::format("http://[{}]:{}", host, endpoint.port())
                                     : fmt::format("http://{}:{}", host, endpoint.port());
    std::printf("sluiced %s listening on %s (data %s)\n", SLUICE_VERSION, url.c_str(),
                settings_.store.directory.c_str());
    std::fflush(stdout);
    log_.info("ready", {{"url", std::string_view{url}},
                        {"data", std::string_view{settings_.store.directory}}});
}

asio::awaitable<void> application::watch_signals() {
    const auto [ec, number] = co_await signals_.async_wait(nothrow_await);
    if (ec) co_return;
    log_.info("draining", {{"signal", std::int64_t{number}}});
    tasks_.spawn(drain());
    tasks_.spawn(limit_drain());
    const auto [second_ec, second] = co_await signals_.async_wait(nothrow_await);
    if (second_ec) co_return;
    log_.warning("second signal, leaving at once", {{"signal", std::int64_t{second}}});
    std::_Exit(128 + second);
}

asio::awaitable<void> application::warn_about_missing_auth() {
    asio::steady_timer timer{context_};
    for (;;) {
        log_.warning("anybody who reaches this port may use it: no token is configured",
                     {{"host", std::string_view{settings_.http.host}}});
        timer.expires_after(1min);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> application::drain() {
    draining_ = true;
    server_->begin_drain();
    backend_->begin_drain();
    const auto left = co_await workers_->stop(settings_.server.drain_grace);
    co_await server_->stop(connections_grace);
    co_await backend_->shut_down();
    if (journal_failed_) co_return;  // the exit code is not ours any more
    log_.info("drained");
    // A handler that does not stop may sit in a thread of ours for ever. Its job went back when the
    // backend shut down, all is durable, and there is nothing left that joining it could save.
    if (left > 0) std::_Exit(EX_OK);
    context_.stop();
}

/// A disk that stays full would hold up the end for ever. What is not on disk was acknowledged to
/// nobody.
asio::awaitable<void> application::limit_drain() {
    asio::steady_timer limit{context_};
    limit.expires_after(settings_.server.drain_grace + connections_grace + journal_grace);
    co_await limit.async_wait(asio::use_awaitable);
    const auto health = backend_->health();
    log_.error("not drained in time, leaving", {{"reason", std::string_view{health.reason}}});
    std::_Exit(EX_IOERR);
}

void application::log_slow_run(const slow_run& run) {
    const auto id = to_string(run.spec->id);
    const auto milliseconds = [](std::chrono::microseconds time) {
        return static_cast<double>(time.count()) / 1000;
    };
    log_.warning("a job was slow", {{"job_id", std::string_view{id}},
                                    {"type", std::string_view{run.spec->type}},
                                    {"queue", std::string_view{run.spec->queue}},
                                    {"worker_id", std::string_view{run.worker_id}},
                                    {"attempt", std::int64_t{run.attempt}},
                                    {"outcome", to_string(run.outcome)},
                                    {"enqueue_ms", milliseconds(run.enqueue)},
                                    {"waiting_ms", milliseconds(run.waiting)},
                                    {"running_ms", milliseconds(run.running)},
                                    {"total_ms", milliseconds(run.total)},
                                    {"left_out", static_cast<std::int64_t>(run.left_out)}});
}

void application::on_store_failure(const std::string& reason) {
    log_.error("the journal failed, leaving", {{"reason", std::string_view{reason}}});
    draining_ = true;
    journal_failed_ = true;
    server_->begin_drain();
    tasks_.spawn(leave_after_store_failure());
}

asio::awaitable<void> application::leave_after_store_failure() {
    co_await server_->stop(failure_grace);
    // Not by return: a thread may hang in the file that failed.
    std::_Exit(EX_IOERR);
}

}  // namespace sluice::app
