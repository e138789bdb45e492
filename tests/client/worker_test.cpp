#include "client/worker.hpp"

#include "client/backoff.hpp"
#include "client/json_view.hpp"
#include "tests/client/worker_bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using namespace test;

TEST(Worker, AsksForTheNextJobInTheAnswerForTheLast) {
    bench b{[given = false](const request& r) mutable {
        if (is_for(r, "/ack") && r.body().find("\"la\"") != std::string::npos)
            return answer(200, done("completed", job("b")));
        if (!is_for(r, "/fetch") || std::exchange(given, true)) return nothing_special();
        return answer(200, jobs(job("a")));
    }};
    b.options.max_jobs = 2;
    b.make();
    b.made->add("t", complete);
    const auto totals = b.run();
    ASSERT_TRUE(totals.has_value());
    EXPECT_EQ(totals->completed, 2U);
    EXPECT_EQ(b.bodies("/fetch").size(), 1U);
    const auto acks = b.bodies("/ack");
    ASSERT_EQ(acks.size(), 2U);
    EXPECT_NE(acks[0].find(R"("fetch":{)"), std::string::npos) << acks[0];
    EXPECT_EQ(acks[1].find(R"("fetch":{)"), std::string::npos) << "max_jobs is reached";
    EXPECT_NE(acks[1].find(R"("result":{"ok":true})"), std::string::npos);
}

TEST(Worker, BeatsWhileAHandlerBlocksItsThread) {
    std::promise<void> beaten;
    std::size_t beats = 0;
    bench b{[&, grant = grant_once(job("a"))](const request& r) {
        if (is_for(r, "/heartbeat") && r.body().find("\"la\"") != std::string::npos) {
            if (++beats == 4) beaten.set_value();
            return answer(200,
                          R"({"directive":"running","jobs":[{"job_id":"a","state":"active"}]})");
        }
        return grant(r);
    }};
    b.options.max_jobs = 1;
    b.make();
    bool in_time = false;
    b.made->add("t", [&](std::shared_ptr<job_run>) -> asio::awaitable<job_outcome> {
        in_time = beaten.get_future().wait_for(10s) == std::future_status::ready;
        completed well;
        co_return well;
    });
    const auto totals = b.run();
    EXPECT_TRUE(in_time);
    EXPECT_EQ(totals->completed, 1U);
}

TEST(Worker, StopsAHandlerWhoseLeaseIsLostAndDoesNotAnswerForIt) {
    bench b{[grant = grant_once(job("a"))](const request& r) {
        if (is_for(r, "/heartbeat") && r.body().find("\"la\"") != std::string::npos) {
            return answer(200, R"({"directive":"running","jobs":[)"
                               R"({"job_id":"a","error":"conflict","state":"cancelled"}]})");
        }
        return grant(r);
    }};
    b.options.max_jobs = 1;
    b.make();
    auto why = stop_reason::none;
    b.made->add_blocking("t", [&](job_run& run) -> job_outcome {
        while (!run.stop().stop_requested()) std::this_thread::yield();
        why = run.why();
        return completed{};
    });
    const auto totals = b.run();
    EXPECT_EQ(why, stop_reason::cancelled);
    EXPECT_EQ(totals->lost, 1U);
    EXPECT_TRUE(b.bodies("/ack").empty());
    EXPECT_TRUE(b.bodies("/nack").empty());
}

TEST(Worker, AnswersAgainUnderTheSameLeaseUntilTheServerHasSpoken) {
    std::size_t tries = 0;
    bench b{[&, grant = grant_once(job("a"))](const request& r) {
        if (!is_for(r, "/ack")) return grant(r);
        script s = answer(200, done("completed"));
        if (++tries == 1) s.answers = false;
        if (tries == 2) s = answer(503, R"({"error":{"code":"overloaded","message":"m"}})");
        return s;
    }};
    b.options.max_jobs = 1;
    std::size_t troubles = 0;
    std::size_t recoveries = 0;
    b.options.events.trouble = [&](const failure&) { ++troubles; };
    b.options.events.recovered = [&] { ++recoveries; };
    b.make();
    b.made->add("t", complete);
    const auto totals = b.run();
    EXPECT_EQ(totals->completed, 1U);
    const auto acks = b.bodies("/ack");
    ASSERT_GE(acks.size(), 3U);
    for (const auto& ack : acks) EXPECT_EQ(ack, acks.front());
    EXPECT_EQ(troubles, 1U) << "one word for failures in a row";
    EXPECT_EQ(recoveries, 1U);
}

