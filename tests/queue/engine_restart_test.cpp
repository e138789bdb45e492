// What a restart of the server leaves as it was.

#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

engine_config short_leases_and_runs() {
    engine_config config;
    config.visibility_timeout = 10s;
    config.execution_timeout = 100s;
    return config;
}

job_record fetch_for(engine_fixture& f, std::chrono::milliseconds length) {
    fetch_request request;
    request.worker_id = "w1";
    request.queues = {"default"};
    request.visibility_timeout = length;
    return f.fetch(request).at(0);
}

void expect_lapse_after(engine_fixture& f, const uuid& id, std::chrono::microseconds time) {
    f.pass(time - 1us);
    EXPECT_EQ(f.job(id).state, job_state::active);
    f.pass(1us);
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).interruptions, 1U);
}

TEST(LeaseOverARestart, BeginsAnew) {
    engine_fixture f(short_leases_and_runs());
    const auto id = f.push();
    f.fetch_one();
    f.clock.advance(4s);
    f.crash();
    expect_lapse_after(f, id, 10s);
}

TEST(LeaseOverARestart, KeepsTheLengthTheWorkerAskedFor) {
    engine_fixture f(short_leases_and_runs());
    const auto id = f.push();
    fetch_for(f, 60s);
    f.crash();
    EXPECT_EQ(*f.job(id).lease_expires_at, f.clock.now.wall + 60s);
    f.crash();  // and over the next one
    expect_lapse_after(f, id, 60s);
}

TEST(LeaseOverARestart, KeepsAShorterLengthToo) {
    engine_fixture f(short_leases_and_runs());
    const auto id = f.push();
    fetch_for(f, 2s);
    f.crash();
    expect_lapse_after(f, id, 2s);
}

TEST(LeaseOverARestart, KeepsTheLengthThatAHeartbeatGaveIt) {
    engine_fixture f(short_leases_and_runs());
    const auto id = f.push();
    const auto job = f.fetch_one();
    heartbeat_request beat;
    beat.worker_id = "w1";
    beat.jobs.push_back({id, job.lease});
    beat.visibility_timeout = 50s;
    ASSERT_TRUE(f.core().heartbeat(beat, f.clock.now));
    f.settle();
    f.crash();
    // The worker would be taken for dead by its silence only if it had been heard since the start.
    expect_lapse_after(f, id, 50s);
}

TEST(LeaseOverARestart, OfALapsedJobAtRestIsThatOfItsGrant) {
    auto config = short_leases_and_runs();
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto id = f.push();
    const auto job = fetch_for(f, 60s);
    f.pass(70s);
    ASSERT_FALSE(f.core().resident(id));
    ASSERT_FALSE(f.heartbeat("w1", {job}).jobs.at(0).problem);
    f.pass(29s);
    EXPECT_EQ(f.job(id).state, job_state::active);
}

TEST(LeaseOverARestart, IsNotTouchedByAClockThatWasSetForwardOrBack) {
    for (const auto jump : {month, -month}) {
        engine_fixture f(short_leases_and_runs());
        const auto id = f.push();
        fetch_for(f, 60s);
        f.clock.jump_wall(jump);
        f.crash();
        f.run_timers();
        expect_lapse_after(f, id, 60s);
        EXPECT_EQ(f.job(id).attempt, 0U) << "an interruption spends no attempt";
        EXPECT_TRUE(f.job(id).failures.empty());
    }
}

TEST(RunOverARestart, DoesNotTimeOutBecauseTheClockWasSetForward) {
    engine_fixture f(short_leases_and_runs());
    const auto id = f.push();
    const auto job = f.fetch_one();
    f.clock.jump_wall(month);
    f.crash();
    f.run_timers();
    EXPECT_EQ(f.job(id).state, job_state::active);
    EXPECT_TRUE(f.ack(job));
}

TEST(RunOverARestart, HasWhatWasLeftOfItsTimeWhenItsWorkerWasLastHeard) {
    engine_fixture f(short_leases_and_runs());
    const auto id = f.push();
    const auto job = fetch_for(f, 300s);
    f.pass(60s);
    ASSERT_FALSE(f.heartbeat("w1", {job}).jobs.at(0).problem);
    f.clock.jump_wall(-month);
    f.crash();
    f.pass(40s - 1us);
    EXPECT_EQ(f.job(id).state, job_state::active);
    f.pass(1us);
    EXPECT_EQ(f.job(id).state, job_state::retryable);
    EXPECT_EQ(f.job(id).failures.at(0).type, "timeout");
}

