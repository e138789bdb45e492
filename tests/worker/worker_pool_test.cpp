#include "tests/worker/pool_fixture.hpp"

namespace sluice::worker {
namespace {

using WorkerPool = pool_fixture;

TEST_F(WorkerPool, RunsEveryJobExactlyOnce) {
    config.concurrency = 64;
    start();
    for (int i = 0; i < 10'000; ++i) source.add("test.count");
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 10'000; }));
    EXPECT_EQ(runs, 10'000U);
    EXPECT_EQ(source.granted, 10'000U);
    EXPECT_EQ(source.wrong_answers, 0U);
}

TEST_F(WorkerPool, HandsInTogetherWhatEndsTogether) {
    config.concurrency = 64;
    for (int i = 0; i < 64; ++i) source.add("test.count");
    start();
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 64; }));
    EXPECT_EQ(source.most_acked, 64U);
    source.most_acked = 0;
    source.add("test.count");
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 65; }));
    EXPECT_EQ(source.most_acked, 1U);
}

TEST_F(WorkerPool, NeverLeasesMoreThanItHasFreeWorkers) {
    config.concurrency = 4;
    start();
    for (int i = 0; i < 100; ++i) source.add("test.gate");
    ASSERT_TRUE(run_until([&] { return runs == 4; }));
    context.poll();
    EXPECT_EQ(source.leased(), 4U);
    EXPECT_EQ(source.waiting.size(), 96U);

    gate.cancel();  // lets those four pass; the next four wait anew
    ASSERT_TRUE(run_until([&] { return runs == 8; }));
    EXPECT_EQ(source.acked.size(), 4U);
    while (source.acked.size() < 100) {
        gate.cancel();
        context.poll();
    }
    EXPECT_EQ(source.most_leased, 4U);
    for (const auto& request : source.fetches) EXPECT_LE(request.count, 4U);
}

TEST_F(WorkerPool, AsksForItsTypesWithALongPollAndItsOwnWorkerId) {
    config.concurrency = 3;
    config.queues = {{.queue = "mail", .concurrency = 2}, {.queue = "off", .concurrency = 0}};
    start();
    ASSERT_EQ(source.fetches.size(), 2U);
    EXPECT_EQ(source.fetches[0].queues, std::vector<std::string>{"mail"});
    EXPECT_EQ(source.fetches[0].count, 2U);
    EXPECT_EQ(source.fetches[1].queues, std::vector<std::string>{"*"});
    EXPECT_EQ(source.fetches[1].count, 3U);
    for (const auto& request : source.fetches) {
        EXPECT_EQ(request.worker_id, in_server_worker_id);
        EXPECT_TRUE(request.handled_only);
        EXPECT_GE(request.wait, 30s);
    }
}

TEST_F(WorkerPool, WithoutWorkersTakesNothingAndStops) {
    config.concurrency = 0;
    start();
    source.add("test.count");
    spawn_stop(1s);
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_TRUE(source.fetches.empty());
}

TEST_F(WorkerPool, ReportsWhatAHandlerThrowsAndCarriesOn) {
    config.concurrency = 2;
    start();
    const uuid bad = source.add("test.throw");
    for (int i = 0; i < 10; ++i) source.add(i % 2 == 0 ? "test.throw" : "test.count");
    ASSERT_TRUE(run_until([&] { return source.acked.size() + source.failed.size() == 11; }));
    EXPECT_EQ(source.acked.size(), 5U);
    ASSERT_TRUE(source.failed.contains(bad));
    EXPECT_EQ(source.failed[bad].failure.message, "out of paper");
    EXPECT_EQ(source.failed[bad].failure.type, "sluice.exception");
    EXPECT_TRUE(source.failed[bad].retryable);
}

TEST_F(WorkerPool, PassesResultsAndFailuresOn) {
    start();
    const uuid echo = source.add("sluice.echo", R"([1e400, "é"])");
    const uuid fail = source.add("sluice.fail", R"(["no", false])");
    ASSERT_TRUE(run_until([&] { return source.acked.size() + source.failed.size() == 2; }));
    EXPECT_EQ(source.acked[echo], R"([1e400, "é"])");
    EXPECT_EQ(source.failed[fail].failure.message, "no");
    EXPECT_FALSE(source.failed[fail].retryable);
}

