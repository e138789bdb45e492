#include "client/cli/produce_run.hpp"

#include "tests/client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using client::test::request;
using client::test::script;
using client::test::scripted_server;

constexpr auto stamps =
    R"("timeline":{"received_at":"2026-02-12T10:30:00.0001Z","durable_at":"2026-02-12T10:30:00.0004Z",)"
    R"("available_at":"2026-02-12T10:30:00.0004Z","started_at":"2026-02-12T10:30:00.0005Z",)"
    R"("finished_at":"2026-02-12T10:30:00.0025Z"})";

/// What a queue does with the jobs it gets.
struct temper {
    std::string ends_as = "completed";     ///< empty: jobs never end
    std::string odd_ones_end_as = "";      ///< every second job, where it is not empty
    bool drops_events = false;             ///< reports a gap instead
    std::size_t dies_after = SIZE_MAX;     ///< pushes; then cuts every connection
    std::size_t refuses_after = SIZE_MAX;  ///< pushes; then answers 422
};

/// The few endpoints that a run uses, on a real port.
class fake_queue {
public:
    fake_queue(asio::any_io_executor executor, temper how)
        : how_(how), server_(executor, [this](const request& r) { return answer(r); }) {}

    client::settings settings() const { return server_.settings_for_client(); }
    std::size_t connections() const { return server_.connections; }
    std::size_t pushed() const { return pushed_; }
    void stop() { server_.stop(); }

private:
    script answer(const request& r) {
        const std::string target{r.target()};
        if (dead_) return cut();
        if (target == "/ojs/v1/health") return say(200, R"({"status":"ok"})");
        if (target == "/ojs/v1/jobs") return push();
        if (target.starts_with("/ojs/v1/jobs/")) return say(200, job(target.substr(13)));
        return events(target);
    }

    script push() {
        if (pushed_ == how_.refuses_after) {
            return say(422, R"({"error":{"code":"validation_failed","message":"No."}})");
        }
        if (pushed_ == how_.dies_after) {
            dead_ = true;
            return cut();
        }
        const std::string id = fmt::format("job-{}", pushed_++);
        if (!how_.ends_as.empty()) ended_.push_back(id);
        return say(201, fmt::format(R"({{"job":{{"id":"{}","state":"available"}}}})", id));
    }

    std::string end_of(const std::string& id) const {
        const bool odd = (id.back() - '0') % 2 == 1;
        return odd && !how_.odd_ones_end_as.empty() ? how_.odd_ones_end_as : how_.ends_as;
    }

    std::string job(const std::string& id) const {
        return fmt::format(R"({{"job":{{"id":"{}","state":"{}","attempt":1,"result":49,{}}}}})", id,
                           end_of(id), stamps);
    }

    script events(const std::string& target) {
        const bool first_call = target.find("after=") == std::string::npos;
        std::string list;
        if (!first_call && !how_.drops_events) {
            for (const auto& id : ended_) {
                list += fmt::format(
                    R"({}{{"type":"job.{}","data":{{"job_id":"{}","state":"{}","attempt":1,{}}}}})",
                    list.empty() ? "" : ",", end_of(id), id, end_of(id), stamps);
            }
        }
        const bool gap = how_.drops_events && !ended_.empty() && !first_call;
        if (!first_call) ended_.clear();
        script s = say(200, fmt::format(R"({{"events":[{}],"last_id":1,"gap":{}}})", list, gap));
        s.delay = 2ms;
        return s;
    }

    static script say(int status, std::string body) {
        script s;
        s.status = status;
        s.body = std::move(body);
        return s;
    }
    static script cut() {
        script s;
        s.answers = false;
        return s;
    }

    temper how_;
    std::size_t pushed_ = 0;
    bool dead_ = false;
    std::vector<std::string> ended_;
    scripted_server server_;
};

struct ran {
    exit_code code = exit_code::failed;
    run_report report;
    bool worth_reporting = false;
    std::size_t pushed = 0;
    std::size_t connections = 0;
    std::string said;
    std::string seen;
};

