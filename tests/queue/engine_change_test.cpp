#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

job_spec tried_once() {
    auto spec = make_spec();
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    return spec;
}

uuid dead_letter(engine_fixture& f) {
    const auto id = f.push(tried_once());
    EXPECT_TRUE(f.nack(f.fetch_one()));
    return id;
}

// -- nack

TEST(Failure, WaitsForItsBackoffAndIsTriedAgain) {
    engine_fixture f;
    const auto id = f.push();
    nack_request why;
    why.failure.type = "Boom";
    why.failure.message = "no luck";
    ASSERT_TRUE(f.nack(f.fetch_one(), why));
    EXPECT_EQ(f.job(id).state, job_state::retryable);
    EXPECT_EQ(f.job(id).retry_delay, 1s);
    ASSERT_EQ(f.job(id).failures.size(), 1U);
    EXPECT_EQ(f.job(id).failures[0].type, "Boom");
    EXPECT_EQ(f.job(id).failures[0].attempt, 1U);
    f.pass(1s - 1us);
    EXPECT_EQ(f.job(id).state, job_state::retryable);
    f.pass(1us);
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.fetch_one().attempt, 2U);
}

TEST(Failure, AfterTheLastAttemptIsDiscarded) {
    engine_fixture f;
    const auto id = f.push();
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(f.nack(f.fetch_one()));
        f.pass(1s);
    }
    EXPECT_EQ(f.job(id).state, job_state::discarded);
    EXPECT_FALSE(f.job(id).dead_letter);
    EXPECT_EQ(f.job(id).failures.size(), 3U);
}

TEST(Failure, AfterTheLastAttemptMakesADeadLetterWhereThePolicySaysSo) {
    engine_fixture f;
    const auto id = dead_letter(f);
    EXPECT_EQ(f.job(id).state, job_state::discarded);
    EXPECT_TRUE(f.job(id).dead_letter);
}

TEST(Failure, ThatIsNotRetryableEndsTheJobAtOnce) {
    engine_fixture f;
    const auto id = f.push();
    nack_request final;
    final.retryable = false;
    ASSERT_TRUE(f.nack(f.fetch_one(), final));
    EXPECT_EQ(f.job(id).state, job_state::discarded);
}

TEST(Failure, HonoursTheWorkersOwnDelay) {
    engine_fixture f;
    const auto id = f.push();
    nack_request later;
    later.retry_after = 90s;
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    f.pass(90s - 1us);
    EXPECT_EQ(f.job(id).state, job_state::retryable);
    f.pass(1us);
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(Failure, KeepsABoundedHistory) {
    engine_fixture f;
    auto spec = make_spec();
    spec.retry.max_attempts = 1000;
    spec.retry.initial_interval = 0ms;
    const auto id = f.push(spec);
    for (int i = 0; i < 60; ++i) {
        ASSERT_TRUE(f.nack(f.fetch_one()));
        f.run_timers();
    }
    EXPECT_EQ(f.job(id).failures.size(), limits::error_history_max);
    EXPECT_EQ(f.job(id).failures.back().attempt, 60U);
    EXPECT_EQ(f.job(id).attempts.size(), limits::error_history_max);
}

TEST(Failure, KeepsItsBackoffAcrossARestart) {
    engine_fixture f;
    const auto id = f.push();
    nack_request later;
    later.retry_after = 90s;
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    f.pass(60s);
    f.crash();
    f.pass(30s - 1us);
    EXPECT_EQ(f.job(id).state, job_state::retryable);
    f.pass(1us);
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(Requeue, IsAFailureThatIsTriedAgainAtOnce) {
    engine_fixture f;
    const auto id = f.push();
    nack_request requeue;
    requeue.requeue = true;
    ASSERT_TRUE(f.nack(f.fetch_one(), requeue));
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).attempt, 1U);
    EXPECT_EQ(f.fetch_one().attempt, 2U);
}

TEST(Release, SpendsNoAttemptAndKeepsThePlaceInLine) {
    engine_fixture f;
    const auto id = f.push();
    f.push();
    const auto job = f.fetch_one();
    nack_request release;
    release.release = true;
    ASSERT_TRUE(f.nack(job, release));
    EXPECT_EQ(f.job(id).attempt, 0U);
    EXPECT_EQ(f.job(id).interruptions, 0U);
    EXPECT_EQ(f.fetch_one().spec->id, id);
}

TEST(Snooze, ComesBackLaterAndSpendsNoAttempt) {
    engine_fixture f;
    const auto id = f.push();
    nack_request snooze;
    snooze.snooze = 5min;
    ASSERT_TRUE(f.nack(f.fetch_one(), snooze));
    EXPECT_EQ(f.job(id).state, job_state::scheduled);
    EXPECT_EQ(f.job(id).attempt, 0U);
    f.pass(5min - 1us);
    EXPECT_EQ(f.job(id).state, job_state::scheduled);
    f.pass(1us);
    EXPECT_EQ(f.fetch_one().attempt, 1U);
}

TEST(ParkedTaker, GetsAJobThatIsGivenBack) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    fetch_request request;
    request.worker_id = "w2";
    request.queues = {"default"};
    request.wait = 10s;
    const auto taker = f.park(request);
    nack_request release;
    release.release = true;
    ASSERT_TRUE(f.nack(job, release));
    ASSERT_TRUE(f.answer_to(taker));
    EXPECT_EQ(f.answer_to(taker)->at(0).spec->id, id);
}

