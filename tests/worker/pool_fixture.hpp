#pragma once

#include "server/runtime/nothrow_await.hpp"
#include "server/runtime/task_group.hpp"
#include "server/worker/worker_pool.hpp"
#include "tests/worker/job_source.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <functional>
#include <stdexcept>

namespace sluice::worker {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

inline asio::awaitable<outcome> throw_always(std::shared_ptr<job_run>) {
    co_await asio::post(asio::use_awaitable);
    throw std::runtime_error("out of paper");
}

/// A pool over a job source, on the thread of the test.
class pool_fixture : public ::testing::Test {
protected:
    asio::io_context context;
    logger log{log_level::error, logger::format::human, false};
    job_source source{context.get_executor()};
    handler_registry handlers;
    pool_config config;
    std::unique_ptr<worker_pool> pool;
    log_sink keep_log;
    std::size_t runs = 0;
    bool stopped = false;
    std::size_t left = 0;  ///< handlers that did not stop
    asio::steady_timer gate{context, steady::time_point::max()};
    task_group tasks{context.get_executor(),
                     [](std::exception_ptr fault) { std::rethrow_exception(fault); }};

    void SetUp() override {
        add_builtin_handlers(handlers);
        handlers.add("test.throw", throw_always);
        handlers.add("test.gate", [this](const std::shared_ptr<job_run>&) { return pass_gate(); });
        handlers.add("test.count", [this](const std::shared_ptr<job_run>&) { return count(); });
    }

    void start() {
        pool = std::make_unique<worker_pool>(context.get_executor(), source, handlers, config, log,
                                             keep_log);
        pool->start();
        context.poll();
    }
    void spawn_stop(std::chrono::milliseconds grace) { tasks.spawn(stop(grace)); }

    /// False when `done` is still false after ten seconds.
    bool run_until(const std::function<bool()>& done) {
        const auto limit = steady::now() + 10s;
        while (!done() && steady::now() < limit) {
            context.restart();
            context.run_one_for(10ms);
        }
        return done();
    }

    asio::awaitable<outcome> pass_gate() {
        ++runs;
        co_await gate.async_wait(nothrow_await);
        co_return completed{"1"};
    }
    asio::awaitable<outcome> count() {
        ++runs;
        co_return completed{"1"};
    }
    asio::awaitable<void> stop(std::chrono::milliseconds grace) {
        source.begin_drain();
        left = co_await pool->stop(grace);
        stopped = true;
    }
    static asio::awaitable<void> drain_and_stop(job_source& from, worker_pool& workers,
                                                bool& ended) {
        from.begin_drain();
        co_await workers.stop(10s);
        ended = true;
    }
};

}  // namespace sluice::worker