asio::awaitable<void> run_and_stop(produce_run& run, fake_queue& queue) {
    co_await run.run();
    queue.stop();
}

asio::awaitable<void> raise_signals(int how_many) {
    for (int i = 0; i < how_many; ++i) {
        asio::steady_timer soon{co_await asio::this_coro::executor, 60ms};
        co_await soon.async_wait(client::nothrow_await);
        std::raise(SIGINT);
    }
}

ran run_produce(temper how, produce_options options, int signals = 0) {
    ran result;
    asio::io_context io;
    fake_queue queue{io.get_executor(), how};
    context ctx;
    ctx.server = queue.settings();
    live_view view{view_mode::lines, ctx.err, [&](std::string_view text) { result.seen += text; }};
    produce_run run{io.get_executor(), ctx, std::move(options), view, {}};
    testing::internal::CaptureStderr();
    asio::co_spawn(io, run_and_stop(run, queue), [](std::exception_ptr broken) {
        if (broken) std::rethrow_exception(broken);
    });
    if (signals > 0) asio::co_spawn(io, raise_signals(signals), [](std::exception_ptr) {});
    io.run();
    result.code = run.conclude();
    result.said = testing::internal::GetCapturedStderr();
    result.report = run.report();
    result.worth_reporting = run.worth_reporting();
    result.pushed = queue.pushed();
    result.connections = queue.connections();
    return result;
}

produce_options jobs(std::uint64_t count) {
    produce_options options;
    options.work.count = count;
    return options;
}

TEST(ProduceRun, FollowsEveryJobToItsEnd) {
    const auto r = run_produce({}, jobs(10));
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.report.created, 10U);
    EXPECT_EQ(r.report.completed, 10U);
    EXPECT_EQ(r.report.enqueue.count(), 10U);
    EXPECT_EQ(r.report.waiting.max(), 100us);
    EXPECT_EQ(r.report.running.max(), 2ms);
    EXPECT_EQ(r.report.first_waiting, 100us);
    EXPECT_NE(r.seen.find("created   #10"), std::string::npos);
    EXPECT_NE(r.seen.find("finished  #10"), std::string::npos);
    EXPECT_NE(r.seen.find("49"), std::string::npos) << "the result is asked for";
    EXPECT_EQ(r.said, "");
}

TEST(ProduceRun, LooksJobsUpWhenEventsWereDropped) {
    temper how;
    how.drops_events = true;
    const auto r = run_produce(how, jobs(30));
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.report.completed, 30U);
}

TEST(ProduceRun, SharesTheJobsAmongItsProducers) {
    auto options = jobs(20);
    options.producers = 4;
    const auto r = run_produce({}, options);
    EXPECT_EQ(r.code, exit_code::ok);
    EXPECT_EQ(r.pushed, 20U);
    EXPECT_EQ(r.report.producers, 4U);
    EXPECT_NE(r.seen.find("by producer 4"), std::string::npos);
}

TEST(ProduceRun, HoldsARateOverAsFewConnectionsAsItNeeds) {
    auto options = jobs(60);
    options.work.rate = 300;
    const auto r = run_produce({}, options);
    EXPECT_EQ(r.code, exit_code::ok) << r.said;
    EXPECT_EQ(r.report.lag.count(), 60U);
    EXPECT_GE(r.report.elapsed, 59 * 1s / 300);
    EXPECT_LT(r.report.producers, 20U);
}

TEST(ProduceRun, DoesNotFollowWhenToldSo) {
    temper how;
    how.ends_as = "";
    auto options = jobs(3);
    options.wait = false;
    const auto r = run_produce(how, options);
    EXPECT_EQ(r.code, exit_code::ok);
    EXPECT_EQ(r.report.created, 3U);
    EXPECT_TRUE(r.report.waiting.empty());
}