// -- cancel

TEST(Cancel, EndsAJobInEveryStateThatIsNotTerminal) {
    engine_fixture f;
    auto pending = make_spec("p");
    pending.pending = true;
    auto scheduled = make_spec("s");
    scheduled.scheduled_at = f.clock.now.wall + 1h;
    std::vector<uuid> ids{f.push(pending), f.push(scheduled), f.push("av"), f.push("ac"),
                          f.push("re")};
    f.fetch_one("ac");
    ASSERT_TRUE(f.nack(f.fetch_one("re")));
    for (const auto& id : ids) {
        ASSERT_FALSE(is_terminal(f.job(id).state));
        const auto answer = f.cancel(id);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->job.state, job_state::cancelled);
        EXPECT_TRUE(f.job(id).finished_at);
        EXPECT_EQ(code_of(f.cancel(id)), errc::conflict);
    }
    f.pass(2h);
    for (const auto* queue : {"p", "s", "av", "ac", "re"}) {
        EXPECT_TRUE(f.fetch(queue).empty());
        EXPECT_EQ(f.stats(queue).jobs[static_cast<std::size_t>(job_state::cancelled)], 1U);
    }
    f.crash();
    for (const auto& id : ids) EXPECT_EQ(f.job(id).state, job_state::cancelled);
}

TEST(Cancel, OfARunningJobTellsItsWorkerAtTheNextAnswer) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(f.cancel(id));
    EXPECT_EQ(code_of(f.ack(job)), errc::already_finished);
}

TEST(Cancel, OfFinishedJobsIsAConflict) {
    engine_fixture f;
    const auto done = f.push();
    ASSERT_TRUE(f.ack(f.fetch_one()));
    const auto dead = dead_letter(f);
    EXPECT_EQ(code_of(f.cancel(done)), errc::conflict);
    EXPECT_EQ(code_of(f.cancel(dead)), errc::conflict);
    EXPECT_EQ(code_of(f.cancel(make_uuid(f.clock.now.wall, 999, 1))), errc::not_found);
}

// -- pending, scheduled, expiry

TEST(Activate, LetsAPendingJobGoOnce) {
    engine_fixture f;
    auto spec = make_spec();
    spec.pending = true;
    const auto id = f.push(spec);
    const auto later = f.push();
    EXPECT_EQ(f.job(id).state, job_state::pending);
    ASSERT_TRUE(f.activate(id));
    EXPECT_EQ(code_of(f.activate(id)), errc::conflict);
    EXPECT_EQ(f.fetch_one().spec->id, later);
    EXPECT_EQ(f.fetch_one().spec->id, id);
}

TEST(Activate, BeforeItsTimeMakesAJobScheduled) {
    engine_fixture f;
    auto spec = make_spec();
    spec.pending = true;
    spec.scheduled_at = f.clock.now.wall + 10s;
    const auto id = f.push(spec);
    const auto activated = f.activate(id);
    ASSERT_TRUE(activated);
    EXPECT_EQ(activated->job.state, job_state::scheduled);
    EXPECT_TRUE(f.fetch().empty());
    f.crash();
    f.pass(10s - 1us);
    EXPECT_TRUE(f.fetch().empty());
    f.pass(1us);
    EXPECT_EQ(f.fetch_one().spec->id, id);
}

TEST(Expiry, DiscardsAJobThatNobodyTookInTime) {
    engine_fixture f;
    auto spec = make_spec();
    spec.expires_at = f.clock.now.wall + 10s;
    const auto id = f.push(spec);
    f.pass(10s - 1us);
    EXPECT_EQ(f.job(id).state, job_state::available);
    f.pass(1us);
    EXPECT_EQ(f.job(id).state, job_state::discarded);
    EXPECT_FALSE(f.job(id).dead_letter);
    EXPECT_TRUE(f.fetch().empty());
}

TEST(Expiry, DoesNotTouchAJobThatRuns) {
    engine_fixture f;
    auto spec = make_spec();
    spec.expires_at = f.clock.now.wall + 10s;
    const auto id = f.push(spec);
    const auto job = f.fetch_one();
    f.pass(20s);
    EXPECT_EQ(f.job(id).state, job_state::active);
    EXPECT_TRUE(f.ack(job));
}

TEST(Expiry, ThatPassedDuringARunEndsTheJobOnceItIsBack) {
    engine_fixture f;
    auto spec = make_spec();
    spec.expires_at = f.clock.now.wall + 10s;
    const auto failed = f.push(spec);
    const auto released = f.push(spec);
    const auto first = f.fetch_one();
    const auto second = f.fetch_one();
    f.pass(20s);
    ASSERT_TRUE(f.nack(first));
    nack_request back;
    back.release = true;
    ASSERT_TRUE(f.nack(second, back));
    f.run_timers();
    EXPECT_EQ(f.job(failed).state, job_state::discarded);
    EXPECT_EQ(f.job(released).state, job_state::discarded);
}

TEST(Expiry, FindsJobsAtRestToo) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    auto spec = make_spec();
    spec.expires_at = f.clock.now.wall + 10s;
    const auto id = f.push(spec);
    f.crash();
    ASSERT_FALSE(f.core().resident(id));
    f.pass(10s);
    EXPECT_EQ(f.job(id).state, job_state::discarded);
}

}  // namespace
}  // namespace sluice::test