TEST_F(WorkerPool, TriesAgainAfterAFailedFetch) {
    source.fail_fetches = 2;
    start();
    source.add("test.count");
    EXPECT_TRUE(run_until([&] { return source.acked.size() == 1; }));
    EXPECT_EQ(source.fetches.size(), 4U);
}

TEST_F(WorkerPool, DoesNotSpinWhileTheBackendDrains) {
    start();
    source.begin_drain();
    const auto until = steady::now() + 250ms;
    while (steady::now() < until) context.run_one_until(until);
    EXPECT_LE(source.fetches.size(), 5U);
}

TEST_F(WorkerPool, StopWaitsForRunningHandlersWithinTheGrace) {
    start();
    source.add("sluice.sleep", "[50]");
    context.poll();
    ASSERT_EQ(source.leased(), 1U);
    spawn_stop(10s);
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_EQ(source.acked.size(), 1U);
    EXPECT_TRUE(source.released.empty());
}

TEST_F(WorkerPool, StopInterruptsAfterTheGraceAndGivesTheJobsBack) {
    config.concurrency = 8;
    config.queues = {{.queue = "mail", .concurrency = 1}};
    start();
    for (int i = 0; i < 8; ++i) source.add("sluice.sleep", "[3600000]");
    source.add("sluice.square", "[3, 3600000]");
    context.poll();
    ASSERT_EQ(source.leased(), 9U);
    const auto begin = steady::now();
    spawn_stop(30ms);
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_GE(steady::now() - begin, 30ms);
    EXPECT_EQ(source.released.size(), 9U);
    EXPECT_TRUE(source.acked.empty());
    EXPECT_TRUE(source.failed.empty());
}

TEST_F(WorkerPool, LeasesNothingOnceItStops) {
    config.concurrency = 1;
    start();
    source.add("test.gate");
    for (int i = 0; i < 5; ++i) source.add("test.count");
    context.poll();
    spawn_stop(10s);
    context.poll();
    gate.cancel();
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_EQ(source.granted, 1U);
    EXPECT_EQ(source.waiting.size(), 5U);
}

/// Stops at one moment after another, from before the grant until after the last answer.
TEST_F(WorkerPool, StopLosesNoJobWhereverItIs) {
    std::size_t given_back_unrun = 0;
    constexpr std::size_t jobs = 4;
    for (std::size_t moment = 0; moment < 40; ++moment) {
        asio::io_context own;
        job_source jobs_of_this(own.get_executor());
        config.concurrency = jobs;
        runs = 0;
        worker_pool one(own.get_executor(), jobs_of_this, handlers, config, log);
        one.start();
        own.poll();
        for (std::size_t i = 0; i < jobs; ++i) jobs_of_this.add("test.count");
        for (std::size_t step = 0; step < moment; ++step) own.poll_one();

        bool ended = false;
        task_group stopping(own.get_executor(), [](std::exception_ptr) { FAIL(); });
        stopping.spawn(drain_and_stop(jobs_of_this, one, ended));
        own.poll();
        ASSERT_TRUE(ended) << "moment " << moment;
        EXPECT_EQ(jobs_of_this.leased(), 0U) << "moment " << moment;
        EXPECT_EQ(
            jobs_of_this.waiting.size() + jobs_of_this.acked.size() + jobs_of_this.released.size(),
            jobs)
            << "moment " << moment;
        EXPECT_EQ(jobs_of_this.acked.size(), runs) << "moment " << moment;
        EXPECT_EQ(jobs_of_this.wrong_answers, 0U);
        given_back_unrun += jobs_of_this.released.size();
    }
    EXPECT_GT(given_back_unrun, 0U) << "no moment hit a job in the channel";
}

TEST_F(WorkerPool, RunsTenThousandSleepersAtOnce) {
    config.concurrency = 10'000;
    start();
    for (int i = 0; i < 10'000; ++i) source.add("sluice.sleep", "[300]");
    const auto begin = steady::now();
    ASSERT_TRUE(run_until([&] { return source.leased() == 10'000; }));
    ASSERT_TRUE(run_until([&] { return source.acked.size() == 10'000; }));
    EXPECT_LT(steady::now() - begin, 8s);  // one after another would take 50 minutes
    EXPECT_EQ(source.most_leased, 10'000U);
}

}  // namespace
}  // namespace sluice::worker