TEST(RunOverARestart, OfAnOlderServerHasItsTimeAnew) {
    engine_fixture f(short_leases_and_runs());
    const auto id = f.push();
    auto record = f.fetch_one();
    record.lease_length.reset();
    record.run_left.reset();
    engine next(f.config, 1, f.clock.now);
    next.boot({.epoch = 9, .next_seq = 100});
    next.restore_active(record, f.clock.now);
    f.clock.advance(10s - 1us);
    next.run_timers(f.clock.now);
    EXPECT_EQ(next.info(id)->state, job_state::active);
    f.clock.advance(1us);
    next.run_timers(f.clock.now);
    EXPECT_EQ(next.info(id)->state, job_state::available);
}

// -- everything else

TEST(Restart, CountsTheDeadLettersOfBefore) {
    engine_fixture f;
    auto spec = make_spec("d");
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    const auto id = f.push(spec);
    ASSERT_TRUE(f.nack(f.fetch_one("d")));
    f.crash();
    const auto discarded = static_cast<std::size_t>(job_state::discarded);
    EXPECT_EQ(f.stats("d").jobs[discarded], 1U);
    ASSERT_TRUE(f.delete_dead_letter(id));
    EXPECT_EQ(f.stats("d").jobs[discarded], 0U);
}

TEST(Restart, FindsEveryStateAsItWas) {
    engine_fixture f;
    auto pending = make_spec("p");
    pending.pending = true;
    auto scheduled = make_spec("s");
    scheduled.scheduled_at = f.clock.now.wall + 1h;
    auto dead = make_spec("d");
    dead.retry.max_attempts = 1;
    dead.retry.on_exhaustion = exhaustion::dead_letter;
    const std::vector<uuid> ids{f.push(pending),     f.push(scheduled),   f.push("available"),
                                f.push("active"),    f.push("retryable"), f.push("completed"),
                                f.push("cancelled"), f.push(dead)};
    f.fetch_one("active");
    ASSERT_TRUE(f.nack(f.fetch_one("retryable")));
    ASSERT_TRUE(f.ack(f.fetch_one("completed"), "[1]"));
    ASSERT_TRUE(f.cancel(ids[6]));
    ASSERT_TRUE(f.nack(f.fetch_one("d")));
    std::vector<job_record> before;
    for (const auto& id : ids) before.push_back(f.job(id));
    f.crash();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto after = f.job(ids[i]);
        EXPECT_EQ(after.state, static_cast<job_state>(i));
        EXPECT_EQ(after.attempt, before[i].attempt);
        EXPECT_EQ(after.ticket, before[i].ticket);
        EXPECT_EQ(after.lease, before[i].lease);
        EXPECT_EQ(after.outcome, before[i].outcome);
        EXPECT_EQ(after.due_at, before[i].due_at);
        EXPECT_EQ(after.result, before[i].result);
        EXPECT_EQ(after.dead_letter, before[i].dead_letter);
        if (!is_terminal(after.state)) {
            const auto stats = f.stats(after.spec->queue);
            EXPECT_EQ(stats.jobs[static_cast<std::size_t>(after.state)], 1U);
        }
    }
}

TEST(Restart, NeverGivesASequenceNumberTwice) {
    engine_fixture f;
    auto dead = make_spec();
    dead.retry.max_attempts = 1;
    dead.retry.on_exhaustion = exhaustion::dead_letter;
    const auto id = f.push(dead);
    ASSERT_TRUE(f.nack(f.fetch_one()));
    const auto seq = f.job(id).seq;
    ASSERT_TRUE(f.delete_dead_letter(id));
    f.crash();
    EXPECT_GT(f.job(f.push()).seq, seq);
}

TEST(Restart, APausedQueueStaysPaused) {
    engine_fixture f;
    f.push("q");
    journal_batch pause;
    pause.number = 1'000;
    pause.paused_queues = {{"q", true}};
    ASSERT_EQ(f.store().commit_blocking(pause).status, commit_status::ok);
    f.crash();
    EXPECT_TRUE(f.stats("q").paused);
    EXPECT_TRUE(f.fetch("q").empty());
}

}  // namespace
}  // namespace sluice::test
