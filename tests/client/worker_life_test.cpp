// How a worker follows what it and the server want, and what it does when things break.

#include "client/json_view.hpp"
#include "tests/client/worker_bench.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace sluice::client {
namespace {

using namespace test;

bool says(const request& r, std::string_view what) {
    return r.body().find(what) != std::string::npos;
}

/// The string of a member of the body's own object.
std::string member(const std::string& body, std::string_view name) {
    std::string found;
    const auto root = parse_answer(body);
    if (root)
        each_member(*root, [&](std::string_view key, json_value value) {
            if (key == name) set(found, value);
        });
    return found;
}

TEST(WorkerLife, AsksForItsPatternsAsTheyAre) {
    bench b{grant_once(job("a", "mail.send"))};
    b.options.max_jobs = 1;
    b.make();
    b.made->add("mail.*", complete);
    b.made->add("report", complete);
    EXPECT_EQ(b.run()->completed, 1U);
    EXPECT_NE(b.bodies("/fetch").at(0).find(R"("types":["mail.*","report"])"), std::string::npos)
        << b.bodies("/fetch").at(0);
}

TEST(WorkerLife, SendsItsTokenWithEveryRequest) {
    bench b{grant_once(job("a"))};
    b.options.max_jobs = 1;
    auto with = b.server.settings_for_client();
    with.token = "secret";
    b.made = std::make_unique<worker>(with, b.options);
    b.made->add("t", complete);
    EXPECT_EQ(b.run()->completed, 1U);
    ASSERT_FALSE(b.server.requests.empty());
    for (const auto& each : b.server.requests) EXPECT_EQ(each["Authorization"], "Bearer secret");
}

TEST(WorkerLife, FetchesNothingWhileItIsQuietAndTellsTheServer) {
    std::size_t quiet_beats = 0;
    bench b{[&](const request& r) {
        if (is_for(r, "/heartbeat") && says(r, R"("state":"quiet")") && ++quiet_beats == 3)
            b.made->resume();
        if (!is_for(r, "/fetch")) return nothing_special();
        EXPECT_GE(quiet_beats, 3U);
        return answer(200, jobs(job("a")));
    }};
    b.options.max_jobs = 1;
    b.options.worker_silence = 150ms;  // beats come soon
    b.make();
    b.made->add("t", complete);
    b.made->quiet();
    EXPECT_EQ(b.run()->completed, 1U);
    EXPECT_GE(quiet_beats, 3U);
}

TEST(WorkerLife, FollowsTheServersWishToBeQuietAndToGoOn) {
    std::vector<std::string> heard;
    std::size_t beats = 0;
    std::size_t fetches = 0;
    bool fetched_while_quiet = false;
    bench b{[&](const request& r) {
        if (is_for(r, "/heartbeat")) {
            ++beats;
            if (beats == 6) fetches = b.bodies("/fetch").size();
            if (beats == 9) fetched_while_quiet = b.bodies("/fetch").size() > fetches;
            const bool quiet = beats >= 2 && beats < 9;
            return answer(200, quiet ? R"({"directive":"quiet","jobs":[]})"
                                     : R"({"directive":"running","jobs":[]})");
        }
        if (is_for(r, "/fetch") && beats >= 9) return answer(200, jobs(job("a")));
        return nothing_special();
    }};
    b.options.max_jobs = 1;
    b.options.worker_silence = 150ms;
    b.options.poll = 20ms;
    b.options.events.directed = [&](const std::string& wish) { heard.push_back(wish); };
    b.make();
    b.made->add("t", complete);
    EXPECT_EQ(b.run()->completed, 1U);
    EXPECT_FALSE(fetched_while_quiet);
    EXPECT_EQ(heard, (std::vector<std::string>{"quiet", "running"}));
}

TEST(WorkerLife, EndsWhenTheServerSaysTerminateAndFinishesWhatRuns) {
    std::promise<void> told;
    bench b{[grant = grant_once(job("a"))](const request& r) {
        if (is_for(r, "/heartbeat") && says(r, "\"la\""))
            return answer(200, R"({"directive":"terminate","jobs":[{"job_id":"a"}]})");
        return grant(r);
    }};
    b.options.events.directed = [&](const std::string& wish) {
        if (wish == "terminate") told.set_value();
    };
    b.make();
    b.made->add_blocking("t", [&](job_run& run) -> job_outcome {
        told.get_future().wait();
        EXPECT_FALSE(run.stop().stop_requested());
        return completed{};
    });
    const auto totals = b.run();
    ASSERT_TRUE(totals.has_value());
    EXPECT_EQ(totals->completed, 1U);
    EXPECT_EQ(b.bodies("/ack").at(0).find("fetch"), std::string::npos) << "it wants no more";
}

TEST(WorkerLife, BeatsAsOftenAsTheServerSaysItMust) {
    std::size_t beats = 0;
    std::promise<void> often;
    bench b{[&, grant = grant_once(job("a", "t", "01:00:00.000000"))](const request& r) {
        if (is_for(r, "/heartbeat")) {
            if (++beats == 5) often.set_value();
            return answer(200, R"({"directive":"running","jobs":[],"worker_silence_ms":90})");
        }
        return grant(r);
    }};
    b.options.max_jobs = 1;
    // Neither the lease nor the silence believed first makes it beat.
    b.options.visibility_timeout = 1h;
    b.options.worker_silence = 1h;
    b.make();
    bool in_time = false;
    b.made->add_blocking("t", [&](job_run&) -> job_outcome {
        in_time = often.get_future().wait_for(10s) == std::future_status::ready;
        return completed{};
    });
    EXPECT_EQ(b.run()->completed, 1U);
    EXPECT_TRUE(in_time);
}

TEST(WorkerLife, AsksUnderTheSameNameUntilAFetchIsAnswered) {
    std::size_t fetches = 0;
    bench b{[&](const request& r) {
        if (!is_for(r, "/fetch")) return nothing_special();
        ++fetches;
        script s = answer(200, jobs(fetches == 3 ? job("a") : ""));
        if (fetches <= 2) s.answers = false;  // granted, perhaps, and lost on the way
        return s;
    }};
    b.options.max_jobs = 1;
    b.make();
    b.made->add("t", complete);
    EXPECT_EQ(b.run()->completed, 1U);
    const auto asked = b.bodies("/fetch");
    ASSERT_GE(asked.size(), 3U);
    EXPECT_FALSE(member(asked[0], "fetch_id").empty());
    EXPECT_EQ(member(asked[0], "fetch_id"), member(asked[1], "fetch_id"));
    EXPECT_EQ(member(asked[1], "fetch_id"), member(asked[2], "fetch_id"));
}

TEST(WorkerLife, CountsWhatAFetchBringsBeyondWhatItAskedFor) {
    bench b{[given = false](const request& r) mutable {
        if (is_for(r, "/ack") && says(r, "fetch")) return answer(200, done("completed", job("c")));
        if (!is_for(r, "/fetch")) return nothing_special();
        return answer(200, jobs(std::exchange(given, true) ? job("c") : job("a") + "," + job("b")));
    }};
    b.options.max_jobs = 2;
    b.make();
    b.made->add("t", complete);
    EXPECT_EQ(b.run()->completed, 2U);
    EXPECT_EQ(b.bodies("/fetch").size(), 1U);
}

TEST(WorkerLife, NamesEveryNewFetchAnew) {
    std::size_t fetches = 0;
    bench b{[&](const request& r) {
        if (!is_for(r, "/fetch")) return nothing_special();
        return answer(200, jobs(++fetches == 2 ? job("a") : ""));
    }};
    b.options.max_jobs = 1;
    b.options.poll = 1ms;
    b.make();
    b.made->add("t", complete);
    EXPECT_EQ(b.run()->completed, 1U);
    const auto asked = b.bodies("/fetch");
    ASSERT_GE(asked.size(), 2U);
    EXPECT_NE(member(asked[0], "fetch_id"), member(asked[1], "fetch_id"));
}

TEST(WorkerLife, AnAnswerThatAsksForTheNextJobAsksAgainUnderTheSameName) {
    std::size_t acks = 0;
    bench b{[&, grant = grant_once(job("a"))](const request& r) {
        if (is_for(r, "/ack") && says(r, "\"la\"")) {
            script s = answer(200, done("completed", job("b")));
            s.answers = ++acks > 1;
            return s;
        }
        return grant(r);
    }};
    b.options.max_jobs = 2;
    b.make();
    b.made->add("t", complete);
    EXPECT_EQ(b.run()->completed, 2U);
    const auto told = b.bodies("/ack");
    ASSERT_GE(told.size(), 3U);
    EXPECT_NE(told[0].find("fetch_id"), std::string::npos);
    EXPECT_EQ(told[0], told[1]);
}

/// The server is away while the handler ends, and knows the lease when it is back.
TEST(WorkerLife, KeepsItsAnswerOverARestartOfTheServer) {
    std::atomic<bool> away = false;
    std::atomic<std::size_t> refused = 0;
    bench b{[&, grant = grant_once(job("a"))](const request& r) {
        if (away) {
            if (is_for(r, "/ack") && ++refused == 2) away = false;
            script s;
            s.answers = false;
            return s;
        }
        return grant(r);
    }};
    b.options.max_jobs = 1;
    b.make();
    b.made->add_blocking("t", [&](job_run& run) -> job_outcome {
        away = true;
        EXPECT_FALSE(run.stop().stop_requested());
        return completed{};
    });
    const auto totals = b.run();
    EXPECT_EQ(totals->completed, 1U);
    EXPECT_EQ(totals->lost + totals->unanswered, 0U);
    EXPECT_GE(b.bodies("/ack").size(), 3U);
}

TEST(WorkerLife, StopsAHandlerOfALeaseThatAnotherHasSinceAndTakesTheNextJob) {
    std::size_t fetches = 0;
    bench b{[&](const request& r) {
        if (is_for(r, "/heartbeat") && says(r, "\"la\""))
            return answer(200, R"({"directive":"running","jobs":[)"
                               R"({"job_id":"a","error":"lease_lost","state":"active"}]})");
        if (!is_for(r, "/fetch")) return nothing_special();
        ++fetches;
        return answer(200, jobs(fetches == 1 ? job("a") : fetches == 2 ? job("b") : ""));
    }};
    b.options.max_jobs = 2;
    b.make();
    b.made->add_blocking("t", [](job_run& run) -> job_outcome {
        if (run.job().id == "a") {
            while (!run.stop().stop_requested()) std::this_thread::yield();
            EXPECT_EQ(run.why(), stop_reason::lease_lost);
        }
        return completed{};
    });
    const auto totals = b.run();
    EXPECT_EQ(totals->lost, 1U);
    EXPECT_EQ(totals->completed, 1U);
    for (const auto& ack : b.bodies("/ack")) EXPECT_EQ(ack.find("\"la\""), std::string::npos);
}

TEST(WorkerLife, GivesBackWhatArrivesWhileItLeaves) {
    asio::steady_timer* leaves = nullptr;
    bench b{[&, given = false](const request& r) mutable {
        // By now it has begun to leave.
        if (is_for(r, "/heartbeat") && says(r, R"("state":"terminate")")) leaves->cancel();
        if (!is_for(r, "/fetch") || std::exchange(given, true)) return nothing_special();
        b.made->stop();
        script s = answer(200, jobs(job("a")));
        s.until = leaves;
        return s;
    }};
    asio::steady_timer left{b.io.get_executor(), asio::steady_timer::time_point::max()};
    leaves = &left;
    b.make();
    bool ran = false;
    b.made->add_blocking("t", [&](job_run&) -> job_outcome {
        ran = true;
        return completed{};
    });
    const auto totals = b.run();
    EXPECT_FALSE(ran);
    EXPECT_EQ(totals->returned, 1U);
    EXPECT_EQ(b.bodies("/nack").size(), 1U);
    EXPECT_EQ(totals->all(), 1U);
}

/// They must not throw; should one all the same, nothing of the run stays behind.
TEST(WorkerLife, HoldsNoLeaseOfARunWhoseEndThrew) {
    std::size_t ended = 0;
    std::size_t beats = 0;
    auto grant = grant_once(job("a"));
    bench b{[&](const request& r) {
        if (is_for(r, "/heartbeat") && ended == 1 && !says(r, "\"la\"") && ++beats == 3)
            b.made->stop();
        return grant(r);
    }};
    b.options.worker_silence = 150ms;
    b.options.events.ended = [&](const run_report&) {
        ++ended;
        throw std::runtime_error{"oh"};
    };
    b.make();
    b.made->add("t", complete);
    EXPECT_THROW(b.run(), std::runtime_error);
    EXPECT_GE(beats, 3U);  // it beats until it has left
}

}  // namespace
}  // namespace sluice::client
