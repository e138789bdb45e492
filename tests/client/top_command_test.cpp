#include "client/cli/top/top_command.hpp"

#include "client/cli/top/top_run.hpp"
#include "tests/client/command_runner.hpp"
#include "tests/client/scripted_server.hpp"

#include <unistd.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <sstream>
#include <thread>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using client::test::request;
using client::test::script;
using client::test::scripted_server;

constexpr auto head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nid: evt_1\n\n";
constexpr auto listing =
    R"({"queues":[{"name":"mail","paused":true,"available":2,"active":1,"scheduled":3},)"
    R"({"name":"bulk"}]})";
constexpr auto enqueued =
    "id: evt_2\nevent: job.enqueued\ndata: {\"type\":\"job.enqueued\",\"time\":"
    "\"2026-01-01T00:00:01Z\",\"data\":{\"job_id\":\"a\",\"queue\":\"mail\",\"state\":"
    "\"available\"}}\n\n";
constexpr auto gap = "event: gap\ndata: {\"after\":\"evt_1\"}\n\n";
constexpr auto overloaded =
    R"({"error":{"code":"overloaded","message":"Too many streams.","retryable":true}})";
constexpr auto denied = R"({"error":{"code":"forbidden","message":"Needs the scope read."}})";

script stream(std::string events, bool lingers = true) {
    script s;
    s.raw = head + std::move(events);
    s.lingers = lingers;
    return s;
}

script answer(int status, std::string body) {
    script s;
    s.status = status;
    s.body = std::move(body);
    return s;
}

bool is_stream(const request& asked) {
    return asked.target().starts_with("/ojs/v1/events/stream");
}

/// What Ctrl-C is to the command.
void interrupt() {
    ::kill(::getpid(), SIGINT);
}

struct top_outcome {
    exit_code code = exit_code::failed;
    std::string data;
    std::string said;
    std::vector<std::string> targets;
    std::vector<nlohmann::json> lines() const {
        std::vector<nlohmann::json> all;
        std::istringstream in{data};
        for (std::string line; std::getline(in, line);) all.push_back(nlohmann::json::parse(line));
        return all;
    }
    bool told(std::string_view part) const { return said.find(part) != std::string::npos; }
};

/// Runs the command against a server of its own, in a thread of its own.
top_outcome run_top(scripted_server::behaviour act, top_settings settings, output_format format) {
    asio::io_context io{1};
    auto work = asio::make_work_guard(io);
    scripted_server server{io.get_executor(), std::move(act)};
    std::thread thread{[&] { io.run(); }};
    context ctx;
    ctx.options.output = format;
    ctx.server = server.settings_for_client();
    settings.interval = 100ms;
    top_outcome result;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    result.code = show_top(ctx, settings);
    result.said = testing::internal::GetCapturedStderr();
    result.data = testing::internal::GetCapturedStdout();
    asio::post(io, [&] {
        server.stop();
        work.reset();
    });
    thread.join();
    for (const auto& r : server.requests) result.targets.emplace_back(r.target());
    return result;
}

TEST(Top, ShowsOneIntervalAndEnds) {
    const auto r = run_top(
        [](const request& asked) {
            return is_stream(asked) ? stream(enqueued) : answer(200, listing);
        },
        {.order = top_order::name, .queues = {"mail"}, .once = true}, output_format::json);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.said, "");
    ASSERT_EQ(r.lines().size(), 1U);
    const auto seen = r.lines()[0];
    ASSERT_EQ(seen["queues"].size(), 1U) << r.data;
    const auto& mail = seen["queues"][0];
    EXPECT_EQ(mail["name"], "mail");
    EXPECT_EQ(mail["paused"], true);
    EXPECT_EQ(mail["backlog"]["available"], 2);
    EXPECT_EQ(mail["active"], 1);
    const double in = mail["per_second"]["in"];
    EXPECT_NEAR(in * seen["interval_s"].get<double>(), 1, 0.01);
    EXPECT_EQ(seen["gap"], false);
    ASSERT_EQ(r.targets.size(), 3U);
    EXPECT_TRUE(r.targets[0].ends_with("&queues=mail")) << r.targets[0];
    EXPECT_EQ(r.targets[1], "/ojs/v1/queues");
}

TEST(Top, WritesLinesWhereThereIsNoTerminal) {
    const auto act = [](const request& asked) {
        return is_stream(asked) ? stream("") : answer(200, listing);
    };
    const top_settings once{.order = top_order::name, .queues = {"*"}, .once = true};
    const auto aligned = run_top(act, once, output_format::table);
    EXPECT_EQ(aligned.code, exit_code::ok);
    EXPECT_EQ(std::ranges::count(aligned.data, '\n'), 3);
    EXPECT_TRUE(aligned.data.starts_with("time  ")) << aligned.data;
    EXPECT_EQ(aligned.data.find('\x1b'), std::string::npos);
    EXPECT_EQ(aligned.targets[0].find("queues="), std::string::npos) << aligned.targets[0];
    const auto plain = run_top(act, once, output_format::plain);
    EXPECT_NE(plain.data.find("\tbulk\t0.0\t"), std::string::npos) << plain.data;
}

