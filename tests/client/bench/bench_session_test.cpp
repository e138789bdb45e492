#include "client/cli/bench/bench_session.hpp"

#include "tests/client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <utility>

namespace sluice::cli::bench {
namespace {

using namespace std::chrono_literals;
using client::test::request;
using client::test::script;
using client::test::scripted_server;

constexpr auto stamps =
    R"("timeline":{"received_at":"2026-02-12T10:30:00.0001Z","durable_at":"2026-02-12T10:30:00.0004Z",)"
    R"("available_at":"2026-02-12T10:30:00.0004Z","started_at":"2026-02-12T10:30:00.0005Z",)"
    R"("finished_at":"2026-02-12T10:30:00.0025Z"})";

struct temper {
    bool jobs_end = true;
    bool drops_events = false;         ///< reports a gap instead
    std::size_t stalls_at = SIZE_MAX;  ///< the push that is answered late
    std::chrono::milliseconds stall{0};
    int push_status = 201;
};

/// The few endpoints that a benchmark uses, on a real port; a push that stalls holds up all others
/// until it is over, as in a server that is stopped.
class fake_queue {
public:
    fake_queue(asio::any_io_executor executor, temper how)
        : how_(how), server_(executor, [this](const request& r) { return answer(r); }) {}

    client::settings settings() const { return server_.settings_for_client(); }
    void stop() { server_.stop(); }

    std::size_t pushes = 0;
    std::size_t jobs = 0;
    std::size_t lookups = 0;
    std::string last_job;
    std::vector<std::string> purges;

private:
    script answer(const request& r) {
        const std::string target{r.target()};
        if (target == "/ojs/v1/health")
            return say(200, R"({"status":"ok","backend":{"type":"fake"}})");
        if (target == "/ojs/v1/jobs") return push(r, 1);
        if (target == "/ojs/v1/jobs/batch") return push(r, 3);
        if (target.starts_with("/ojs/v1/jobs/")) {
            ++lookups;
            return say(200, fmt::format(R"({{"job":{{"id":"{}","state":"completed",{}}}}})",
                                        target.substr(13), stamps));
        }
        if (target.starts_with("/ojs/v1/admin/queues/")) {
            purges.push_back(target);
            return say(200, R"({"purged_count":0,"failed":0})");
        }
        return events(target);
    }

    script push(const request& r, std::size_t count) {
        last_job = r.body();
        if (how_.push_status != 201) {
            return say(how_.push_status, R"({"error":{"code":"bad","message":"No."}})");
        }
        std::string list;
        for (std::size_t i = 0; i < count; ++i) {
            const auto id = fmt::format("job-{}", jobs++);
            if (how_.jobs_end) ended_.push_back(id);
            list += fmt::format(R"({}{{"id":"{}","state":"available"}})", i ? "," : "", id);
        }
        script s = say(201, count == 1 ? fmt::format(R"({{"job":{}}})", list)
                                       : fmt::format(R"({{"jobs":[{}]}})", list));
        if (pushes++ == how_.stalls_at)
            stalled_until_ = std::chrono::steady_clock::now() + how_.stall;
        s.delay = std::chrono::ceil<std::chrono::milliseconds>(std::max(
            stalled_until_ - std::chrono::steady_clock::now(), std::chrono::nanoseconds{0}));
        return s;
    }

    script events(const std::string& target) {
        if (target.find("after=") == std::string::npos) {
            return say(200, R"({"events":[],"last_id":1,"gap":false})");
        }
        if (how_.drops_events) {
            const bool gap = !std::exchange(ended_, {}).empty();
            return say(200, fmt::format(R"({{"events":[],"last_id":1,"gap":{}}})", gap));
        }
        std::string list;
        for (const auto& id : ended_) {
            list += fmt::format(
                R"({}{{"type":"job.completed","data":{{"job_id":"{}","state":"completed","attempt":1,{}}}}})",
                list.empty() ? "" : ",", id, stamps);
        }
        ended_.clear();
        return say(200, fmt::format(R"({{"events":[{}],"last_id":1,"gap":false}})", list));
    }

    static script say(int status, std::string body) {
        script s;
        s.status = status;
        s.body = std::move(body);
        return s;
    }

