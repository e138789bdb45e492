#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

TEST(Heartbeat, StartsTheLeaseAnewFromNow) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.pass(9s);
    const auto beat = f.heartbeat("w1", {job});
    ASSERT_FALSE(beat.jobs.at(0).problem);
    EXPECT_EQ(beat.jobs.at(0).lease_expires_at, f.clock.now.wall + 10s);
    f.pass(10s - 1us);
    EXPECT_EQ(f.job(id).state, job_state::active);
    f.pass(1us);
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(Heartbeat, TakesALapsedJobBack) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.pass(15s);
    const auto beat = f.heartbeat("w1", {job});
    EXPECT_FALSE(beat.jobs.at(0).problem);
    EXPECT_EQ(f.job(id).state, job_state::active);
    EXPECT_TRUE(f.fetch().empty());
    f.pass(9s);
    EXPECT_EQ(f.job(id).state, job_state::active);
    EXPECT_TRUE(f.ack(job));
}

TEST(Heartbeat, TakesALapsedJobBackThatIsAtRest) {
    auto config = short_leases();
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.pass(15s);
    ASSERT_FALSE(f.core().resident(id));
    EXPECT_FALSE(f.heartbeat("w1", {job}).jobs.at(0).problem);
    f.pass(9s);
    EXPECT_EQ(f.job(id).state, job_state::active);
    EXPECT_EQ(f.job(id).failures.size(), 0U);
    EXPECT_TRUE(f.ack(job));
}

TEST(Heartbeat, TakesALapsedJobBackAgainAndAgain) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    const auto job = f.fetch_one();
    for (int i = 0; i < 5; ++i) {
        f.pass(11s);
        ASSERT_EQ(f.job(id).state, job_state::available);
        ASSERT_FALSE(f.heartbeat("w1", {job}).jobs.at(0).problem);
    }
    const auto next = f.push();
    EXPECT_EQ(f.fetch_one().spec->id, next);
    EXPECT_TRUE(f.fetch().empty());
    EXPECT_TRUE(f.ack(job));
}

TEST(Heartbeat, TellsOfJobsThatEndedOrAreUnknown) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(f.cancel(id));
    heartbeat_request request;
    request.worker_id = "w1";
    request.jobs.push_back({id, job.lease});
    request.jobs.push_back({make_uuid(f.clock.now.wall, 99, 9), job.lease});
    const auto beat = f.core().heartbeat(request, f.clock.now);
    ASSERT_TRUE(beat);
    EXPECT_EQ(beat->jobs.at(0).problem, errc::conflict);
    EXPECT_EQ(beat->jobs.at(0).state, job_state::cancelled);
    EXPECT_EQ(beat->jobs.at(1).problem, errc::not_found);
}

TEST(Heartbeat, OfInventedWorkersIsRefusedBeyondABound) {
    engine_config config;
    config.workers_max = 3;
    config.worker_silence = 60s;
    engine_fixture f(config);
    const auto beat_of = [&](const std::string& worker) {
        heartbeat_request request;
        request.worker_id = worker;
        return code_of(f.core().heartbeat(request, f.clock.now));
    };
    for (const auto* known : {"a", "b", "c"}) f.heartbeat(known);
    EXPECT_EQ(beat_of("d"), errc::overloaded);
    f.heartbeat("a");
    f.push();
    const auto job = f.fetch_one("default", "holder");
    EXPECT_FALSE(f.heartbeat("holder", {job}).jobs.at(0).problem) << "it holds a job";
    EXPECT_EQ(beat_of("d"), errc::overloaded);
    f.pass(61s);
    f.heartbeat("d");
}

TEST(WorkerSilence, LetsGoOfAllThatTheWorkerHolds) {
    engine_config config;
    config.worker_silence = 60s;
    engine_fixture f(config);
    const auto a = f.push();
    const auto b = f.push();
    const auto held = f.fetch("default", 2);
    f.heartbeat("w1", held);
    f.pass(60s - 1us);
    EXPECT_EQ(f.job(a).state, job_state::active);
    f.pass(1us);
    EXPECT_EQ(f.job(a).state, job_state::available);
    EXPECT_EQ(f.job(b).state, job_state::available);
    EXPECT_EQ(f.job(a).interruptions, 1U);
}

TEST(WorkerSilence, DoesNotConcernWorkersThatNeverBeat) {
    engine_config config;
    config.worker_silence = 60s;
    engine_fixture f(config);
    const auto id = f.push();
    f.fetch_one();
    f.pass(10min);
    EXPECT_EQ(f.job(id).state, job_state::active);
}

TEST(ExecutionTimeout, IsAFailureWhateverHeartbeatsCome) {
    engine_config config;
    config.visibility_timeout = 10s;
    engine_fixture f(config);
    auto spec = make_spec();
    spec.timeout = 30s;
    const auto id = f.push(spec);
    const auto job = f.fetch_one();
    for (int i = 0; i < 5; ++i) {
        f.pass(5s);
        ASSERT_FALSE(f.heartbeat("w1", {job}).jobs.at(0).problem);
    }
    f.pass(5s);
    EXPECT_EQ(f.job(id).state, job_state::retryable);
    EXPECT_EQ(f.job(id).attempt, 1U);
    EXPECT_EQ(f.job(id).interruptions, 0U);
    EXPECT_EQ(f.job(id).outcome, lease_outcome::timed_out);
    EXPECT_EQ(f.job(id).failures.at(0).type, "timeout");
    EXPECT_EQ(code_of(f.ack(job)), errc::already_finished);
}

TEST(InServerLease, EndsWithTheProcessAndNotByTime) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    f.fetch_one("default", std::string(in_server_worker_id));
    f.pass(20min);
    EXPECT_EQ(f.job(id).state, job_state::active);
    f.crash();
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).interruptions, 1U);
    EXPECT_EQ(f.job(id).attempt, 0U);
}

}  // namespace
}  // namespace sluice::test