TEST(Worker, ReleasesWhatItCannotFinish) {
    bench b{grant_once(job("a"))};
    b.options.drain_grace = 0ms;
    b.make();
    b.made->add_blocking("t", [&](job_run& run) -> job_outcome {
        b.made->stop();
        while (!run.stop().stop_requested()) std::this_thread::yield();
        EXPECT_EQ(run.why(), stop_reason::shutdown);
        throw std::runtime_error{"broken off"};
    });
    const auto totals = b.run();
    EXPECT_EQ(totals->returned, 1U);
    const auto nacks = b.bodies("/nack");
    ASSERT_EQ(nacks.size(), 1U);
    EXPECT_NE(nacks[0].find(R"("release":true)"), std::string::npos) << nacks[0];
}

TEST(Worker, FinishesWhatRunsWhenItIsStopped) {
    bench b{grant_once(job("a"))};
    b.make();
    b.made->add_blocking("t", [&](job_run& run) -> job_outcome {
        b.made->stop();
        EXPECT_FALSE(run.stop().stop_requested());
        return completed{};
    });
    EXPECT_EQ(b.run()->completed, 1U);
}

TEST(Worker, GivesUpAHandlerThatIgnoresItsStop) {
    bench b{grant_once(job("a"))};
    b.options.drain_grace = 0ms;
    b.options.stop_grace = 50ms;
    b.make();
    std::promise<void> end;
    b.made->add_blocking("t", [&](job_run&) -> job_outcome {
        b.made->stop();
        end.get_future().wait();
        return completed{};
    });
    EXPECT_EQ(b.run()->returned, 1U);
    EXPECT_EQ(b.bodies("/nack").size(), 1U);
    end.set_value();
}

TEST(Worker, EndsWhenTheServerRefusesIt) {
    bench b{[](const request& r) {
        if (!is_for(r, "/fetch")) return nothing_special();
        return answer(401, R"({"error":{"code":"unauthorized","message":"no"}})");
    }};
    b.make();
    b.made->add("t", complete);
    const auto totals = b.run();
    ASSERT_TRUE(totals.has_error());
    EXPECT_EQ(totals.error().status, 401);
}

TEST(Worker, TakesTheExactTypeBeforeTheLongestPrefix) {
    bench b{grant_once(job("a", "mail.send") + "," + job("b", "mail.send.now") + "," +
                       job("c", "mail.list") + "," + job("d", "other"))};
    b.options.max_jobs = 4;
    b.options.concurrency = 4;
    b.make();
    std::map<std::string, std::string> by;
    const auto note = [&](std::string name) {
        return [&by, name](std::shared_ptr<job_run> run) -> asio::awaitable<job_outcome> {
            by[run->job().id] = name;
            completed well;
            co_return well;
        };
    };
    b.made->add("mail.*", note("mail.*"));
    b.made->add("mail.send", note("mail.send"));
    b.made->add("mail.send.*", note("mail.send.*"));
    const auto totals = b.run();
    EXPECT_EQ(by, (std::map<std::string, std::string>{
                      {"a", "mail.send"}, {"b", "mail.send.*"}, {"c", "mail.*"}}));
    EXPECT_EQ(totals->returned, 1U) << "nobody here handles d";
}