    temper how_;
    std::vector<std::string> ended_;
    std::chrono::steady_clock::time_point stalled_until_;
    scripted_server server_;
};

struct ran {
    exit_code code = exit_code::failed;
    bench_report report;
    bool worth_reporting = false;
    std::string said;
    std::size_t jobs = 0;
    std::size_t lookups = 0;
    std::string last_job;
    std::vector<std::string> purges;
};

asio::awaitable<void> run_and_stop(bench_session& session, fake_queue& queue) {
    co_await session.run();
    queue.stop();
}

asio::awaitable<void> raise_signals(int how_many) {
    for (int i = 0; i < how_many; ++i) {
        asio::steady_timer soon{co_await asio::this_coro::executor, 150ms};
        co_await soon.async_wait(client::nothrow_await);
        std::raise(SIGINT);
    }
}

ran run_bench(temper how, bench_options options, int signals = 0) {
    ran result;
    asio::io_context io;
    fake_queue queue{io.get_executor(), how};
    context ctx;
    ctx.server = queue.settings();
    bench_session session{io.get_executor(), ctx, std::move(options), {}};
    testing::internal::CaptureStderr();
    asio::co_spawn(io, run_and_stop(session, queue), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    if (signals > 0) asio::co_spawn(io, raise_signals(signals), [](std::exception_ptr) {});
    io.run();
    result.code = session.conclude();
    result.said = testing::internal::GetCapturedStderr();
    result.report = session.report();
    result.worth_reporting = session.worth_reporting();
    result.jobs = queue.jobs;
    result.lookups = queue.lookups;
    result.last_job = queue.last_job;
    result.purges = queue.purges;
    return result;
}

bench_options quick(double rate) {
    bench_options options;
    options.rates = {rate};
    options.duration = 300ms;
    options.warmup = 0ms;
    options.drain = 2s;
    return options;
}

TEST(BenchSession, SendsEveryJobOfItsScheduleAndHearsOfItsEnd) {
    const auto r = run_bench({}, quick(200));
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    ASSERT_EQ(r.report.steps.size(), 1U);
    const auto& step = r.report.steps[0];
    EXPECT_EQ(step.run.created, 60U);
    EXPECT_EQ(step.run.completed, 60U);
    EXPECT_EQ(step.missing(phase::overall), 0U);
    EXPECT_EQ(step.run.enqueue.count(), 60U);
    EXPECT_EQ(step.run.waiting.max(), 100us);
    EXPECT_EQ(step.run.running.max(), 2ms);
    EXPECT_EQ(step.run.overall.count(), 60U);
    EXPECT_GE(step.run.overall.min(), step.run.enqueue.min() + step.run.total.min());
    EXPECT_EQ(step.run.lag.count(), 60U);
    EXPECT_EQ(r.report.store, "fake");
}

TEST(BenchSession, UsesAQueueOfItsOwnAndPurgesIt) {
    const auto r = run_bench({}, quick(50));
    EXPECT_NE(r.last_job.find("\"queue\":\"" + r.report.queue + "\""), std::string::npos);
    ASSERT_EQ(r.purges.size(), 2U) << "what waits is cancelled, then all is deleted";
    for (const auto& purge : r.purges) {
        EXPECT_NE(purge.find("/" + r.report.queue + "/"), std::string::npos) << purge;
    }
    EXPECT_NE(r.purges[1].find("completed"), std::string::npos);
    EXPECT_NE(run_bench({}, quick(50)).report.queue, r.report.queue);
}

TEST(BenchSession, DoesNotReportTheWarmUp) {
    auto options = quick(100);
    options.warmup = 200ms;
    const auto r = run_bench({}, options);
    EXPECT_EQ(r.jobs, 50U);
    ASSERT_EQ(r.report.steps.size(), 1U);
    EXPECT_EQ(r.report.steps[0].run.created, 30U);
}

TEST(BenchSession, LooksJobsUpOnceSendingIsOverWhenEventsWereDropped) {
    temper how;
    how.drops_events = true;
    const auto r = run_bench(how, quick(100));
    EXPECT_EQ(r.report.steps.at(0).run.completed, 30U);
    EXPECT_EQ(r.lookups, 30U) << "each once";
    EXPECT_EQ(run_bench({}, quick(100)).lookups, 0U);
}

TEST(BenchSession, CountsAStallFromTheIntendedTimeInTheOpenLoopAlone) {
    temper how;
    how.stalls_at = 20;
    how.stall = 400ms;
    auto options = quick(200);
    options.duration = 800ms;
    options.connections = 2;
    const auto open = run_bench(how, options);
    const auto& values = open.report.steps.at(0).run.enqueue;
    EXPECT_EQ(values.count(), 160U);
    // Every 5 ms of the stall one more job was due: 400, 395, 390 ... ms late.
    EXPECT_GE(values.count() - values.count_below(200ms), 35U);
    EXPECT_GT(open.report.steps[0].blocked, 0U);
    EXPECT_GE(open.report.steps[0].run.lag.max(), 200ms);

    options.closed = true;
    options.connections = 1;
    const auto closed = run_bench(how, options);
    const auto& naive = closed.report.steps.at(0).run.enqueue;
    EXPECT_GE(naive.max(), 400ms);
    EXPECT_LE(naive.count() - naive.count_below(380ms), 2U)
        << "the control: only the one in flight";
}

TEST(BenchSession, SaysWhichPartOfTheRateWasSentWhenTheServerIsTooSlow) {
    temper how;
    how.stalls_at = 0;
    how.stall = 600ms;
    auto options = quick(100);
    options.connections = 1;
    options.drain = 100ms;
    const auto r = run_bench(how, options);
    const auto& step = r.report.steps.at(0);
    EXPECT_EQ(step.run.created, 1U);
    EXPECT_EQ(step.unsent, 29U) << "what was due and could not be sent is not forgotten";
    EXPECT_FALSE(step.rate_kept());
    EXPECT_TRUE(run_bench({}, quick(100)).report.steps.at(0).rate_kept());
}

TEST(BenchSession, SendsBatches) {
    auto options = quick(60);
    options.batch = 3;
    const auto r = run_bench({}, options);
    EXPECT_EQ(r.report.steps.at(0).run.created, 18U);
    EXPECT_EQ(r.report.steps[0].run.lag.count(), 6U) << "requests";
    EXPECT_EQ(r.report.steps[0].run.enqueue.count(), 18U) << "jobs";
}

TEST(BenchSession, EndsWithAMissedObjective) {
    auto options = quick(50);
    options.objectives = {*parse_objective("p99<1us")};
    EXPECT_EQ(run_bench({}, options).code, exit_code::missed);
    options.objectives = {*parse_objective("running.p50<1s")};
    EXPECT_EQ(run_bench({}, options).code, exit_code::ok);
}

TEST(BenchSession, CountsJobsThatDoNotEndAgainstTheObjective) {
    temper how;
    how.jobs_end = false;
    auto options = quick(50);
    options.drain = 50ms;
    options.objectives = {*parse_objective("p50<1h")};
    const auto r = run_bench(how, options);
    EXPECT_EQ(r.code, exit_code::missed);
    EXPECT_EQ(r.report.steps.at(0).unfinished(), 15U);
    EXPECT_EQ(r.purges.size(), 3U) << "what is left is no load on the next step";
}

TEST(BenchSession, SearchesForTheHighestRate) {
    auto options = quick(40);
    options.duration = 100ms;
    options.find_max = true;
    options.objectives = {*parse_objective("running.p50<1ms")};
    const auto none = run_bench({}, options);
    EXPECT_EQ(none.code, exit_code::missed);
    EXPECT_FALSE(none.report.best.has_value());
    EXPECT_GT(none.report.steps.size(), 3U);
}

TEST(BenchSession, StopsAtAValueTheServerRefuses) {
    temper how;
    how.push_status = 422;
    const auto r = run_bench(how, quick(50));
    EXPECT_EQ(r.code, exit_code::usage);
    EXPECT_NE(r.said.find("No (bad)"), std::string::npos) << r.said;
}

TEST(BenchSession, CountsErrorsAndGoesOn) {
    temper how;
    how.push_status = 500;
    const auto r = run_bench(how, quick(50));
    ASSERT_EQ(r.report.steps.size(), 1U);
    EXPECT_EQ(r.report.steps[0].errors, 15U);
    EXPECT_EQ(r.report.steps[0].run.created, 0U);
}

TEST(BenchSession, DrainsReportsAndPurgesAfterTheFirstSignal) {
    auto options = quick(100);
    options.duration = 60s;
    const auto r = run_bench({}, options, 1);
    EXPECT_EQ(r.code, exit_code::interrupted);
    ASSERT_TRUE(r.worth_reporting);
    const auto& step = r.report.steps.at(0);
    EXPECT_GT(step.run.created, 0U);
    EXPECT_EQ(step.run.completed, step.run.created);
    EXPECT_EQ(r.purges.size(), 2U);
    EXPECT_NE(r.said.find("Interrupted"), std::string::npos);
}

TEST(BenchSession, LeavesAtOnceAfterTheSecondSignalAndNamesWhatItLeaves) {
    temper how;
    how.jobs_end = false;
    auto options = quick(100);
    options.duration = 60s;
    options.drain = 60s;
    const auto begun = std::chrono::steady_clock::now();
    const auto r = run_bench(how, options, 2);
    EXPECT_EQ(r.code, exit_code::interrupted);
    EXPECT_FALSE(r.worth_reporting);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s) << "does not wait for the drain";
    EXPECT_NE(r.said.find("sluice queue purge " + r.report.queue), std::string::npos) << r.said;
}

TEST(BenchSession, SaysWhenThereIsNoServer) {
    asio::io_context io;
    context ctx;
    ctx.server.url.host = "127.0.0.1";
    ctx.server.url.port = std::to_string(client::test::unused_port());
    bench_session session{io.get_executor(), ctx, quick(10), {}};
    testing::internal::CaptureStderr();
    asio::co_spawn(io, session.run(), [](std::exception_ptr) {});
    io.run();
    EXPECT_EQ(session.conclude(), exit_code::unreachable);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("sluiced"), std::string::npos);
}

}  // namespace
}  // namespace sluice::cli::bench
