// What is said of a run while it lasts: its progress, and that somebody outside goes on with it.

#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

engine_config one_handler() {
    engine_config config;
    config.handled_types = {{"work", 1}};
    config.visibility_timeout = 10s;
    config.execution_timeout = 60s;
    return config;
}

job_record fetch_in_server(engine_fixture& f) {
    fetch_request request;
    request.worker_id = std::string(in_server_worker_id);
    request.queues = {"*"};
    request.handled_only = true;
    const auto jobs = f.fetch(request);
    EXPECT_EQ(jobs.size(), 1U);
    return jobs.empty() ? job_record{} : jobs.front();
}

progress_request progress_of(const job_record& job, double fraction, std::string message = {}) {
    progress_request request;
    request.job_id = job.spec->id;
    request.lease = job.lease;
    request.fraction = fraction;
    request.message = std::move(message);
    return request;
}

delegate_request delegation_of(const job_record& job) {
    delegate_request request;
    request.job_id = job.spec->id;
    request.lease = job.lease;
    request.holder = "push:receiver";
    return request;
}

result<change_answer> report(engine_fixture& f, const progress_request& request) {
    auto answer = f.core().report_progress(request, f.clock.now);
    f.settle();
    return answer;
}

result<change_answer> delegate(engine_fixture& f, const delegate_request& request) {
    auto answer = f.core().delegate(request, f.clock.now);
    f.settle();
    return answer;
}

TEST(Progress, IsKeptAcrossACrashAndAnEnd) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(report(f, progress_of(job, 0.25, "a quarter")));
    ASSERT_TRUE(report(f, progress_of(job, 0.5, "half")));
    f.crash();
    ASSERT_TRUE(f.job(id).progress);
    EXPECT_EQ(f.job(id).progress->fraction, 0.5);
    EXPECT_EQ(f.job(id).progress->message, "half");
    ASSERT_TRUE(f.ack(job));
    EXPECT_EQ(f.job(id).progress->message, "half");
}

TEST(Progress, IsNotSyncedForItself) {
    engine_fixture f;
    f.manual = true;
    f.push();
    f.commit();
    const auto job = f.fetch_one();
    f.commit();
    ASSERT_TRUE(f.core().report_progress(progress_of(job, 0.5), f.clock.now));
    const auto batch = f.core().take_batch(f.clock.now);
    EXPECT_EQ(batch.jobs.size(), 1U);
    EXPECT_FALSE(batch.sync);
}

TEST(Progress, StartsAnewWithTheNextAttempt) {
    engine_fixture f;
    const auto id = f.push();
    const auto first = f.fetch_one();
    ASSERT_TRUE(report(f, progress_of(first, 0.9)));
    ASSERT_TRUE(f.nack(first));
    EXPECT_TRUE(f.job(id).progress);
    f.pass(2s);
    const auto second = f.fetch_one();
    EXPECT_FALSE(second.progress);
    EXPECT_FALSE(f.job(id).progress);
}

TEST(Progress, IsHeardFromTheHolderOfTheLatestLeaseOnly) {
    auto config = one_handler();
    engine_fixture f(config);
    f.push();
    const auto first = f.fetch_one();
    f.pass(11s);
    EXPECT_EQ(code_of(report(f, progress_of(first, 0.1))), errc::conflict);  // lapsed
    const auto second = f.fetch_one();
    EXPECT_EQ(code_of(report(f, progress_of(first, 0.1))), errc::lease_lost);
    EXPECT_EQ(code_of(report(f, progress_of(second, 0.1))), std::nullopt);

    auto plain = progress_of(second, 0.2);
    plain.lease.reset();
    plain.worker_id = "somebody else";
    EXPECT_EQ(code_of(report(f, plain)), errc::conflict);
    plain.worker_id = "w1";
    EXPECT_EQ(code_of(report(f, plain)), std::nullopt);

    ASSERT_TRUE(f.ack(second));
    EXPECT_EQ(code_of(report(f, progress_of(second, 0.3))), errc::conflict);
    progress_request unknown;
    EXPECT_EQ(code_of(report(f, unknown)), errc::not_found);
}

TEST(Progress, IsClamped) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(report(f, progress_of(job, 1.5)));
    EXPECT_EQ(f.job(id).progress->fraction, 1.0);
    const auto other = f.push();
    const auto second = f.fetch_one();
    ASSERT_TRUE(report(f, progress_of(second, -0.5)));
    EXPECT_EQ(f.job(other).progress->fraction, 0.0);
}

TEST(Progress, NeverFallsAndIsWholeInTheEnd) {
    engine_fixture f;
    const auto id = f.push();
    const auto job = f.fetch_one();
    ASSERT_TRUE(report(f, progress_of(job, 0.5)));
    ASSERT_TRUE(report(f, progress_of(job, 0.25)));
    EXPECT_EQ(f.job(id).progress->fraction, 0.5);
    ASSERT_TRUE(f.ack(job));
    EXPECT_EQ(f.job(id).progress->fraction, 1.0);
    f.lose_power();
    EXPECT_EQ(f.job(id).progress->fraction, 1.0);
}