TEST(ProduceRun, TellsSomeFailuresFromOnlyFailures) {
    temper how;
    how.odd_ones_end_as = "discarded";
    const auto some = run_produce(how, jobs(4));
    EXPECT_EQ(some.code, exit_code::partial);
    EXPECT_EQ(some.report.completed, 2U);
    EXPECT_EQ(some.report.discarded, 2U);
    how.ends_as = "discarded";
    EXPECT_EQ(run_produce(how, jobs(4)).code, exit_code::failed);
}

TEST(ProduceRun, GivesUpWhenNothingEndsAnyMore) {
    temper how;
    how.ends_as = "";
    auto options = jobs(2);
    options.wait_timeout = 30ms;
    const auto r = run_produce(how, options);
    EXPECT_EQ(r.code, exit_code::timed_out);
    EXPECT_NE(r.said.find("2 of 2 jobs have not finished"), std::string::npos) << r.said;
    EXPECT_TRUE(r.worth_reporting);
}

TEST(ProduceRun, ReportsWhatItHasWhenTheServerDies) {
    temper how;
    how.dies_after = 5;
    const auto r = run_produce(how, jobs(1000));
    EXPECT_EQ(r.code, exit_code::unreachable);
    EXPECT_EQ(r.report.created, 5U);
    EXPECT_EQ(r.report.unknown, 1U);
    EXPECT_TRUE(r.worth_reporting);
    EXPECT_NE(r.said.find("error: "), std::string::npos);
}

TEST(ProduceRun, StopsAtAValueTheServerRefuses) {
    temper how;
    how.refuses_after = 0;
    const auto r = run_produce(how, jobs(1000));
    EXPECT_EQ(r.code, exit_code::usage);
    EXPECT_FALSE(r.worth_reporting);
    EXPECT_NE(r.said.find("No (validation_failed)"), std::string::npos) << r.said;
}

TEST(ProduceRun, DrainsAndReportsAfterTheFirstSignal) {
    auto options = jobs(100'000);
    options.work.interval = span{10ms, 10ms};
    const auto r = run_produce({}, options, 1);
    EXPECT_EQ(r.code, exit_code::interrupted);
    EXPECT_GT(r.report.created, 0U);
    EXPECT_EQ(r.report.completed, r.report.created) << "what was open has ended";
    EXPECT_TRUE(r.worth_reporting);
    EXPECT_NE(r.seen.find("Interrupted"), std::string::npos);
}

TEST(ProduceRun, EndsWellWhenASignalIsItsOnlyEnd) {
    auto options = jobs(0);
    options.work.interval = span{10ms, 10ms};
    EXPECT_EQ(run_produce({}, options, 1).code, exit_code::ok);
}

TEST(ProduceRun, LeavesAtOnceAfterTheSecondSignal) {
    temper how;
    how.ends_as = "";
    auto options = jobs(100'000);
    options.work.interval = span{10ms, 10ms};
    const auto begun = std::chrono::steady_clock::now();
    const auto r = run_produce(how, options, 2);
    EXPECT_EQ(r.code, exit_code::interrupted);
    EXPECT_FALSE(r.worth_reporting);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s) << "does not wait for the drain";
}

TEST(ProduceRun, SaysWhenThereIsNoServer) {
    asio::io_context io;
    context ctx;
    ctx.server.url.host = "127.0.0.1";
    ctx.server.url.port = std::to_string(client::test::unused_port());
    live_view view{view_mode::silent, ctx.err, [](std::string_view) {}};
    produce_run run{io.get_executor(), ctx, jobs(1), view, {}};
    testing::internal::CaptureStderr();
    asio::co_spawn(io, run.run(), [](std::exception_ptr) {});
    io.run();
    EXPECT_EQ(run.conclude(), exit_code::unreachable);
    EXPECT_NE(testing::internal::GetCapturedStderr().find("sluiced"), std::string::npos);
    EXPECT_FALSE(run.worth_reporting());
}

}  // namespace
}  // namespace sluice::cli
