#include "client/client.hpp"
#include "tests/client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <gtest/gtest.h>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using test::script;
using test::scripted_server;

constexpr auto one_job = R"({"job":{"id":"a","state":"available"}})";

script answer(int status, std::string body) {
    script s;
    s.status = status;
    s.body = std::move(body);
    return s;
}

/// Runs one coroutine beside the server and stops the server when it has ended.
template <class Work>
void run_with(asio::io_context& io, scripted_server& server, Work work) {
    std::exception_ptr broken;
    asio::co_spawn(io, work(), [&](std::exception_ptr problem) {
        broken = problem;
        server.stop();
    });
    io.run();
    if (broken) std::rethrow_exception(broken);
}

asio::awaitable<void> get_twice(client& c) {
    auto first = co_await c.get("a");
    EXPECT_TRUE(first.has_value());
    auto second = co_await c.get("a");
    EXPECT_TRUE(second.has_value());
}

TEST(Connection, IsKeptBetweenCalls) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) { return answer(200, one_job); }};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return get_twice(c); });
    EXPECT_EQ(server.connections, 1U);
    EXPECT_EQ(server.requests.size(), 2U);
}

TEST(Connection, IsOpenedAnewAfterTheServerSaidItWillClose) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) {
                               script s = answer(200, one_job);
                               s.fields = {{"Connection", "close"}};
                               return s;
                           }};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return get_twice(c); });
    EXPECT_EQ(server.connections, 2U);
}

asio::awaitable<void> push_pause_push(client& c) {
    new_job job;
    job.type = "t";
    auto first = co_await c.push(job);
    EXPECT_TRUE(first.has_value());
    asio::steady_timer until_the_close_arrives{co_await asio::this_coro::executor, 50ms};
    co_await until_the_close_arrives.async_wait(nothrow_await);
    auto second = co_await c.push(job);
    EXPECT_TRUE(second.has_value()) << second.error().message;
}

TEST(Connection, NoticesASilentCloseBeforeItSendsAPush) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) {
                               script s = answer(201, one_job);
                               s.closes = true;
                               return s;
                           }};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return push_pause_push(c); });
    EXPECT_EQ(server.connections, 2U);
    EXPECT_EQ(server.requests.size(), 2U);
}

/// Answers the first request and cuts the connection on the second, once.
scripted_server::behaviour cut_the_second(std::size_t& seen) {
    return [&seen](auto&) {
        script s = answer(200, one_job);
        s.answers = ++seen != 2;
        return s;
    };
}

TEST(Connection, RepeatsAReadThatAKeptConnectionLost) {
    asio::io_context io;
    std::size_t seen = 0;
    scripted_server server{io.get_executor(), cut_the_second(seen)};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return get_twice(c); });
    EXPECT_EQ(seen, 3U);
}

asio::awaitable<void> push_twice(client& c, std::string key, bool expected) {
    new_job job;
    job.type = "t";
    auto first = co_await c.push(job, key);
    EXPECT_TRUE(first.has_value());
    auto second = co_await c.push(job, key);
    EXPECT_EQ(second.has_value(), expected);
    if (second.has_error()) {
        EXPECT_EQ(second.error().kind, failure_kind::lost);
    }
}

TEST(Connection, NeverRepeatsAPushOnItsOwn) {
    asio::io_context io;
    std::size_t seen = 0;
    scripted_server server{io.get_executor(), cut_the_second(seen)};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return push_twice(c, "", false); });
    EXPECT_EQ(seen, 2U);
}

TEST(Connection, RepeatsAPushThatCarriesAnIdempotencyKey) {
    asio::io_context io;
    std::size_t seen = 0;
    scripted_server server{io.get_executor(), cut_the_second(seen)};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return push_twice(c, "k1", true); });
    ASSERT_EQ(server.requests.size(), 3U);
    EXPECT_EQ(server.requests[1]["Idempotency-Key"], "k1");
    EXPECT_EQ(server.requests[1].body(), server.requests[2].body());
}

asio::awaitable<void> expect_failure(client& c, failure_kind kind) {
    auto job = co_await c.get("a");
    EXPECT_TRUE(job.has_error());
    if (job.has_error()) {
        EXPECT_EQ(job.error().kind, kind) << job.error().message;
        EXPECT_FALSE(job.error().message.empty());
    }
}

TEST(Connection, SaysWhenNobodyListens) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) { return answer(200, one_job); }};
    settings with = server.settings_for_client();
    with.url.port = std::to_string(test::unused_port());
    client c{io.get_executor(), with};
    run_with(io, server, [&] { return expect_failure(c, failure_kind::unreachable); });
    EXPECT_EQ(server.connections, 0U);
}

TEST(Connection, SaysWhenTheNameIsUnknown) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) { return answer(200, one_job); }};
    settings with = server.settings_for_client();
    with.url.host = "no-such-host.invalid";
    client c{io.get_executor(), with};
    run_with(io, server, [&] { return expect_failure(c, failure_kind::unreachable); });
}

