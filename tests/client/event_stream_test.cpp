#include "client/event_stream.hpp"

#include "tests/client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using test::request;
using test::script;
using test::scripted_server;

constexpr auto head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr auto last_chunk = "0\r\n\r\n";

std::string chunk(std::string_view text) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + std::string{text} + "\r\n";
}

std::string event(std::string_view id, std::string_view queue) {
    return "id: " + std::string{id} + "\nevent: job.started\ndata: {\"type\":\"job.started\"," +
           "\"time\":\"2026-01-01T00:00:01Z\",\"data\":{\"queue\":\"" + std::string{queue} +
           "\",\"worker_id\":\"w\",\"state\":\"active\"}}\n\n";
}

script stream(std::string body, bool lingers = false) {
    script s;
    s.raw = head + std::move(body);
    s.lingers = lingers;
    return s;
}

/// What a stream told until it failed, and how.
struct told {
    std::string news;
    std::optional<failure> end;
};

asio::awaitable<void> listen(event_stream& events, told& to) {
    to.end = co_await events.open();
    while (!to.end) {
        auto news = co_await events.next();
        if (news.has_error()) {
            to.end = news.error();
            break;
        }
        for (const auto& each : *news) to.news += each.gap ? "gap " : each.event.queue + " ";
    }
}

asio::awaitable<void> listen_times(event_stream& events, scripted_server& server, told& to,
                                   int times) {
    for (int i = 0; i < times; ++i) co_await listen(events, to);
    server.stop();
}

told run(scripted_server::behaviour act, std::vector<request>& requests, int times = 1) {
    asio::io_context io;
    scripted_server server{io.get_executor(), std::move(act)};
    event_stream events{
        io.get_executor(),
        server.settings_for_client(),
        {.types = {"job.started", "job.failed"}, .queues = {"mail"}},
    };
    told to;
    asio::co_spawn(io, listen_times(events, server, to, times), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    io.run();
    requests = server.requests;
    return to;
}

TEST(EventStream, TellsEventsAndGapsAcrossChunks) {
    const std::string body = ": open\n\n" + event("evt_1", "a") +
                             "event: gap\ndata: {\"after\":\"evt_1\"}\n\n" + event("evt_2", "b");
    std::string chunks;
    for (std::size_t at = 0; at < body.size(); at += 7) chunks += chunk(body.substr(at, 7));
    std::vector<request> requests;
    const auto r = run([&](auto&) { return stream(chunks + last_chunk); }, requests);
    EXPECT_EQ(r.news, "a gap b ");
    ASSERT_TRUE(r.end);
    EXPECT_EQ(r.end->kind, failure_kind::lost);
    EXPECT_NE(r.end->message.find("has ended the stream"), std::string::npos) << r.end->message;
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].target(),
              "/ojs/v1/events/stream?types=job.started,job.failed&queues=mail");
    EXPECT_EQ(requests[0]["Accept"], "text/event-stream");
    EXPECT_EQ(requests[0].count("Last-Event-ID"), 0U);
}

TEST(EventStream, GoesOnBehindTheLastWholeEventWhenItsConnectionBroke) {
    std::vector<request> requests;
    const auto r = run(
        [](const request& asked) {
            if (asked.count("Last-Event-ID") > 0) return stream(chunk(event("evt_2", "b")));
            return stream(chunk(event("evt_1", "a")) + chunk("id: evt_2\ndata: {"));
        },
        requests, 2);
    EXPECT_EQ(r.news, "a b ");
    EXPECT_EQ(r.end->kind, failure_kind::lost);
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests[1]["Last-Event-ID"], "evt_1");
}

TEST(EventStream, SaysWhyTheServerRefuses) {
    std::vector<request> requests;
    const auto r = run(
        [](auto&) {
            script s;
            s.status = 503;
            s.body = R"({"error":{"code":"overloaded","message":"too many streams are open",)"
                     R"("retryable":true}})";
            return s;
        },
        requests);
    ASSERT_TRUE(r.end);
    EXPECT_EQ(r.end->kind, failure_kind::refused);
    EXPECT_EQ(r.end->status, 503);
    EXPECT_EQ(r.end->message, "too many streams are open");
    EXPECT_TRUE(may_come_back(*r.end));
}

asio::awaitable<void> close_when_heard(event_stream& events, told& to, scripted_server& server) {
    asio::steady_timer look{co_await asio::this_coro::executor};
    while (to.news.empty()) {
        look.expires_after(1ms);
        co_await look.async_wait(nothrow_await);
    }
    events.close();
    server.stop();
}

TEST(EventStream, IsClosedWhileItWaits) {
    asio::io_context io;
    scripted_server server{io.get_executor(),
                           [](auto&) { return stream(chunk(event("evt_1", "a")), true); }};
    event_stream events{io.get_executor(), server.settings_for_client(), {}};
    told to;
    const auto rethrow = [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    };
    asio::co_spawn(io, listen(events, to), rethrow);
    asio::co_spawn(io, close_when_heard(events, to, server), rethrow);
    io.run();
    EXPECT_EQ(to.news, "a ");
    ASSERT_TRUE(to.end);
    EXPECT_EQ(to.end->kind, failure_kind::closed);
}

TEST(EventStream, SaysThatNobodyIsThere) {
    asio::io_context io;
    settings with;
    with.url.host = "127.0.0.1";
    with.url.port = std::to_string(test::unused_port());
    event_stream events{io.get_executor(), with, {}};
    told to;
    asio::co_spawn(io, listen(events, to), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    io.run();
    ASSERT_TRUE(to.end);
    EXPECT_EQ(to.end->kind, failure_kind::unreachable);
}

}  // namespace
}  // namespace sluice::client
