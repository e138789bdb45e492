#include "proto/limit_rule.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

/// For each reason a job in that situation, and what it names does start the job. The parameter
/// says whether all that may be at rest is.
class Explain : public testing::TestWithParam<bool> {
protected:
    Explain() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    job_explanation explain(const uuid& id) {
        f.make_resident(id);
        auto made = f.core().explain(id, f.clock.now);
        f.settle();
        return made ? *std::move(made) : job_explanation{};
    }
    std::vector<std::string> codes(const uuid& id) {
        std::vector<std::string> all;
        for (const auto& reason : explain(id).reasons) all.push_back(reason.code);
        return all;
    }
    job_reason only(const uuid& id) {
        const auto made = explain(id);
        EXPECT_EQ(made.reasons.size(), 1U);
        return made.reasons.empty() ? job_reason{} : made.reasons.front();
    }
    /// So that there is a worker for the queue.
    void ask(const std::string& queue = "q") { f.fetch(queue); }
    bool starts(const uuid& id, const std::string& queue = "q") {
        for (auto some = f.fetch(queue); !some.empty(); some = f.fetch(queue))
            if (some.front().spec->id == id) return true;
        return false;
    }
    static job_spec limited(limit_rule rule) {
        auto spec = make_spec("q");
        rule.text = "{}";
        spec.limit = std::make_shared<const limit_rule>(std::move(rule));
        return spec;
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Explain, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Explain, NothingHoldsIt) {
    const auto other = f.push("q");
    ask();
    const auto id = f.push("q");
    EXPECT_EQ(only(id).code, "about_to_start");
    EXPECT_EQ(explain(id).position, 0U);
    EXPECT_TRUE(starts(id));
    EXPECT_EQ(only(other).code, "running");
    EXPECT_TRUE(only(other).until);
}

TEST_P(Explain, NoWorkerHasAskedForIt) {
    const auto id = f.push(make_spec("q", "mail.send"));
    EXPECT_EQ(only(id).code, "no_worker");
    fetch_request other;
    other.worker_id = "w";
    other.queues = {"q"};
    other.types = {"mail.receive"};
    f.fetch(other);
    EXPECT_EQ(only(id).code, "no_worker") << "that one takes another type";
    f.push(make_spec("q", "mail.send"));
    other.types = {"mail.*"};
    EXPECT_EQ(f.fetch(other).front().spec->id, id);
    f.pass(3min);
    const auto late = f.push(make_spec("q", "mail.send"));
    EXPECT_NE(std::ranges::count(codes(late), "no_worker"), 0) << "it has not asked for a while";
}

TEST_P(Explain, AWorkerThatWaitsIsThere) {
    f.core().pause_queue("q", true, f.clock.now);
    f.settle();
    fetch_request patient;
    patient.worker_id = "w";
    patient.queues = {"q"};
    patient.types = {"t.*"};
    patient.wait = 600s;
    const auto waiting = f.park(patient);
    const auto id = f.push(make_spec("q", "t.a"));
    f.pass(5min);
    const auto reason = only(id);
    EXPECT_EQ(reason.code, "queue_paused");
    f.core().pause_queue("q", false, f.clock.now);
    f.settle();
    const auto given = f.answer_to(waiting);
    EXPECT_TRUE(given && given->size() == 1);
}

TEST_P(Explain, ItsQueueRunsAsManyAsItMay) {
    queue_config one;
    one.concurrency = 1;
    f.core().configure_queue("q", one, f.clock.now);
    f.settle();
    f.push("q");
    const auto held = f.fetch_one("q");
    const auto id = f.push("q");
    EXPECT_EQ(only(id).code, "queue_concurrency");
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItsKeyRunsAsManyAsItMay) {
    limit_rule rule;
    rule.key = "k";
    rule.concurrency = 1;
    f.push(limited(rule));
    const auto held = f.fetch_one("q");
    const auto id = f.push(limited(rule));
    EXPECT_EQ(only(id).code, "concurrency_limit");
    ask();
    EXPECT_EQ(only(id).code, "concurrency_limit") << "its lane is closed by now";
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItsGroupRunsAsManyAsItMay) {
    limit_rule rule;
    rule.key = "a";
    rule.group = "g";
    rule.group_concurrency = 1;
    f.push(limited(rule));
    const auto held = f.fetch_one("q");
    rule.key = "b";
    const auto id = f.push(limited(rule));
    EXPECT_EQ(only(id).code, "group_limit");
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItsRateIsUsedUp) {
    limit_rule rule;
    rule.key = "k";
    rule.rate = rate_rule{.limit = 1, .period = 10s, .burst = 1};
    f.push(limited(rule));
    f.fetch_one("q");
    const auto id = f.push(limited(rule));
    const auto reason = only(id);
    EXPECT_EQ(reason.code, "rate_limit");
    ASSERT_TRUE(reason.until);
    f.pass(std::chrono::ceil<std::chrono::milliseconds>(*reason.until - f.clock.now.wall));
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItsKeyIsHeldBack) {
    limit_rule rule;
    rule.key = "k";
    rule.concurrency = 9;
    f.push(limited(rule));
    nack_request told;
    const auto held = f.fetch_one("q");
    told.job_id = held.spec->id;
    told.lease = held.lease;
    told.retryable = false;
    told.rate_limit_until = f.clock.now.wall + 20s;
    ASSERT_TRUE(f.core().nack(told, f.clock.now));
    f.settle();
    const auto id = f.push(limited(rule));
    const auto reason = only(id);
    EXPECT_EQ(reason.code, "rate_limit_held");
    ASSERT_TRUE(reason.until);
    f.pass(20s);
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItsHandlerRunsAsManyAsItMay) {
    engine_config one;
    if (GetParam()) one = nothing_kept();
    one.handled_types = {{"work", 1}};
    engine_fixture g(one);
    const auto take = [&] {
        fetch_request request;
        request.worker_id = in_server_worker_id;
        request.queues = {"*"};
        request.handled_only = true;
        return g.fetch(std::move(request));
    };
    g.push(make_spec("q", "work"));
    const auto held = take();
    ASSERT_EQ(held.size(), 1U);
    const auto id = g.push(make_spec("q", "work"));
    EXPECT_TRUE(take().empty());
    g.make_resident(id);
    const auto made = g.core().explain(id, g.clock.now);
    ASSERT_TRUE(made && made->reasons.size() == 1);
    EXPECT_EQ(made->reasons[0].code, "handler_concurrency");
    ASSERT_TRUE(g.ack(held[0]));
    EXPECT_EQ(take().size(), 1U);
}

TEST_P(Explain, CancelledJobsDoNotGoBefore) {
    ask();
    const auto first = f.push("q");
    const auto id = f.push("q");
    ask("p");
    ASSERT_TRUE(f.cancel(first));
    f.fetch("q", 1);
    const auto later = f.push("q");
    ASSERT_TRUE(f.cancel(f.push("q")));
    EXPECT_NE(later, id);
    EXPECT_EQ(explain(later).position, 0U);
}

/// Who may not see all queues that share a limit is told no more than that it has no room.
TEST_P(Explain, WhatIsSharedWithForeignQueuesIsNotTold) {
    limit_rule rule;
    rule.key = "shared";
    rule.concurrency = 1;
    f.push(limited(rule));
    f.fetch_one("q");
    auto elsewhere = limited(rule);
    elsewhere.queue = "mine";
    const auto id = f.push(std::move(elsewhere));
    f.make_resident(id);
    const auto made =
        f.core().explain(id, f.clock.now, [](std::string_view queue) { return queue == "mine"; });
    ASSERT_TRUE(made);
    EXPECT_EQ(made->reasons[0].code, "concurrency_limit");
    EXPECT_EQ(made->reasons[0].detail.find("shared"), std::string::npos);
    EXPECT_NE(explain(id).reasons[0].detail.find("shared"), std::string::npos);
}

TEST_P(Explain, OthersGoBefore) {
    ask();
    f.push_many("q", 3);
    auto urgent = make_spec("q", "other");
    urgent.priority = 5;
    f.push(std::move(urgent));
    const auto id = f.push("q");
    f.push("q");
    ask();
    const auto made = explain(id);
    EXPECT_EQ(made.position, 3U);
    ASSERT_EQ(made.reasons.size(), 1U);
    EXPECT_EQ(made.reasons[0].code, "in_line");
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItsTimeHasNotCome) {
    auto spec = make_spec("q");
    spec.scheduled_at = f.clock.now.wall + 1h;
    const auto id = f.push(std::move(spec));
    const auto reason = only(id);
    EXPECT_EQ(reason.code, "scheduled");
    ASSERT_TRUE(reason.until);
    f.pass(std::chrono::ceil<std::chrono::milliseconds>(*reason.until - f.clock.now.wall));
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItFailedAndIsTriedAgainLater) {
    const auto id = f.push("q");
    ASSERT_TRUE(f.nack(f.fetch_one("q")));
    const auto reason = only(id);
    EXPECT_EQ(reason.code, "backoff");
    ASSERT_TRUE(reason.until);
    f.pass(std::chrono::ceil<std::chrono::milliseconds>(*reason.until - f.clock.now.wall));
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, AWorkerGaveItBackForLater) {
    const auto id = f.push("q");
    const auto held = f.fetch_one("q");
    nack_request snooze;
    snooze.job_id = id;
    snooze.lease = held.lease;
    snooze.snooze = 30s;
    ASSERT_TRUE(f.core().nack(snooze, f.clock.now));
    f.settle();
    const auto reason = only(id);
    EXPECT_EQ(reason.code, "snoozed");
    f.pass(30s);
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, NobodyHasActivatedIt) {
    auto spec = make_spec("q");
    spec.pending = true;
    const auto id = f.push(std::move(spec));
    EXPECT_EQ(only(id).code, "not_activated");
    ASSERT_TRUE(f.activate(id));
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, ItWaitsForAnotherJobOfItsWorkflow) {
    workflow_definition chain;
    chain.type = workflow_type::chain;
    for (int i = 0; i < 2; ++i) {
        auto& node = chain.nodes.emplace_back();
        node.ref = std::to_string(i);
        node.spec = make_spec("q");
        if (i > 0) node.depends_on.push_back({0});
    }
    const auto made = f.core().push_workflow(chain, {}, f.clock.now);
    ASSERT_TRUE(made);
    f.settle();
    const auto first = workflow_job_id(*made, 0);
    const auto second = workflow_job_id(*made, 1);
    const auto reason = only(second);
    EXPECT_EQ(reason.code, "waits_for_jobs");
    EXPECT_NE(reason.detail.find(to_string(first)), std::string::npos) << reason.detail;
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_TRUE(starts(second));
}

TEST_P(Explain, ItWaitsForTheCronJobBeforeIt) {
    cron_definition cron;
    cron.name = "c";
    cron.expression = "@every 1s";
    cron.timezone = "UTC";
    cron.job = R"({"type":"t","args":[],"options":{"queue":"q"}})";
    cron.overlap = overlap_policy::enqueue;
    ASSERT_TRUE(f.core().set_cron(cron, f.clock.now));
    f.settle();
    f.pass(1s);
    const auto held = f.fetch_one("q");
    f.pass(1s);
    const auto id = f.core().cron("c")->last_job_id;
    ASSERT_TRUE(id);
    const auto reason = only(*id);
    EXPECT_EQ(reason.code, "waits_for_cron_job");
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(starts(*id));
}

TEST_P(Explain, ItHasEnded) {
    const auto done = f.push("q");
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(only(done).code, "ended");
    const auto cancelled = f.push("q");
    ASSERT_TRUE(f.cancel(cancelled));
    EXPECT_EQ(only(cancelled).code, "ended");
    auto spec = make_spec("q");
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    const auto dead = f.push(std::move(spec));
    ASSERT_TRUE(f.nack(f.fetch_one("q")));
    EXPECT_EQ(only(dead).code, "dead_letter");
    ASSERT_TRUE(f.retry_dead_letter(dead));
    EXPECT_TRUE(starts(dead));
    EXPECT_FALSE(f.core().explain(make_uuid(f.clock.now.wall, 999, 1), f.clock.now));
}

TEST_P(Explain, TheServerStops) {
    ask();
    const auto id = f.push("q");
    ask("p");
    f.core().begin_drain();
    EXPECT_NE(std::ranges::count(codes(id), "server_draining"), 0);
    f.crash();
    EXPECT_TRUE(starts(id));
}

TEST_P(Explain, AllThatHoldsItIsTold) {
    limit_rule rule;
    rule.key = "k";
    rule.concurrency = 0;
    const auto id = f.push(limited(rule));
    f.core().pause_queue("q", true, f.clock.now);
    f.settle();
    EXPECT_EQ(codes(id),
              (std::vector<std::string>{"queue_paused", "concurrency_limit", "no_worker"}));
}

}  // namespace
}  // namespace sluice::test
