#include "client/producer.hpp"
#include "client/task_group.hpp"
#include "tests/client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using test::script;
using test::scripted_server;

asio::awaitable<void> push_and_stop(producer& p, scripted_server& server,
                                    std::optional<outcome<job_info>>& stored) {
    new_job job;
    job.type = "t";
    stored = co_await p.push(std::move(job));
    server.stop();
}

/// What a push comes to when the server answers the first request like this and accepts the rest.
struct pushed {
    std::optional<outcome<job_info>> stored;
    std::size_t requests = 0;
    std::uint64_t refusals = 0;
};

pushed push_after(script first) {
    asio::io_context io;
    std::size_t seen = 0;
    scripted_server server{io.get_executor(), [&](auto&) {
                               if (++seen == 1) return first;
                               script s;
                               s.status = 201;
                               s.body = R"({"job":{"id":"a","state":"available"}})";
                               return s;
                           }};
    producer p{io.get_executor(), server.settings_for_client()};
    pushed result;
    asio::co_spawn(io, push_and_stop(p, server, result.stored), [](std::exception_ptr) {});
    io.run();
    result.requests = seen;
    result.refusals = p.refusals();
    return result;
}

script refusal(int status, std::string code, std::string outcome) {
    script s;
    s.status = status;
    s.body = R"({"error":{"code":")" + code + R"(","message":"m","retryable":true,"details":{)" +
             (outcome.empty() ? "" : R"("outcome":")" + outcome + "\"") + "}}}";
    return s;
}

TEST(Producer, PushesAgainWhenTheServerOnlySaysNotNow) {
    for (const auto& not_now :
         {refusal(503, "overloaded", "not_stored"), refusal(429, "QUEUE_FULL", "")}) {
        const auto result = push_after(not_now);
        ASSERT_TRUE(result.stored.has_value());
        EXPECT_TRUE(result.stored->has_value());
        EXPECT_EQ(result.requests, 2U);
        EXPECT_EQ(result.refusals, 1U);
    }
}

asio::awaitable<void> push_two_and_stop(producer& p, scripted_server& server,
                                        std::optional<outcome<std::vector<job_info>>>& stored) {
    std::vector<new_job> jobs(2);
    stored = co_await p.push_batch(std::move(jobs));
    server.stop();
}

TEST(Producer, PushesABatchAgainAsWell) {
    asio::io_context io;
    std::size_t seen = 0;
    scripted_server server{io.get_executor(), [&](auto&) {
                               if (++seen == 1) return refusal(503, "busy", "not_stored");
                               script s;
                               s.status = 201;
                               s.body = R"({"jobs":[{"id":"a"},{"id":"b"}]})";
                               return s;
                           }};
    producer p{io.get_executor(), server.settings_for_client()};
    std::optional<outcome<std::vector<job_info>>> stored;
    asio::co_spawn(io, push_two_and_stop(p, server, stored), [](std::exception_ptr) {});
    io.run();
    ASSERT_TRUE(stored && stored->has_value());
    EXPECT_EQ((*stored)->size(), 2U);
    EXPECT_EQ(seen, 2U);
    EXPECT_EQ(p.refusals(), 1U);
}

TEST(Producer, LeavesToTheCallerWhatMayHaveBeenStored) {
    for (const auto& unclear :
         {refusal(503, "store_failed", "unknown"), refusal(503, "shutting_down", "not_stored"),
          refusal(500, "internal", "unknown")}) {
        const auto result = push_after(unclear);
        ASSERT_TRUE(result.stored.has_value());
        EXPECT_TRUE(result.stored->has_error());
        EXPECT_EQ(result.requests, 1U);
    }
}

asio::awaitable<void> close_later(producer& p) {
    asio::steady_timer later{co_await asio::this_coro::executor, 20ms};
    co_await later.async_wait(nothrow_await);
    p.close();
}

TEST(Producer, StopsTryingWhenItIsClosed) {
    asio::io_context io;
    script never = refusal(503, "overloaded", "not_stored");
    never.fields = {{"Retry-After", "3600"}};
    scripted_server server{io.get_executor(), [&](auto&) { return never; }};
    producer p{io.get_executor(), server.settings_for_client()};
    std::optional<outcome<job_info>> stored;
    asio::co_spawn(io, push_and_stop(p, server, stored), [](std::exception_ptr) {});
    asio::co_spawn(io, close_later(p), [](std::exception_ptr) {});
    io.run();
    ASSERT_TRUE(stored.has_value());
    EXPECT_TRUE(stored->has_error());
}

asio::awaitable<void> count(int& done, bool fails) {
    asio::steady_timer soon{co_await asio::this_coro::executor, 1ms};
    co_await soon.async_wait(nothrow_await);
    ++done;
    if (fails) throw std::runtime_error("broken");
}

asio::awaitable<void> run_three(task_group& group, int& done, bool fails) {
    group.spawn(count(done, false));
    group.spawn(count(done, fails));
    group.spawn(count(done, false));
    co_await group.join();
    EXPECT_EQ(done, 3);
}

TEST(TaskGroup, JoinsWhenAllHaveEnded) {
    asio::io_context io;
    task_group group{io.get_executor()};
    int done = 0;
    bool joined = false;
    asio::co_spawn(io, run_three(group, done, false),
                   [&](std::exception_ptr problem) { joined = problem == nullptr; });
    io.run();
    EXPECT_TRUE(joined);
}

TEST(TaskGroup, HandsOnWhatBrokeOneOfThem) {
    asio::io_context io;
    task_group group{io.get_executor()};
    int done = 0;
    bool threw = false;
    asio::co_spawn(io, run_three(group, done, true),
                   [&](std::exception_ptr problem) { threw = problem != nullptr; });
    io.run();
    EXPECT_TRUE(threw);
    EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace sluice::client
