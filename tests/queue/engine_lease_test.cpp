#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

fetch_request wanted_by(std::string worker, std::string queue = "default") {
    fetch_request request;
    request.worker_id = std::move(worker);
    request.queues.push_back(std::move(queue));
    return request;
}

TEST(Lease, AGrantThatEndedBeforeItWasDurableIsNotHandedOutUnderTheNextWorkersLease) {
    engine_config config;
    config.visibility_timeout = 1s;
    engine_fixture f(config);
    f.push();
    f.manual = true;
    const auto first = f.core().fetch(wanted_by("w1"), f.clock.now);
    f.clock.advance(2s);
    f.core().run_timers(f.clock.now);
    const auto second = f.core().fetch(wanted_by("w2"), f.clock.now);
    ASSERT_EQ(second.leases.size(), 1U);
    f.commit();
    EXPECT_TRUE(f.core().granted(first.leases).empty());
    EXPECT_EQ(f.core().granted(second.leases).size(), 1U);
}

// -- answers

ack_request ack_of(const job_record& job, std::string result = {}) {
    ack_request request;
    request.job_id = job.spec->id;
    request.lease = job.lease;
    request.result = std::move(result);
    return request;
}

TEST(Ack, RepeatedUnderTheSameLeaseIsTheSameAnswer) {
    engine_fixture f;
    f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(f.ack(job, "1"));
    const auto again = f.ack(job, "2");
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->repeated);
    EXPECT_EQ(again->job.result, "1");
}

TEST(Ack, RepeatedLongAfterTheJobLeftMemoryIsTheSameAnswer) {
    engine_config config;
    config.finished_cache = 0;
    engine_fixture f(config);
    f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(f.ack(job));
    EXPECT_EQ(f.core().resident_count(), 0U);
    f.crash();
    const auto again = f.ack(job);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->repeated);
}

TEST(Ack, AfterANackUnderTheSameLeaseIsRefused) {
    engine_fixture f;
    f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(f.nack(job));
    EXPECT_EQ(code_of(f.ack(job)), errc::already_finished);
}

TEST(Nack, RepeatedUnderTheSameLeaseIsTheSameAnswerAndFailsOnce) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(f.nack(job));
    const auto again = f.nack(job);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->repeated);
    EXPECT_EQ(f.job(id).failures.size(), 1U);
}

TEST(Nack, AfterAnAckUnderTheSameLeaseIsRefused) {
    engine_fixture f;
    f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(f.ack(job));
    EXPECT_EQ(code_of(f.nack(job)), errc::already_finished);
}

TEST(Release, RepeatedUnderTheSameLeaseIsTheSameAnswer) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    nack_request release;
    release.release = true;
    ASSERT_TRUE(f.nack(job, release));
    EXPECT_TRUE(f.nack(job, release)->repeated);
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).attempt, 0U);
}

TEST(Answer, ForAJobThatIsNotThereIsNotFound) {
    engine_fixture f;
    ack_request request;
    request.job_id = make_uuid(f.clock.now.wall, 77, 1);
    EXPECT_EQ(code_of(f.core().ack(request, f.clock.now)), errc::not_found);
    nack_request nack;
    nack.job_id = request.job_id;
    EXPECT_EQ(code_of(f.core().nack(nack, f.clock.now)), errc::not_found);
}

TEST(Fence, AStaleLeaseIsLostAndChangesNothing) {
    engine_config config;
    config.visibility_timeout = 10s;
    engine_fixture f(config);
    const auto id = f.push();
    const auto stale = f.fetch_one("default", "w1");
    f.pass(11s);
    const auto latest = f.fetch_one("default", "w2");
    EXPECT_NE(to_string(stale.lease), to_string(latest.lease));
    EXPECT_EQ(code_of(f.ack(stale)), errc::lease_lost);
    EXPECT_EQ(code_of(f.nack(stale)), errc::lease_lost);
    const auto beat = f.heartbeat("w1", {stale});
    EXPECT_EQ(beat.jobs.at(0).problem, errc::lease_lost);
    EXPECT_EQ(f.job(id).state, job_state::active);
    EXPECT_EQ(f.job(id).worker_id, "w2");
    EXPECT_TRUE(f.ack(latest));
}

TEST(Fence, ALeaseOfAnotherJobIsLost) {
    engine_fixture f;
    f.push();
    f.push();
    auto a = f.fetch_one();
    const auto b = f.fetch_one();
    a.lease = b.lease;
    EXPECT_EQ(code_of(f.ack(a)), errc::lease_lost);
}

TEST(Fence, NoTokenIsEverGivenTwiceAcrossRestarts) {
    engine_fixture f;
    f.push();
    const auto before = f.fetch_one();
    f.lose_power();  // the grant was written, not synced: it may be gone
    const auto after = f.fetch_one();
    EXPECT_GT(after.lease.epoch, before.lease.epoch);
    EXPECT_EQ(code_of(f.ack(before)), errc::lease_lost);
}

