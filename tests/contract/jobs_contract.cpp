#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

push_request of(job_spec spec) {
    push_request request;
    request.jobs.push_back(std::move(spec));
    return request;
}

idempotency_key key_named(std::string name, std::uint8_t body) {
    idempotency_key key;
    key.key = std::move(name);
    key.body_hash.fill(body);
    return key;
}

job_spec with_id(std::int64_t noise, std::string queue = "default") {
    auto spec = contract_job(std::move(queue));
    spec.id = make_uuid(timestamp{} + std::chrono::hours{24 * 365 * 50}, noise, 0xabcdef01);
    spec.client_id = true;
    return spec;
}

CONTRACT(ExplainsWhyAJobDoesNotRun) {
    const queue_filter everything;
    const auto job = co_await t.push(contract_job("q"));
    co_await t.reopen();
    const auto made = co_await t.queue().explain(job.spec->id, everything);
    EXPECT_TRUE(made && made->reasons.size() == 1 && made->position == 0U);
    if (made && !made->reasons.empty()) {
        EXPECT_EQ(made->reasons.front().code, "no_worker");
    }
    const auto paused = co_await t.queue().pause_queue("q", true);
    EXPECT_TRUE(paused);
    const auto again = co_await t.queue().explain(job.spec->id, everything);
    EXPECT_TRUE(again && again->reasons.size() == 2 && again->reasons[0].code == "queue_paused");
    const auto missing = co_await t.queue().explain(make_uuid({}, 7, 7), everything);
    EXPECT_EQ(code_of(missing), errc::not_found);
}

CONTRACT(APushedJobCanBeReadBackByteForByte) {
    auto spec = contract_job("emails", "email.send");
    spec.args = R"([18446744073709551616,1e400,0.1000000000000000055,"é\u0000"])";
    spec.meta = R"({"b":1,  "a":2})";
    spec.tags = R"(["x"])";
    spec.priority = 7;
    spec.extra = R"("x_one":1)";
    const auto pushed = co_await t.push(spec);
    const auto read = co_await t.info(pushed.spec->id);
    for (const auto* job : {&pushed, &read}) {
        EXPECT_EQ(job->spec->args, spec.args);
        EXPECT_EQ(job->spec->meta, spec.meta);
        EXPECT_EQ(job->spec->tags, spec.tags);
        EXPECT_EQ(job->spec->extra, spec.extra);
        EXPECT_EQ(job->spec->priority, 7);
        EXPECT_EQ(job->spec->queue, "emails");
        EXPECT_EQ(job->spec->type, "email.send");
        EXPECT_EQ(job->state, job_state::available);
        EXPECT_EQ(job->attempt, 0U);
        EXPECT_TRUE(job->durable_at);
        EXPECT_TRUE(job->available_at);
    }
    EXPECT_EQ(read.spec->id, pushed.spec->id);
    EXPECT_EQ(read.received_at, pushed.received_at);
}

CONTRACT(ABatchIsAnsweredAndOfferedInItsOrder) {
    push_request request;
    for (int i = 0; i < 20; ++i) {
        request.jobs.push_back(contract_job("q"));
        request.jobs.back().args = "[" + std::to_string(i) + "]";
    }
    const auto answer = co_await t.queue().push(request);
    EXPECT_TRUE(answer);
    auto wanted = contract_fetch("q");
    wanted.count = 20;
    const auto jobs = co_await t.fetch(wanted);
    EXPECT_EQ(jobs.size(), 20U);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        EXPECT_EQ(jobs[i].spec->id, answer->jobs[i].spec->id);
        EXPECT_EQ(jobs[i].spec->args, "[" + std::to_string(i) + "]");
    }
}

CONTRACT(AnIdThatIsTakenIsADuplicateAndNothingOfItsBatchIsStored) {
    const auto spec = with_id(5);
    co_await t.push(spec);
    push_request request;
    request.jobs.push_back(contract_job("other"));
    request.jobs.push_back(spec);
    const auto refused = co_await t.queue().push(request);
    EXPECT_EQ(code_of(refused), errc::duplicate);
    push_request twice;
    twice.jobs.push_back(with_id(6));
    twice.jobs.push_back(with_id(6));
    const auto both = co_await t.queue().push(twice);
    EXPECT_EQ(code_of(both), errc::duplicate);
    const auto none = co_await t.fetch(contract_fetch("other"));
    EXPECT_TRUE(none.empty());
    const auto missing = co_await t.queue().info(with_id(6).id);
    EXPECT_EQ(code_of(missing), errc::not_found);
}

CONTRACT(AnIdIsTakenWhileItsJobIsFinishedAndAcrossARestart) {
    const auto spec = with_id(7);
    co_await t.push(spec);
    const auto held = co_await t.fetch_one("default");
    EXPECT_EQ(held.spec->id, spec.id);
    co_await t.ack(held);
    co_await t.reopen();
    const auto refused = co_await t.queue().push(of(spec));
    EXPECT_EQ(code_of(refused), errc::duplicate);
    const auto job = co_await t.info(spec.id);
    EXPECT_EQ(job.state, job_state::completed);
}

