#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

std::vector<std::string> types_of(const std::vector<job_record>& jobs) {
    std::vector<std::string> types;
    for (const auto& job : jobs) types.push_back(job.spec->type);
    return types;
}

CONTRACT(AFetchByAPatternTakesWhatFallsUnderItInOrder) {
    for (const auto* type : {"mail.b", "mail", "other", "mail.a"})
        co_await t.push(contract_job("q", type));
    auto request = contract_fetch("q");
    request.types = {"mail.*"};
    std::vector<std::string> taken;
    for (int i = 0; i < 3; ++i) {
        const auto jobs = co_await t.fetch(request);
        for (const auto& type : types_of(jobs)) taken.push_back(type);
    }
    EXPECT_EQ(taken, (std::vector<std::string>{"mail.b", "mail.a"}));
}

CONTRACT(ALongPollByAPatternIsWokenByItsTypesOnly) {
    auto request = contract_fetch("q", 10s);
    request.types = {"mail.*"};
    auto waiting = t.start(t.fetch(request));
    co_await t.yield();
    co_await t.push(contract_job("q", "mailer"));
    co_await t.yield();
    EXPECT_FALSE(waiting.done());
    co_await t.push(contract_job("q", "mail.send"));
    const auto jobs = co_await waiting.answer();
    EXPECT_EQ(types_of(jobs), std::vector<std::string>{"mail.send"});
}

CONTRACT(AFetchAskedAgainUnderItsNameTellsOfTheSameLeases) {
    co_await t.push(contract_job("q"));
    co_await t.push(contract_job("q"));
    co_await t.push(contract_job("other"));
    auto request = contract_fetch("q");
    request.fetch_id = "f-1";
    const auto first = co_await t.fetch(request);
    EXPECT_EQ(first.size(), 1U);
    const auto again = co_await t.fetch(request);
    EXPECT_EQ(again.size(), 1U);
    if (first.size() != 1 || again.size() != 1) co_return;
    EXPECT_EQ(again.front().lease, first.front().lease);
    EXPECT_EQ(again.front().attempt, 1U);
    // Not to another worker, nor to one that asks for other queues.
    auto stranger = request;
    stranger.worker_id = "w2";
    const auto others = co_await t.fetch(stranger);
    EXPECT_EQ(others.size(), 1U);
    EXPECT_TRUE(others.empty() || others.front().lease != first.front().lease);
    auto elsewhere = request;
    elsewhere.queues = {"other"};
    const auto there = co_await t.fetch(elsewhere);
    EXPECT_TRUE(there.size() == 1 && there.front().spec->queue == "other");
    // What was answered for is not told of again.
    co_await t.ack(first.front());
    const auto none = co_await t.fetch(request);
    EXPECT_TRUE(none.empty());
}

CONTRACT(ALeaseKeepsItsLengthOverARestart) {
    t.rules.visibility_timeout = 10s;
    co_await t.reopen();
    const auto job = co_await t.push(contract_job("q"));
    auto request = contract_fetch("q");
    request.visibility_timeout = 1h;
    const auto held = co_await t.fetch(request);
    EXPECT_EQ(held.size(), 1U);
    co_await t.reopen();
    const auto after = co_await t.info(job.spec->id);
    EXPECT_EQ(after.state, job_state::active);
    EXPECT_TRUE(after.lease_expires_at);
    if (after.lease_expires_at && !held.empty()) {
        EXPECT_GE(*after.lease_expires_at, *held.front().lease_expires_at);
    }
    if (!held.empty()) co_await t.ack(held.front());
}

std::optional<error> refuse(const std::vector<job_spec>&) {
    return error(errc::invalid_request, "not any more");
}

CONTRACT(WhatWasAcceptedIsNotCheckedAgain) {
    push_request first;
    first.jobs.push_back(contract_job("q"));
    first.jobs.front().client_id = true;
    first.jobs.front().id = make_uuid(timestamp{} + 400'000h, 77, 5);
    first.key = idempotency_key{"k", {}};
    const auto stored = co_await t.queue().push(first);
    EXPECT_TRUE(stored);
    auto repeat = first;
    repeat.check = refuse;
    for (int i = 0; i < 2; ++i) {
        const auto again = co_await t.queue().push(repeat);
        EXPECT_TRUE(again && again->replayed);
        co_await t.reopen();
    }
    auto other_body = repeat;
    other_body.key->body_hash[0] = 1;
    const auto reused = co_await t.queue().push(other_body);
    EXPECT_EQ(code_of(reused), errc::key_reused);
    auto same_id = repeat;
    same_id.key.reset();
    const auto duplicate = co_await t.queue().push(same_id);
    EXPECT_EQ(code_of(duplicate), errc::duplicate);
    push_request fresh;
    fresh.jobs.push_back(contract_job("q"));
    fresh.check = refuse;
    const auto refused = co_await t.queue().push(fresh);
    EXPECT_EQ(code_of(refused), errc::invalid_request);
    const job_query all;
    const auto jobs = co_await t.queue().list(all);
    EXPECT_TRUE(jobs && jobs->jobs.size() == 1);
}

CONTRACT(AHeartbeatIsToldHowLongAWorkerMayBeSilent) {
    t.rules.worker_silence = 7s;
    co_await t.reopen();
    heartbeat_request beat;
    beat.worker_id = "w1";
    const auto answer = co_await t.queue().heartbeat(beat);
    EXPECT_TRUE(answer && answer->worker_silence == 7s);
}

}  // namespace
}  // namespace sluice::test
