#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

CONTRACT(ADrainEndsEveryWaitAndGrantsNoMore) {
    const auto job = co_await t.push(contract_job("q"));
    auto fetching = t.start(t.fetch(contract_fetch("empty", 10s)));
    auto waiting = t.start(t.queue().wait(job.spec->id, 10s, std::stop_token{}));
    event_query next;
    next.after = 1'000;
    next.wait = 10s;
    auto watching = t.start(t.queue().events(next, std::stop_token{}));
    co_await t.info(job.spec->id);
    co_await t.yield();
    EXPECT_FALSE(fetching.done() || waiting.done() || watching.done());
    t.queue().begin_drain();
    t.queue().begin_drain();
    const auto fetched = co_await fetching.answer();
    EXPECT_TRUE(fetched.empty());
    const auto waited = co_await waiting.answer();
    EXPECT_TRUE(waited && waited->state == job_state::available);
    const auto watched = co_await watching.answer();
    EXPECT_TRUE(watched && watched->events.empty());

    const auto none = co_await t.fetch(contract_fetch("q", 10s));
    EXPECT_TRUE(none.empty());
    push_request more;
    more.jobs.push_back(contract_job("q"));
    const auto refused = co_await t.queue().push(more);
    EXPECT_EQ(code_of(refused), errc::shutting_down);
    heartbeat_request beat;
    beat.worker_id = "w1";
    const auto answer = co_await t.queue().heartbeat(beat);
    EXPECT_TRUE(answer && answer->directive == worker_state::quiet);
    EXPECT_FALSE(t.queue().health().ready);
}

CONTRACT(WhatIsHeldMayStillBeAnsweredDuringADrain) {
    const auto job = co_await t.push(contract_job("q"));
    const auto held = co_await t.fetch_one("q");
    t.queue().begin_drain();
    co_await t.ack(held);
    co_await t.queue().shut_down();
    co_await t.reopen();
    const auto done = co_await t.info(job.spec->id);
    EXPECT_EQ(done.state, job_state::completed);
}

CONTRACT(AShutDownGivesInServerJobsBackAndLeavesRemoteLeases) {
    const auto local = co_await t.push(contract_job("local"));
    const auto remote = co_await t.push(contract_job("remote"));
    co_await t.fetch_one("local", in_server_worker_id);
    const auto held = co_await t.fetch_one("remote");
    t.queue().begin_drain();
    co_await t.queue().shut_down();
    co_await t.reopen();
    const auto back = co_await t.info(local.spec->id);
    EXPECT_EQ(back.state, job_state::available);
    EXPECT_EQ(back.attempt, 0U);
    EXPECT_EQ(back.interruptions, 0U);
    const auto still = co_await t.info(remote.spec->id);
    EXPECT_EQ(still.state, job_state::active);
    co_await t.ack(held);
}

CONTRACT(ACrashGivesInServerJobsBackAsInterrupted) {
    const auto job = co_await t.push(contract_job("q"));
    co_await t.fetch_one("q", in_server_worker_id);
    co_await t.reopen();
    const auto back = co_await t.info(job.spec->id);
    EXPECT_EQ(back.state, job_state::available);
    EXPECT_EQ(back.attempt, 0U);
    EXPECT_EQ(back.interruptions, 1U);
}

CONTRACT(OrderAndContentOutliveRestarts) {
    std::vector<uuid> pushed;
    for (int i = 0; i < 12; ++i) {
        auto spec = contract_job("q", i % 2 == 0 ? "x" : "y");
        spec.args = "[" + std::to_string(i) + "]";
        const auto job = co_await t.push(spec);
        pushed.push_back(job.spec->id);
        if (i % 4 == 3) co_await t.reopen();
    }
    for (std::size_t i = 0; i < pushed.size(); ++i) {
        const auto held = co_await t.fetch_one("q");
        EXPECT_EQ(held.spec->id, pushed[i]);
        EXPECT_EQ(held.spec->args, "[" + std::to_string(i) + "]");
        co_await t.ack(held);
    }
}

CONTRACT(AJobInterruptedTooOftenBecomesADeadLetter) {
    t.rules.interruptions_max = 2;
    co_await t.reopen();
    const auto job = co_await t.push(contract_job("q"));
    for (int i = 0; i < 3; ++i) {
        co_await t.fetch_one("q", in_server_worker_id);
        co_await t.reopen();
    }
    const auto dead = co_await t.info(job.spec->id);
    EXPECT_EQ(dead.state, job_state::discarded);
    EXPECT_TRUE(dead.dead_letter);
    const auto revived = co_await t.queue().retry_dead_letter(job.spec->id);
    EXPECT_TRUE(revived && revived->interruptions == 0);
}

}  // namespace
}  // namespace sluice::test