CONTRACT(AKeyThatIsRepeatedNamesTheSameJobs) {
    auto request = of(contract_job());
    request.jobs.push_back(contract_job());
    request.key = key_named("k", 1);
    const auto first = co_await t.queue().push(request);
    const auto again = co_await t.queue().push(request);
    co_await t.reopen();
    const auto later = co_await t.queue().push(request);
    if (!first || !again || !later) {
        ADD_FAILURE() << "a push was refused";
        co_return;
    }
    EXPECT_FALSE(first->replayed);
    for (const auto* answer : {&*again, &*later}) {
        EXPECT_TRUE(answer->replayed);
        EXPECT_EQ(answer->jobs.size(), 2U);
        for (std::size_t i = 0; i < answer->jobs.size(); ++i)
            EXPECT_EQ(answer->jobs[i].spec->id, first->jobs[i].spec->id);
    }
    auto wanted = contract_fetch("default");
    wanted.count = 10;
    const auto jobs = co_await t.fetch(wanted);
    EXPECT_EQ(jobs.size(), 2U);
}

CONTRACT(AKeyWithAnotherBodyIsRefused) {
    auto request = of(contract_job());
    request.key = key_named("k", 1);
    const auto first = co_await t.queue().push(request);
    EXPECT_TRUE(first);
    request.key = key_named("k", 2);
    const auto other = co_await t.queue().push(request);
    EXPECT_EQ(code_of(other), errc::key_reused);
    co_await t.reopen();
    const auto later = co_await t.queue().push(request);
    EXPECT_EQ(code_of(later), errc::key_reused);
}

CONTRACT(OneKeyPushedManyTimesAtOnceStoresOneJob) {
    auto request = of(contract_job());
    request.key = key_named("k", 1);
    std::vector<started_call<result<push_answer>>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(t.start(t.queue().push(request)));
    std::optional<uuid> id;
    for (auto& call : calls) {
        auto answer = co_await call.answer();
        if (!answer) {
            EXPECT_EQ(answer.error().code, errc::in_flight);
            continue;
        }
        if (!id) id = answer->jobs.at(0).spec->id;
        EXPECT_EQ(answer->jobs.at(0).spec->id, *id);
    }
    EXPECT_TRUE(id);
    auto wanted = contract_fetch("default");
    wanted.count = 10;
    const auto jobs = co_await t.fetch(wanted);
    EXPECT_EQ(jobs.size(), 1U);
}

CONTRACT(OneIdPushedManyTimesAtOnceStoresOneJob) {
    std::vector<started_call<result<push_answer>>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(t.start(t.queue().push(of(with_id(8)))));
    int stored = 0;
    for (auto& call : calls) {
        auto answer = co_await call.answer();
        stored += answer ? 1 : 0;
        if (!answer) {
            EXPECT_EQ(answer.error().code, errc::duplicate);
        }
    }
    EXPECT_EQ(stored, 1);
}

CONTRACT(AKeyWithAnIdPushedManyTimesAtOnceIsNeverADuplicate) {
    auto request = of(with_id(9));
    request.key = key_named("k", 1);
    std::vector<started_call<result<push_answer>>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(t.start(t.queue().push(request)));
    for (auto& call : calls) {
        auto answer = co_await call.answer();
        if (!answer) {
            EXPECT_EQ(answer.error().code, errc::in_flight);
        }
    }
}

CONTRACT(AnUnknownJobIsNotFoundWhateverIsAsked) {
    const auto id = with_id(12'345).id;
    const auto info = co_await t.queue().info(id);
    EXPECT_EQ(code_of(info), errc::not_found);
    const auto wait = co_await t.queue().wait(id, 10s, std::stop_token{});
    EXPECT_EQ(code_of(wait), errc::not_found);
    const auto cancel = co_await t.queue().cancel(id);
    EXPECT_EQ(code_of(cancel), errc::not_found);
    const auto activate = co_await t.queue().activate(id);
    EXPECT_EQ(code_of(activate), errc::not_found);
    const auto retry = co_await t.queue().retry_dead_letter(id);
    EXPECT_EQ(code_of(retry), errc::not_found);
    const auto erase = co_await t.queue().delete_dead_letter(id);
    EXPECT_EQ(code_of(erase), errc::not_found);
    ack_request ack;
    ack.job_id = id;
    const auto acked = co_await t.queue().ack(ack);
    EXPECT_EQ(code_of(acked), errc::not_found);
    nack_request nack;
    nack.job_id = id;
    const auto nacked = co_await t.queue().nack(nack);
    EXPECT_EQ(code_of(nacked), errc::not_found);
}

CONTRACT(ACancelledJobIsNeverOffered) {
    const auto job = co_await t.push(contract_job());
    const auto answer = co_await t.queue().cancel(job.spec->id);
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_EQ(answer->job.state, job_state::cancelled);
    }
    const auto again = co_await t.queue().cancel(job.spec->id);
    EXPECT_EQ(code_of(again), errc::conflict);
    const auto none = co_await t.fetch(contract_fetch("default"));
    EXPECT_TRUE(none.empty());
    co_await t.reopen();
    const auto still = co_await t.info(job.spec->id);
    EXPECT_EQ(still.state, job_state::cancelled);
}

