// The pool over the embedded backend, as the server runs it.

#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "server/runtime/task_group.hpp"
#include "server/worker/worker_pool.hpp"
#include "tests/support/memory_store.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <map>

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class pool_on_backend_test : public ::testing::Test {
protected:
    asio::io_context context;
    logger log{log_level::error, logger::format::human, false};
    std::shared_ptr<test::memory_disk> disk = std::make_shared<test::memory_disk>();
    handler_registry handlers;
    std::unique_ptr<backend> store;
    std::unique_ptr<worker_pool> pool;
    std::vector<uuid> pushed;
    std::map<uuid, job_record> ended;
    bool stopped = false;
    std::optional<std::chrono::milliseconds> timeout;
    task_group tasks{context.get_executor(),
                     [](std::exception_ptr fault) { std::rethrow_exception(fault); }};

    void SetUp() override { add_builtin_handlers(handlers); }

    void start(std::size_t concurrency) {
        local_backend_options options;
        options.engine.handled_types = handlers.types();
        options.now = system_instant;
        options.on_store_failure = [](const std::string& why) { FAIL() << why; };
        options.seed = 1;
        store = make_local_backend(context.get_executor(),
                                   std::make_unique<test::memory_store>(disk), std::move(options));
        pool = std::make_unique<worker_pool>(context.get_executor(), *store, handlers,
                                             pool_config{.concurrency = concurrency, .queues = {}},
                                             log);
        pool->start();
    }

    bool run_until(const std::function<bool()>& done) {
        const auto limit = steady::now() + 20s;
        while (!done() && steady::now() < limit) {
            context.restart();
            context.run_one_for(10ms);
        }
        return done();
    }

    asio::awaitable<void> push(std::string type, raw_json args) {
        push_request request;
        request.jobs.emplace_back();
        request.jobs.back().type = std::move(type);
        request.jobs.back().args = std::move(args);
        request.jobs.back().timeout = timeout;
        request.jobs.back().retry.max_attempts = 1;
        const auto answer = co_await store->push(std::move(request));
        EXPECT_TRUE(answer) << answer.error().message;
        if (answer) pushed.push_back(answer->jobs.front().spec->id);
    }
    asio::awaitable<void> wait_for(uuid id) {
        auto answer = co_await store->wait(id, 15s, std::stop_token{});
        EXPECT_TRUE(answer);
        if (answer) ended[id] = std::move(*answer);
    }
    asio::awaitable<void> look_at(uuid id) {
        auto answer = co_await store->info(id);
        EXPECT_TRUE(answer);
        if (answer) ended[id] = std::move(*answer);
    }
    asio::awaitable<void> cancel(uuid id) {
        const auto answer = co_await store->cancel(id);
        EXPECT_TRUE(answer);
    }
    asio::awaitable<void> stop(std::chrono::milliseconds grace) {
        store->begin_drain();
        co_await pool->stop(grace);
        for (const uuid& id : pushed) co_await look_at(id);
        co_await store->shut_down();
        stopped = true;
    }

    /// Until `count` jobs have been pushed in all.
    void push_all(const std::string& type, const std::function<raw_json(int)>& args, int count) {
        const int before = static_cast<int>(pushed.size());
        for (int i = before; i < count; ++i) tasks.spawn(push(type, args(i)));
        ASSERT_TRUE(run_until([&] { return std::cmp_equal(pushed.size(), count); }));
    }
    void stop_and_wait(std::chrono::milliseconds grace) {
        tasks.spawn(stop(grace));
        ASSERT_TRUE(run_until([&] { return stopped; }));
    }
};

using PoolOnBackend = pool_on_backend_test;

TEST_F(PoolOnBackend, CompletesEveryJobInItsFirstAttempt) {
    start(16);
    push_all(
        "sluice.square", [](int i) { return "[" + std::to_string(i) + "]"; }, 500);
    for (const uuid& id : pushed) tasks.spawn(wait_for(id));
    ASSERT_TRUE(run_until([&] { return ended.size() == 500; }));
    for (const auto& [id, job] : ended) {
        EXPECT_EQ(job.state, job_state::completed);
        EXPECT_EQ(job.attempt, 1U);
        const auto number = std::stoull(job.spec->args.substr(1));
        EXPECT_EQ(job.result, std::to_string(number * number));
    }
    stop_and_wait(1s);
}

TEST_F(PoolOnBackend, StopGivesRunningJobsBackWithoutAnAttempt) {
    start(8);
    push_all(
        "sluice.sleep", [](int) { return "[3600000]"; }, 20);
    ASSERT_TRUE(run_until([&] { return store->health().jobs_granted == 8; }));
    stop_and_wait(20ms);
    for (const auto& [id, job] : ended) {
        EXPECT_EQ(job.state, job_state::available);
        EXPECT_EQ(job.attempt, 0U);
        EXPECT_EQ(job.interruptions, 0U);
    }
    EXPECT_EQ(ended.size(), 20U);
    EXPECT_TRUE(disk->closed());
}

TEST_F(PoolOnBackend, StopsTheHandlerOfACancelledJob) {
    start(1);
    push_all(
        "sluice.sleep", [](int) { return "[3600000]"; }, 1);
    ASSERT_TRUE(run_until([&] { return store->health().jobs_granted == 1; }));
    tasks.spawn(cancel(pushed.front()));
    push_all(
        "sluice.square", [](int) { return "[3]"; }, 2);  // the only worker must be free again
    tasks.spawn(wait_for(pushed.back()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[pushed.back()].state, job_state::completed);
    stop_and_wait(1s);
    EXPECT_EQ(ended[pushed.front()].state, job_state::cancelled);
}

TEST_F(PoolOnBackend, StopsTheHandlerOfAJobThatRanOutOfTime) {
    timeout = 100ms;
    start(1);
    push_all(
        "sluice.sleep", [](int) { return "[3600000]"; }, 1);
    push_all(
        "sluice.square", [](int) { return "[3]"; }, 2);
    tasks.spawn(wait_for(pushed.back()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    EXPECT_EQ(ended[pushed.back()].state, job_state::completed);
    stop_and_wait(1s);
    EXPECT_EQ(ended[pushed.front()].state, job_state::discarded);
}

TEST_F(PoolOnBackend, ReportsAFailureThatIsNotRetryable) {
    start(2);
    push_all(
        "sluice.fail", [](int) { return R"(["no", "broken", false])"; }, 1);
    tasks.spawn(wait_for(pushed.front()));
    ASSERT_TRUE(run_until([&] { return ended.size() == 1; }));
    const job_record& job = ended.begin()->second;
    EXPECT_EQ(job.state, job_state::discarded);
    ASSERT_EQ(job.failures.size(), 1U);
    EXPECT_EQ(job.failures[0].message, "no");
    EXPECT_EQ(job.failures[0].code, "broken");
    stop_and_wait(1s);
}

}  // namespace
}  // namespace sluice::worker
