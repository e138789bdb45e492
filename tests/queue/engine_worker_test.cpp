#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

std::vector<worker_info> all_of(engine_fixture& f) {
    return f.core().workers(std::nullopt);
}

engine_config with_handler() {
    engine_config config;
    config.handled_types = {{"work", 10}};
    return config;
}

fetch_request in_server(std::size_t count = 1) {
    fetch_request request;
    request.worker_id = in_server_worker_id;
    request.queues = {"default"};
    request.count = count;
    request.handled_only = true;
    return request;
}

TEST(Workers, AreToldOfByIdWithWhatTheyHold) {
    engine_fixture f;
    EXPECT_TRUE(all_of(f).empty());
    const auto first = f.push();
    const auto second = f.push();
    f.push();
    const auto held = f.fetch("default", 2);
    f.fetch_one("default", "b");
    f.clock.advance(3s);
    f.heartbeat("a");
    const auto workers = all_of(f);
    ASSERT_EQ(workers.size(), 3U);
    EXPECT_EQ(workers[0].id, "a");
    EXPECT_TRUE(workers[0].beats);
    EXPECT_EQ(workers[0].heard_at, f.clock.now.wall);
    EXPECT_EQ(workers[0].active, 0U);
    EXPECT_EQ(workers[1].id, "b");
    EXPECT_FALSE(workers[1].beats);
    EXPECT_FALSE(workers[1].heard_at);
    EXPECT_EQ(workers[2].id, "w1");
    EXPECT_EQ(workers[2].active, 2U);
    ASSERT_EQ(workers[2].jobs.size(), 2U);
    EXPECT_EQ(workers[2].jobs[0]->id, first);
    EXPECT_EQ(workers[2].jobs[1]->id, second);
    ASSERT_TRUE(f.ack(held[0]));
    EXPECT_EQ(all_of(f).at(2).active, 1U);
    ASSERT_TRUE(f.ack(held[1]));
    EXPECT_EQ(all_of(f).size(), 2U) << "it holds nothing and sends no heartbeats";
}

TEST(Workers, CanBeAskedForOneByOne) {
    engine_fixture f;
    f.heartbeat("a");
    f.heartbeat("b");
    EXPECT_EQ(f.core().workers("b").size(), 1U);
    EXPECT_EQ(f.core().workers("b").at(0).id, "b");
    EXPECT_TRUE(f.core().workers("c").empty());
    EXPECT_TRUE(f.core().workers(std::string(in_server_worker_id)).empty());
}

TEST(Workers, WhenTheyWereHeardIsToldByTheClockOfTheServer) {
    engine_fixture f;
    f.heartbeat("a");
    const auto heard = f.clock.now.wall;
    f.clock.jump_wall(-1h);
    f.clock.advance(5s);
    EXPECT_EQ(all_of(f).at(0).heard_at, heard) << "the wall clock was set back";
}

TEST(Workers, NameNoMoreThanAThousandJobsOfOne) {
    engine_config config;
    config.window_jobs = 4096;
    engine_fixture f(config);
    f.push_many("default", 1100);
    ASSERT_EQ(f.fetch("default", 1100).size(), 1100U);
    const auto workers = all_of(f);
    ASSERT_EQ(workers.size(), 1U);
    EXPECT_EQ(workers[0].active, 1100U);
    EXPECT_EQ(workers[0].jobs.size(), worker_jobs_max);
}

TEST(Workers, OfThisServerAreOneWhileTheyHoldJobs) {
    engine_fixture f(with_handler());
    f.push_many("default", 3);
    const auto runs = f.fetch(in_server(2));
    ASSERT_EQ(runs.size(), 2U);
    auto workers = all_of(f);
    ASSERT_EQ(workers.size(), 1U);
    EXPECT_EQ(workers[0].id, in_server_worker_id);
    EXPECT_EQ(workers[0].active, 2U);
    EXPECT_FALSE(workers[0].beats);
    // Its handler goes on, and the job is no longer its own.
    ASSERT_TRUE(f.cancel(runs[0].spec->id));
    EXPECT_EQ(all_of(f).at(0).active, 1U);
    ASSERT_TRUE(f.ack(runs[1]));
    EXPECT_TRUE(all_of(f).empty());
}