TEST(Worker, TellsTheServerEachOutcomeInItsWords) {
    std::string list;
    for (const auto* id : {"a", "b", "c", "d", "e", "f"})
        list += (list.empty() ? "" : ",") + job(id, id);
    bench b{grant_once(list)};
    b.options.concurrency = b.options.max_jobs = 6;
    b.make();
    b.made->add_blocking("a", [](job_run&) -> job_outcome { throw std::runtime_error{"oh"}; });
    b.made->add_blocking("b", [](job_run&) -> job_outcome { return snoozed{7s}; });
    b.made->add_blocking("c", [](job_run&) -> job_outcome { return discarded{"no"}; });
    b.made->add_blocking("d", [](job_run&) -> job_outcome { return dead_lettered{"never"}; });
    b.made->add_blocking("e", [](job_run&) -> job_outcome { return released{}; });
    b.made->add_blocking("f", [](job_run&) -> job_outcome { return completed{"{no json"}; });
    b.run();
    auto nacks = b.bodies("/nack");
    std::sort(nacks.begin(), nacks.end());
    ASSERT_EQ(nacks.size(), 6U);
    const auto has = [&](std::size_t i, std::string_view what) {
        EXPECT_NE(nacks[i].find(what), std::string::npos) << nacks[i];
    };
    has(0, R"("message":"oh")");
    has(1, R"("snooze_ms":7000)");
    has(2, R"("code":"DISCARD")");
    has(3, R"("code":"DEAD_LETTER")");
    has(4, R"("release":true)");
    has(5, "not JSON");
}

TEST(Worker, PassesOnWhatARunSaysBeforeItAnswers) {
    bench b{grant_once(job("a"))};
    b.options.max_jobs = 1;
    b.make();
    b.made->add_blocking("t", [](job_run& run) -> job_outcome {
        run.progress(7, "far");
        run.log("a \"line\"", log_stream::stderr_);
        return completed{};
    });
    b.run();
    const auto told = b.bodies("/a/progress");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_NE(told[0].find(R"("progress":1)"), std::string::npos) << told[0];
    const auto lines = b.bodies("/a/log");
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].find(R"({"stream":"stderr","text":"a \"line\"")"), std::string::npos);
    EXPECT_TRUE(is_for(b.server.requests.back(), "/heartbeat") ||
                is_for(b.server.requests.back(), "/ack"));
}

TEST(JobRun, DropsLinesBeyondItsBoundAndSaysSo) {
    job_run run{job_info{}, {}};
    const std::string text(10'000, 'x');
    for (int i = 0; i < 100; ++i) run.log(text);
    std::size_t lines = 0;
    std::string last;
    for (auto said = run.take(); !said.empty(); said = run.take()) {
        lines += said.lines.size();
        last = said.lines.back().text;
    }
    EXPECT_LT(lines, 30U);
    EXPECT_NE(last.find(" lines dropped"), std::string::npos) << last;
}

TEST(JobRun, KeepsNotesBeyondItsBound) {
    job_run run{job_info{}, {}};
    for (int i = 0; i < 100; ++i) run.log(std::string(10'000, 'x'));
    run.log("7 lines dropped", log_stream::note);
    for (int i = 0; i < 1000; ++i) run.log(std::string(1000, 'x'), log_stream::note);
    std::size_t notes = 0;
    bool kept = false;
    for (auto said = run.take(); !said.empty(); said = run.take())
        for (const auto& line : said.lines) {
            notes += line.stream == log_stream::note;
            kept = kept || line.text == "7 lines dropped";
        }
    EXPECT_TRUE(kept);
    EXPECT_LE(notes, 2 + log_note_reserve / 1000);
}

TEST(Backoff, DoublesUpToItsMaximumAndStartsAnew) {
    backoff pause{100ms, 1s, 1};
    const auto first = pause.next();
    EXPECT_GE(first, 50ms);
    EXPECT_LE(first, 100ms);
    for (int i = 0; i < 10; ++i) pause.next();
    EXPECT_GE(pause.next(), 500ms);
    EXPECT_LE(pause.next(), 1s);
    pause.reset();
    EXPECT_LE(pause.next(), 100ms);
}

}  // namespace
}  // namespace sluice::client