TEST(Top, SaysAGap) {
    const auto with = [](std::string events) {
        return run_top(
            [events](const request& asked) {
                return is_stream(asked) ? stream(events) : answer(200, listing);
            },
            {.once = true}, output_format::json);
    };
    const auto r = with(gap);
    EXPECT_EQ(r.lines().at(0)["gap"], true);
    EXPECT_TRUE(r.told("gap: events were dropped")) << r.said;
    const auto control = with(enqueued);
    EXPECT_EQ(control.lines().at(0)["gap"], false);
    EXPECT_FALSE(control.told("gap"));
}

TEST(Top, ComesBackToAStreamThatBrokeAndSaysSo) {
    std::size_t streams = 0;
    std::size_t listings = 0;
    const auto r = run_top(
        [&](const request& asked) {
            if (is_stream(asked)) {
                ++streams;
                if (streams == 2) return answer(503, overloaded);
                EXPECT_EQ(asked["Last-Event-ID"], streams == 1 ? "" : "evt_1");
                return streams == 1 ? stream("", false) : stream(enqueued);
            }
            if (streams > 2 && ++listings == 3) interrupt();
            return answer(200, listing);
        },
        {}, output_format::json);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(streams, 3U);
    EXPECT_TRUE(r.told("waiting: ")) << r.said;
    EXPECT_TRUE(r.told("connected again\n")) << r.said;
    const auto lines = r.lines();
    const auto away =
        std::ranges::count_if(lines, [](const auto& l) { return l["connected"] == false; });
    const auto again =
        std::ranges::count_if(lines, [](const auto& l) { return l["reconnected"] == true; });
    EXPECT_GE(away, 1);
    EXPECT_EQ(again, 1);
    // What happened meanwhile is told of once it is known.
    double jobs = 0;
    for (const auto& line : lines) {
        jobs += line["all"]["per_second"]["in"].get<double>() * line["interval_s"].get<double>();
    }
    EXPECT_NEAR(jobs, 1, 0.01);
}

TEST(Top, OutlivesAListingThatFails) {
    std::size_t listings = 0;
    const auto r = run_top(
        [&](const request& asked) {
            if (is_stream(asked)) return stream("");
            if (++listings == 5) interrupt();
            auto s = answer(200, listing);
            s.answers = listings != 2;
            s.closes = true;
            return s;
        },
        {}, output_format::plain);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_NE(r.data, "");
}

TEST(Top, EndsWithThreeWhenTheServerWasNeverReached) {
    context ctx;
    ctx.server.url.host = "127.0.0.1";
    ctx.server.url.port = std::to_string(client::test::unused_port());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const auto code = show_top(ctx, {});
    const auto said = testing::internal::GetCapturedStderr();
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(code, exit_code::unreachable);
    EXPECT_NE(said.find("cannot reach"), std::string::npos) << said;
}

TEST(Top, EndsWhenNothingHelps) {
    const auto refused = run_top([](auto&) { return answer(403, denied); }, {}, {});
    EXPECT_EQ(refused.code, exit_code::denied);
    EXPECT_EQ(refused.data, "");
    std::size_t listings = 0;
    const auto later = run_top(
        [&](const request& asked) {
            if (is_stream(asked)) return stream("");
            return ++listings > 1 ? answer(403, denied) : answer(200, listing);
        },
        {}, {});
    EXPECT_EQ(later.code, exit_code::denied);
    EXPECT_TRUE(later.told("Needs the scope read")) << later.said;
    const auto once = run_top(
        [&](const request& asked) {
            return is_stream(asked) ? stream("", false) : answer(200, listing);
        },
        {.once = true}, {});
    EXPECT_EQ(once.code, exit_code::unreachable) << once.said;
}

TEST(Top, EndsWithCtrlCAndSaysWhetherThatWasTooEarly) {
    const auto with = [](bool once) {
        std::size_t listings = 0;
        return run_top(
            [&](const request& asked) {
                if (is_stream(asked)) return stream("");
                auto s = answer(200, listing);
                s.hangs = ++listings == 2;
                if (s.hangs) interrupt();
                return s;
            },
            {.once = once}, {});
    };
    EXPECT_EQ(with(false).code, exit_code::ok);
    EXPECT_EQ(with(true).code, exit_code::interrupted);
}

TEST(Top, TakesTheWholeTerminalOnlyWhereThereIsOne) {
    context ctx;
    EXPECT_EQ(choose_top_output(ctx, false, "xterm"), top_output::lines);
    ctx.out.tty = true;
    EXPECT_EQ(choose_top_output(ctx, false, "xterm"), top_output::screen);
    EXPECT_EQ(choose_top_output(ctx, true, "xterm"), top_output::table);
    EXPECT_EQ(choose_top_output(ctx, false, "dumb"), top_output::lines);
    ctx.options.output = output_format::plain;
    EXPECT_EQ(choose_top_output(ctx, false, "xterm"), top_output::tabs);
    ctx.options.output = output_format::jsonl;
    EXPECT_EQ(choose_top_output(ctx, false, "xterm"), top_output::json);
}

}  // namespace
}  // namespace sluice::cli