TEST(Connection, GivesUpAfterItsTimeout) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) {
                               script s;
                               s.hangs = true;
                               return s;
                           }};
    settings with = server.settings_for_client();
    with.timeout = 50ms;
    client c{io.get_executor(), with};
    run_with(io, server, [&] { return expect_failure(c, failure_kind::timed_out); });
}

TEST(Connection, SaysWhenTheAnswerIsNoHttp) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) {
                               script s;
                               s.raw = "SSH-2.0-OpenSSH_9.2\r\n\r\n";
                               return s;
                           }};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return expect_failure(c, failure_kind::bad_answer); });
}

TEST(Connection, SaysWhenTheBodyIsNoJob) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) { return answer(200, "<html>"); }};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return expect_failure(c, failure_kind::bad_answer); });
}

asio::awaitable<void> close_soon(client& c) {
    asio::steady_timer soon{co_await asio::this_coro::executor, 20ms};
    co_await soon.async_wait(nothrow_await);
    c.close();
}

TEST(Connection, EndsACallUnderWayWhenItIsClosed) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) {
                               script s;
                               s.hangs = true;
                               return s;
                           }};
    client c{io.get_executor(), server.settings_for_client()};
    asio::co_spawn(io, close_soon(c), [](std::exception_ptr) {});
    run_with(io, server, [&] { return expect_failure(c, failure_kind::closed); });
}

asio::awaitable<void> ask_for_everything(client& c) {
    job_filter filter;
    filter.state = "active";
    filter.queue = "a b";
    filter.after = "17";
    auto jobs = co_await c.list(filter);
    event_filter events;
    events.types = {"job.started", "job.completed"};
    events.queues = {"q"};
    events.after = 5;
    events.wait = 20s;
    events.limit = 1000;
    auto page = co_await c.events(events);
    auto waited = co_await c.wait("x/../y", 7s);
    auto deleted = co_await c.delete_dead_letter("d");
    EXPECT_TRUE(deleted.has_value());
}

TEST(Client, AsksAsTheApiWantsToBeAsked) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](auto&) { return answer(200, one_job); }};
    settings with = server.settings_for_client();
    with.token = "secret";
    with.url.prefix = "/behind";
    client c{io.get_executor(), with};
    run_with(io, server, [&] { return ask_for_everything(c); });
    ASSERT_EQ(server.requests.size(), 4U);
    EXPECT_EQ(server.requests[0].target(),
              "/behind/ojs/v1/jobs?state=active&queue=a%20b&limit=50&cursor=17");
    EXPECT_EQ(server.requests[0]["Authorization"], "Bearer secret");
    EXPECT_EQ(server.requests[0]["Host"], with.url.host_field());
    EXPECT_EQ(server.requests[1].target(),
              "/behind/ojs/v1/events?types=job.started%2Cjob.completed&queues=q&after=5"
              "&wait_ms=20000&limit=1000");
    EXPECT_EQ(server.requests[2].target(), "/behind/ojs/v1/jobs/x%2F..%2Fy");
    EXPECT_EQ(server.requests[2]["Prefer"], "wait=7");
    EXPECT_EQ(server.requests[3].method_string(), "DELETE");
}

asio::awaitable<void> expect_unwell(client& c) {
    auto health = co_await c.health();
    EXPECT_TRUE(health.has_value());
    EXPECT_FALSE(health.has_value() && health->ready);
    auto ready = co_await c.ready();
    EXPECT_TRUE(ready.has_value());
    EXPECT_FALSE(ready.has_value() && ready->ready);
}

TEST(Client, TakesAnUnwellServerAsAnAnswer) {
    asio::io_context io;
    scripted_server server{io.get_executor(),
                           [](auto&) { return answer(503, R"({"status":"unhealthy"})"); }};
    client c{io.get_executor(), server.settings_for_client()};
    run_with(io, server, [&] { return expect_unwell(c); });
}

asio::awaitable<void> list_queues(client& c, std::size_t& count) {
    auto queues = co_await c.queues();
    EXPECT_TRUE(queues.has_value());
    if (queues.has_value()) count = queues->size();
}

TEST(Client, ListsQueuesBeyondTheFirstPage) {
    asio::io_context io;
    scripted_server server{io.get_executor(), [](const auto& asked) {
                               const bool first = asked.target() == "/ojs/v1/queues";
                               std::string body = R"({"queues":[{"name":"q"})";
                               for (int i = 1; first && i < 1000; ++i) body += R"(,{"name":"q"})";
                               return answer(200, body + "]}");
                           }};
    client c{io.get_executor(), server.settings_for_client()};
    std::size_t count = 0;
    run_with(io, server, [&] { return list_queues(c, count); });
    EXPECT_EQ(count, 1001U);
    ASSERT_EQ(server.requests.size(), 2U);
    EXPECT_EQ(server.requests[1].target(), "/ojs/v1/queues?offset=1000");
}

}  // namespace
}  // namespace sluice::client