TEST(Fence, ALeaseOutlivesTheProcess) {
    engine_fixture f;
    f.push();
    const auto job = f.fetch_one();
    f.crash();
    EXPECT_TRUE(f.ack(job));
}

TEST(Fence, WithoutALeaseTheWorkerAndTheStateDecide) {
    engine_fixture f;
    f.push();
    auto job = f.fetch_one("default", "w1");
    auto request = ack_of(job);
    request.lease.reset();
    request.worker_id = "w2";
    EXPECT_EQ(code_of(f.core().ack(request, f.clock.now)), errc::conflict);
    request.worker_id = "w1";
    EXPECT_TRUE(f.core().ack(request, f.clock.now));
    EXPECT_EQ(code_of(f.core().ack(request, f.clock.now)), errc::conflict);
}

// -- lapses

TEST(VisibilityTimeout, ReturnsTheJobToTheFrontAndSpendsNoAttempt) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    f.push();
    f.fetch_one();
    f.pass(10s);
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).attempt, 0U);
    EXPECT_EQ(f.job(id).interruptions, 1U);
    EXPECT_EQ(f.job(id).outcome, lease_outcome::lapsed);
    EXPECT_EQ(f.fetch_one().spec->id, id);
}

TEST(VisibilityTimeout, OfTheFetchGoesBeforeThatOfTheJobAndOfTheServer) {
    engine_fixture f(short_leases());
    auto spec = make_spec();
    spec.visibility_timeout = 5s;
    const auto id = f.push(spec);
    f.fetch_one();
    f.pass(5s);
    EXPECT_EQ(f.job(id).state, job_state::available);
    fetch_request request;
    request.worker_id = "w1";
    request.queues = {"default"};
    request.visibility_timeout = 2s;
    ASSERT_EQ(f.fetch(request).size(), 1U);
    f.pass(2s);
    EXPECT_EQ(f.job(id).interruptions, 2U);
}

TEST(VisibilityTimeout, TooOftenMakesADeadLetter) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(f.job(id).state, job_state::available);
        f.fetch_one();
        f.pass(10s);
    }
    EXPECT_EQ(f.job(id).state, job_state::discarded);
    EXPECT_TRUE(f.job(id).dead_letter);
    EXPECT_EQ(f.job(id).interruptions, 3U);
    ASSERT_EQ(f.job(id).failures.size(), 1U);
    EXPECT_EQ(f.job(id).failures.front().type, "interrupted");
}

TEST(LateAck, CountsForALeaseThatWasOpenAtTheStart) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.crash();
    f.pass(1h);
    ASSERT_EQ(f.job(id).state, job_state::available);
    EXPECT_TRUE(f.ack(job));
}

TEST(LateAck, DoesNotCountOnceThePowerMayHaveTakenALaterGrant) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    const auto first = f.fetch_one("default", "w1");
    f.pass(10s);
    const auto second = f.fetch_one("default", "w2");
    ASSERT_NE(first.lease, second.lease);
    f.lose_power();
    ASSERT_EQ(f.job(id).lease, first.lease);  // the later grant was not synced
    EXPECT_EQ(f.heartbeat("w1", {first}).jobs.at(0).problem, errc::lease_lost);
    EXPECT_EQ(code_of(f.ack(first)), errc::lease_lost);
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(LateAck, CountsAsLongAsNobodyElseWasGivenTheJob) {
    engine_fixture f(short_leases());
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.pass(1h);
    ASSERT_EQ(f.job(id).state, job_state::available);
    const auto answer = f.ack(job, "true");
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->repeated);
    EXPECT_EQ(f.job(id).state, job_state::completed);
    EXPECT_EQ(f.job(id).attempt, 1U);
    EXPECT_EQ(f.job(id).interruptions, 0U);
    EXPECT_TRUE(f.fetch().empty());
}

TEST(LateAck, CountsForAJobThatIsAtRest) {
    auto config = short_leases();
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.pass(1h);
    ASSERT_FALSE(f.core().resident(id));
    EXPECT_TRUE(f.ack(job));
    EXPECT_TRUE(f.fetch().empty());
}

TEST(LateAck, AfterTheJobBecameADeadLetterIsRefused) {
    auto config = short_leases();
    config.interruptions_max = 0;
    engine_fixture f(config);
    f.push();
    const auto job = f.fetch_one();
    f.pass(10s);
    EXPECT_EQ(code_of(f.ack(job)), errc::already_finished);
}

TEST(LateAck, OfARevivedDeadLetterLeavesItsCountsSound) {
    auto config = short_leases();
    config.interruptions_max = 0;
    engine_fixture f(config);
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.pass(10s);
    ASSERT_TRUE(f.retry_dead_letter(id));
    ASSERT_TRUE(f.ack(job));
    EXPECT_EQ(f.job(id).interruptions, 0U);
    EXPECT_EQ(f.job(id).attempt, 1U);
}

}  // namespace
}  // namespace sluice::test