CONTRACT(APendingJobWaitsUntilItIsActivated) {
    auto spec = contract_job();
    spec.pending = true;
    const auto job = co_await t.push(spec);
    EXPECT_EQ(job.state, job_state::pending);
    const auto none = co_await t.fetch(contract_fetch("default"));
    EXPECT_TRUE(none.empty());
    const auto answer = co_await t.queue().activate(job.spec->id);
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_EQ(answer->job.state, job_state::available);
    }
    const auto again = co_await t.queue().activate(job.spec->id);
    EXPECT_EQ(code_of(again), errc::conflict);
    const auto held = co_await t.fetch_one("default");
    EXPECT_EQ(held.spec->id, job.spec->id);
}

CONTRACT(AScheduledJobIsOfferedInItsTimeAndNotBefore) {
    auto spec = contract_job();
    const auto due = std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now() + 150ms);
    spec.scheduled_at = due;
    const auto job = co_await t.push(spec);
    EXPECT_EQ(job.state, job_state::scheduled);
    const auto none = co_await t.fetch(contract_fetch("default"));
    EXPECT_TRUE(none.empty());
    const auto jobs = co_await t.fetch(contract_fetch("default", 10s));
    EXPECT_EQ(jobs.size(), 1U);
    EXPECT_GE(std::chrono::system_clock::now(), due);
}

CONTRACT(AJobThatExpiresIsDiscarded) {
    auto spec = contract_job();
    spec.expires_at = std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now() + 50ms);
    const auto job = co_await t.push(spec);
    const auto ended = co_await t.queue().wait(job.spec->id, 10s, std::stop_token{});
    EXPECT_TRUE(ended);
    if (ended) {
        EXPECT_EQ(ended->state, job_state::discarded);
    }
}

CONTRACT(WaitAnswersWhenTheJobHasEnded) {
    const auto job = co_await t.push(contract_job());
    auto waiting = t.start(t.queue().wait(job.spec->id, 10s, std::stop_token{}));
    auto other = t.start(t.queue().wait(job.spec->id, 10s, std::stop_token{}));
    const auto held = co_await t.fetch_one("default");
    co_await t.yield();
    EXPECT_FALSE(waiting.done());
    auto done = t.ack_of(held);
    done.result = R"({"ok":true})";
    const auto acked = co_await t.queue().ack(done);
    EXPECT_TRUE(acked);
    auto answer = co_await waiting.answer();
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_EQ(answer->result, R"({"ok":true})");
    }
    auto second = co_await other.answer();
    EXPECT_TRUE(second);
    if (second) {
        EXPECT_EQ(second->state, job_state::completed);
    }
    auto at_once = co_await t.queue().wait(job.spec->id, 10s, std::stop_token{});
    EXPECT_TRUE(at_once);
}

CONTRACT(WaitAnswersTheJobAsItIsWhenTheTimeHasPassed) {
    const auto job = co_await t.push(contract_job());
    const auto answer = co_await t.queue().wait(job.spec->id, 20ms, std::stop_token{});
    EXPECT_TRUE(answer);
    if (answer) {
        EXPECT_EQ(answer->state, job_state::available);
    }
}

CONTRACT(WaitEndsForTheOneThatStopsAndGoesOnForTheOthers) {
    const auto job = co_await t.push(contract_job());
    std::stop_source stop;
    auto leaving = t.start(t.queue().wait(job.spec->id, 10s, stop.get_token()));
    auto staying = t.start(t.queue().wait(job.spec->id, 10s, std::stop_token{}));
    auto staying_too = t.start(t.queue().wait(job.spec->id, 10s, std::stop_token{}));
    co_await t.info(job.spec->id);
    co_await t.yield();
    stop.request_stop();
    auto left = co_await leaving.answer();
    EXPECT_TRUE(left);
    co_await t.info(job.spec->id);
    EXPECT_FALSE(staying.done());
    const auto begun = std::chrono::steady_clock::now();
    const auto cancelled = co_await t.queue().cancel(job.spec->id);
    EXPECT_TRUE(cancelled);
    for (auto* call : {&staying, &staying_too}) {
        auto stayed = co_await call->answer();
        EXPECT_TRUE(stayed);
        if (stayed) {
            EXPECT_EQ(stayed->state, job_state::cancelled);
        }
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
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

}  // namespace
}  // namespace sluice::test