/// As a heartbeat does (ojs-progress.md §6.3).
TEST(Progress, RenewsTheLease) {
    engine_fixture f(one_handler());
    const auto id = f.push();
    const auto job = f.fetch_one();
    for (int i = 0; i < 4; ++i) {
        f.pass(6s);
        ASSERT_TRUE(report(f, progress_of(job, 0.1 * i)));
    }
    EXPECT_EQ(f.job(id).state, job_state::active);
    f.pass(11s);
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(Delegation, KeepsTheLeaseForTheOneOutside) {
    engine_fixture f(one_handler());
    const auto id = f.push();
    const auto job = fetch_in_server(f);
    EXPECT_FALSE(job.lease_expires_at);
    f.pass(5s);
    ASSERT_TRUE(delegate(f, delegation_of(job)));
    const auto away = f.job(id);
    EXPECT_EQ(away.state, job_state::active);
    EXPECT_EQ(away.lease, job.lease);
    EXPECT_EQ(away.worker_id, "push:receiver");
    EXPECT_EQ(away.attempts.back().worker_id, "push:receiver");
    EXPECT_EQ(away.attempt, 1U);
    EXPECT_EQ(away.lease_expires_at, f.clock.now.wall + 10s);
    EXPECT_TRUE(f.ack(away, "7"));
    EXPECT_EQ(f.job(id).result, "7");
}

TEST(Delegation, OutlivesTheServerWhereARunInItDoesNot) {
    engine_fixture f(one_handler());
    const auto id = f.push();
    const auto job = fetch_in_server(f);
    ASSERT_TRUE(delegate(f, delegation_of(job)));
    f.crash();
    EXPECT_EQ(f.job(id).state, job_state::active);
    f.core().release_in_server(f.clock.now);
    f.settle();
    EXPECT_EQ(f.job(id).state, job_state::active);
    EXPECT_TRUE(f.ack(job));

    engine_fixture control(one_handler());
    const auto other = control.push();
    fetch_in_server(control);
    control.crash();
    EXPECT_EQ(control.job(other).state, job_state::available);
    EXPECT_EQ(control.job(other).interruptions, 1U);
}

TEST(Delegation, LapsesWhenTheOneOutsideIsSilentAndIsProlongedByHeartbeats) {
    engine_fixture f(one_handler());
    const auto id = f.push();
    const auto job = fetch_in_server(f);
    auto request = delegation_of(job);
    request.visibility_timeout = 20s;
    ASSERT_TRUE(delegate(f, request));
    f.pass(19s);
    EXPECT_FALSE(f.heartbeat("whoever", {job}).jobs.at(0).problem);
    f.pass(19s);
    EXPECT_EQ(f.job(id).state, job_state::active);
    f.pass(2s);
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).interruptions, 1U);
    EXPECT_TRUE(f.core().take_lost_runs().empty());  // nobody here runs it
}

TEST(Delegation, EndsWithTheExecutionTimeoutOfTheRun) {
    engine_fixture f(one_handler());
    const auto id = f.push();
    const auto job = fetch_in_server(f);
    auto request = delegation_of(job);
    request.visibility_timeout = 1h;
    ASSERT_TRUE(delegate(f, request));
    f.pass(61s);
    EXPECT_NE(f.job(id).state, job_state::active);
    EXPECT_EQ(f.job(id).failures.size(), 1U);
}

TEST(Delegation, MakesRoomForTheNextRunOfTheHandler) {
    engine_fixture f(one_handler());
    f.push();
    f.push();
    const auto job = fetch_in_server(f);
    fetch_request more;
    more.worker_id = std::string(in_server_worker_id);
    more.queues = {"*"};
    more.handled_only = true;
    more.wait = 60s;
    const auto waiting = f.park(more);
    ASSERT_FALSE(f.answer_to(waiting));
    ASSERT_TRUE(delegate(f, delegation_of(job)));
    ASSERT_TRUE(f.answer_to(waiting));
    EXPECT_EQ(f.answer_to(waiting)->size(), 1U);
}

TEST(Delegation, IsRefusedWhenTheOneOutsideWasSoonerOrTheJobIsGone) {
    engine_fixture f(one_handler());
    f.push();
    const auto done = fetch_in_server(f);
    ASSERT_TRUE(f.ack(done));
    EXPECT_EQ(code_of(delegate(f, delegation_of(done))), errc::conflict);
    f.push();
    const auto cancelled = fetch_in_server(f);
    ASSERT_TRUE(f.cancel(cancelled.spec->id));
    EXPECT_EQ(code_of(delegate(f, delegation_of(cancelled))), errc::conflict);
    auto stale = delegation_of(done);
    stale.lease.counter += 100;
    EXPECT_EQ(code_of(delegate(f, stale)), errc::lease_lost);
}

TEST(LostRun, IsToldOfWhenTheJobIsCancelledTimesOutOrIsResetAndOnlyThen) {
    auto config = one_handler();
    config.handled_types = {{"work", 0}};
    engine_fixture f(config);
    for (int i = 0; i < 4; ++i) f.push();
    const auto acked = fetch_in_server(f);
    const auto cancelled = fetch_in_server(f);
    ASSERT_TRUE(f.ack(acked));
    EXPECT_TRUE(f.core().take_lost_runs().empty());
    ASSERT_TRUE(f.cancel(cancelled.spec->id));
    EXPECT_EQ(f.core().take_lost_runs(), std::vector<lease_token>{cancelled.lease});
    const auto slow = fetch_in_server(f);
    f.pass(61s);
    EXPECT_EQ(f.core().take_lost_runs(), std::vector<lease_token>{slow.lease});
    const auto reset = fetch_in_server(f);
    f.core().reset(f.clock.now);
    EXPECT_EQ(f.core().take_lost_runs(), std::vector<lease_token>{reset.lease});
    f.settle();
    f.push();
    const auto remote = f.fetch_one();
    ASSERT_TRUE(f.cancel(remote.spec->id));
    EXPECT_TRUE(f.core().take_lost_runs().empty());
}

}  // namespace
}  // namespace sluice::test