TEST(QuietWorker, IsGivenNothingAndIsToldSoUntilItMayGoOn) {
    engine_fixture f;
    f.heartbeat("w1");
    const auto told = f.core().quiet_worker("w1", true);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->directive, worker_state::quiet);
    EXPECT_EQ(told->state, worker_state::running);
    f.push();
    EXPECT_TRUE(f.fetch().empty());
    EXPECT_EQ(f.heartbeat("w1").directive, worker_state::quiet);
    EXPECT_EQ(f.heartbeat("w2").directive, worker_state::running);
    ASSERT_TRUE(f.core().quiet_worker("w1", false));
    EXPECT_EQ(f.heartbeat("w1").directive, worker_state::running);
    EXPECT_EQ(f.fetch().size(), 1U);
}

TEST(QuietWorker, LeavesAFetchThatWaitsWithoutAJob) {
    engine_fixture f;
    f.heartbeat("w1");
    fetch_request request;
    request.worker_id = "w1";
    request.queues = {"default"};
    request.wait = 60s;
    const auto taker = f.park(request);
    ASSERT_TRUE(f.core().quiet_worker("w1", true));
    f.push();
    const auto given = f.answer_to(taker);
    ASSERT_TRUE(given);
    EXPECT_TRUE(given->empty());
    EXPECT_EQ(f.fetch("default", 1).size(), 0U);
}

TEST(QuietWorker, MustSendHeartbeats) {
    engine_fixture f(with_handler());
    EXPECT_EQ(code_of(f.core().quiet_worker("nobody", true)), errc::not_found);
    f.push_many("default", 2);
    f.fetch_one("default", "holder");
    f.fetch(in_server());
    EXPECT_EQ(code_of(f.core().quiet_worker("holder", true)), errc::conflict);
    EXPECT_EQ(code_of(f.core().quiet_worker(std::string(in_server_worker_id), true)),
              errc::conflict);
}

TEST(QuietWorker, IsForgottenWhenItFallsSilent) {
    engine_config config;
    config.worker_silence = 60s;
    engine_fixture f(config);
    f.heartbeat("w1");
    ASSERT_TRUE(f.core().quiet_worker("w1", true));
    f.pass(61s);
    f.push();
    EXPECT_EQ(f.fetch().size(), 1U);
    EXPECT_EQ(f.heartbeat("w1").directive, worker_state::running);
}

TEST(Stats, CountTheRunsOfTheLastMinuteAndTheWorkers) {
    engine_fixture f;
    f.push_many("default", 3);
    ASSERT_TRUE(f.ack(f.fetch_one()));
    ASSERT_TRUE(f.nack(f.fetch_one()));
    f.heartbeat("w2");
    const auto now = f.core().stats(f.clock.now);
    EXPECT_EQ(now.runs_completed, 1U);
    EXPECT_EQ(now.runs_failed, 1U);
    EXPECT_EQ(now.workers, 1U);
    f.clock.advance(60s);
    EXPECT_EQ(f.core().stats(f.clock.now).runs_completed, 0U);
    ASSERT_TRUE(f.ack(f.fetch_one()));
    EXPECT_EQ(f.core().stats(f.clock.now).runs_completed, 1U);
    f.core().reset(f.clock.now);
    EXPECT_EQ(f.core().stats(f.clock.now).runs_completed, 0U);
}

TEST(Stats, CountARunWhenItsEndIsDurable) {
    engine_fixture f;
    f.push();
    const auto job = f.fetch_one();
    f.manual = true;
    ASSERT_TRUE(f.ack(job));
    EXPECT_EQ(f.core().stats(f.clock.now).runs_completed, 0U);
    f.settle();
    EXPECT_EQ(f.core().stats(f.clock.now).runs_completed, 1U);
}

}  // namespace
}  // namespace sluice::test
