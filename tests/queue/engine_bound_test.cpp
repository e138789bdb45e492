#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

class Bound : public testing::TestWithParam<bool> {
protected:
    Bound() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    void bound(std::uint64_t max, full_strategy strategy = full_strategy::reject,
               std::string queue = "q") {
        f.core().configure_queue(queue, {.bound = {.max_depth = max, .strategy = strategy}},
                                 f.clock.now);
        f.settle();
    }
    result<std::vector<job_record>> try_push(int count, std::string queue = "q") {
        push_request request;
        for (int i = 0; i < count; ++i) request.jobs.push_back(make_spec(queue));
        return f.try_push(std::move(request));
    }
    std::vector<std::string_view> events(std::vector<std::string> types) {
        event_query wanted;
        wanted.types = std::move(types);
        std::vector<std::string_view> seen;
        for (const auto& event : f.core().events().query(wanted).events) seen.push_back(event.type);
        return seen;
    }
    std::uint64_t depth() {
        std::uint64_t depth = 0;
        const auto stats = f.stats("q");
        for (std::size_t i = 0; i < job_state_count; ++i)
            if (!is_terminal(static_cast<job_state>(i))) depth += stats.jobs[i];
        return depth;
    }

    static cron_definition every_second(overlap_policy overlap) {
        cron_definition cron;
        cron.name = "c";
        cron.expression = "@every 1s";
        cron.timezone = "UTC";
        cron.job = R"({"type":"t","args":[],"options":{"queue":"q"}})";
        cron.overlap = overlap;
        return cron;
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Bound, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Bound, RefusesWhatIsTooMuchUntilAJobHasEnded) {
    bound(2);
    ASSERT_TRUE(try_push(2));
    const auto refused = try_push(1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::queue_full);
    EXPECT_EQ(refused.error().details, R"("queue":"q","depth":2,"bound":2,"strategy":"reject")");
    const auto held = f.fetch_one("q");
    EXPECT_FALSE(try_push(1)) << "it has not ended";
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(try_push(1));
    EXPECT_FALSE(try_push(1));
}

TEST_P(Bound, OfOneQueueIsNotThatOfOthers) {
    bound(1);
    ASSERT_TRUE(try_push(1));
    EXPECT_TRUE(try_push(5, "other"));
    EXPECT_FALSE(try_push(1));
}

TEST_P(Bound, TakesABatchWholeOrNotAtAll) {
    bound(2);
    EXPECT_FALSE(try_push(3));
    EXPECT_EQ(depth(), 0U);
    EXPECT_TRUE(try_push(2));
}

TEST_P(Bound, HoldsAfterARestart) {
    bound(1);
    ASSERT_TRUE(try_push(1));
    f.crash();
    EXPECT_FALSE(try_push(1));
    bound(0);
    EXPECT_TRUE(try_push(3));
    f.crash();
    EXPECT_TRUE(try_push(3)) << "the bound is gone for good";
}

TEST_P(Bound, CountsScheduledJobsAndThoseThatWaitForAnotherTry) {
    bound(2);
    auto later = make_spec("q");
    later.scheduled_at = f.clock.now.wall + 1h;
    f.push(std::move(later));
    f.push("q");
    ASSERT_TRUE(f.nack(f.fetch_one("q")));
    EXPECT_FALSE(try_push(1));
}

TEST_P(Bound, LetsAJobTakeThePlaceOfAnother) {
    bound(1);
    push_request request;
    request.jobs.push_back(make_spec("q"));
    unique_rule rule;
    rule.text = "{}";
    rule.on_conflict = conflict_policy::replace;
    request.jobs.back().unique = std::make_shared<const unique_rule>(std::move(rule));
    ASSERT_TRUE(f.try_push(request));
    EXPECT_TRUE(f.try_push(request));
    EXPECT_FALSE(try_push(1));
}

TEST_P(Bound, DropsWhatHasWaitedLongest) {
    bound(3, full_strategy::drop_oldest);
    std::vector<uuid> ids;
    for (int i = 0; i < 3; ++i) {
        auto spec = make_spec("q", "type" + std::to_string(i));
        spec.priority = i == 0 ? 9 : 0;
        ids.push_back(f.push(std::move(spec)));
    }
    ASSERT_TRUE(try_push(2));
    EXPECT_EQ(f.job(ids[0]).state, job_state::discarded) << "however urgent it was";
    EXPECT_EQ(f.job(ids[1]).state, job_state::discarded);
    EXPECT_EQ(f.job(ids[1]).failures.back().code, "queue_full");
    EXPECT_EQ(f.job(ids[2]).state, job_state::available);
    EXPECT_EQ(depth(), 3U);
    std::size_t left = 0;
    while (!f.fetch("q").empty()) ++left;
    EXPECT_EQ(left, 3U);
    EXPECT_EQ(events({"backpressure.dropped"}).size(), 2U);
}

TEST_P(Bound, DropsNoneThatRunsOrIsScheduled) {
    bound(2, full_strategy::drop_oldest);
    auto later = make_spec("q");
    later.scheduled_at = f.clock.now.wall + 1h;
    f.push(std::move(later));
    f.push("q");
    const auto held = f.fetch_one("q");
    EXPECT_FALSE(try_push(1));
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(try_push(1));
    EXPECT_FALSE(try_push(3)) << "more than the queue can ever hold";
}

TEST_P(Bound, DropsNoMoreThanItMustWhilePushesOvertakeReads) {
    bound(5, full_strategy::drop_oldest);
    ASSERT_TRUE(try_push(5));
    f.manual = true;
    for (int i = 0; i < 3; ++i) {
        push_request request;
        request.jobs.push_back(make_spec("q"));
        ASSERT_TRUE(f.core().push(std::move(request), f.clock.now));
    }
    f.manual = false;
    f.settle();
    EXPECT_EQ(depth(), 5U);
    EXPECT_EQ(f.fetch("q", 9).size(), 5U);
}

TEST_P(Bound, CountsRightWhenWhatIsToBeDroppedIsCancelled) {
    bound(2, full_strategy::drop_oldest);
    const auto first = f.push("q");
    f.push("q");
    f.manual = true;
    push_request request;
    request.jobs.push_back(make_spec("q"));
    ASSERT_TRUE(f.core().push(std::move(request), f.clock.now));
    f.manual = false;
    (void)f.cancel(first);  // it may be gone already
    f.settle();
    EXPECT_EQ(depth(), 2U);
    EXPECT_EQ(f.core().room("q"), 0U);
    EXPECT_TRUE(try_push(1));
    EXPECT_EQ(depth(), 2U);
}

TEST_P(Bound, SkipsAPlaceInLineWhoseJobIsGone) {
    bound(3, full_strategy::drop_oldest);
    const auto first = f.push("q");
    const auto second = f.push("q");
    f.push("q");
    ASSERT_TRUE(f.cancel(first));
    f.push("q");
    EXPECT_EQ(f.job(second).state, job_state::available);
    f.push("q");
    EXPECT_EQ(f.job(second).state, job_state::discarded);
}

TEST_P(Bound, WarnsOnceAndSaysWhenThatIsOver) {
    bound(5);
    ASSERT_TRUE(try_push(3));
    EXPECT_TRUE(events({"backpressure.warning"}).empty());
    ASSERT_TRUE(try_push(1));
    ASSERT_TRUE(try_push(1));
    EXPECT_FALSE(try_push(1));
    EXPECT_FALSE(try_push(1));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(events({"backpressure.warning", "backpressure.rejected", "backpressure.cleared"}),
              (std::vector<std::string_view>{"backpressure.warning", "backpressure.rejected",
                                             "backpressure.cleared"}));
}

TEST_P(Bound, TellsHowFullTheQueueIsFromTheThresholdOn) {
    bound(4);
    const auto push = [&] {
        push_request request;
        request.jobs.push_back(make_spec("q"));
        return f.push_outcome_of(std::move(request))->pressure;
    };
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(push());
    const auto pressure = push();
    ASSERT_TRUE(pressure);
    EXPECT_EQ(pressure->depth, 4U);
    EXPECT_EQ(pressure->bound, 4U);
}

/// The one that is replaced makes room for one job, not for two.
TEST_P(Bound, ABatchDropsNoneOfItsOwnJobs) {
    bound(2, full_strategy::drop_oldest);
    auto unique = make_spec("q");
    unique_rule rule;
    rule.text = "{}";
    rule.on_conflict = conflict_policy::replace;
    unique.unique = std::make_shared<const unique_rule>(std::move(rule));
    const auto first = f.push(unique);
    auto later = make_spec("q");
    later.scheduled_at = f.clock.now.wall + 1h;
    f.push(std::move(later));
    push_request both;
    both.jobs = {unique, make_spec("q")};
    const auto refused = f.try_push(std::move(both));
    EXPECT_FALSE(refused) << "no other can make room";
    EXPECT_EQ(f.job(first).state, job_state::available);
}

TEST_P(Bound, TellsThatThePressureIsGoneWithTheBound) {
    bound(2);
    ASSERT_TRUE(try_push(2));
    bound(0);
    EXPECT_EQ(events({"backpressure.warning", "backpressure.cleared"}),
              (std::vector<std::string_view>{"backpressure.warning", "backpressure.cleared"}));
}

TEST_P(Bound, MakesACronJobMissItsTime) {
    bound(1);
    ASSERT_TRUE(try_push(1));
    const auto cron = every_second(overlap_policy::skip);
    ASSERT_TRUE(f.core().set_cron(cron, f.clock.now));
    f.settle();
    f.pass(1s);
    EXPECT_EQ(depth(), 1U);
    event_query wanted;
    wanted.types = {"cron.skipped"};
    const auto skipped = f.core().events().query(wanted).events;
    ASSERT_FALSE(skipped.empty());
    EXPECT_EQ(skipped.front().cron->reason, "queue_full");
}

TEST_P(Bound, ACronJobTakesThePlaceOfTheOneBefore) {
    auto cron = every_second(overlap_policy::cancel_previous);
    ASSERT_TRUE(f.core().set_cron(cron, f.clock.now));
    f.settle();
    f.pass(1s);
    const auto made = f.core().cron("c")->last_job_id;
    ASSERT_TRUE(made);
    ASSERT_TRUE(try_push(2));
    bound(1);
    f.pass(1s);
    const bool at_rest = GetParam();  // then it counts until it has been read
    EXPECT_EQ(f.job(*made).state, at_rest ? job_state::available : job_state::cancelled);
    EXPECT_EQ(depth(), 3U);
}

TEST_P(Bound, ACronJobThatFindsNoRoomLeavesTheOneBeforeAlone) {
    auto cron = every_second(overlap_policy::cancel_previous);
    ASSERT_TRUE(f.core().set_cron(cron, f.clock.now));
    f.settle();
    f.pass(1s);
    const auto made = f.core().cron("c")->last_job_id;
    ASSERT_TRUE(made);
    bound(1, full_strategy::reject, "full");
    ASSERT_TRUE(try_push(1, "full"));
    cron.job = R"({"type":"t","args":[],"options":{"queue":"full"}})";
    ASSERT_TRUE(f.core().set_cron(cron, f.clock.now));
    f.settle();
    f.pass(1s);
    EXPECT_EQ(f.job(*made).state, job_state::available);
}

TEST(Bounds, AConfiguredQueueIsNotForgotten) {
    engine_config config;
    config.idle_queues = 0;
    engine_fixture f(config);
    f.core().configure_queue("q", {.bound = {.max_depth = 1}}, f.clock.now);
    f.settle();
    f.push("other");
    EXPECT_EQ(f.stats("q").config.bound.max_depth, 1U);
}

TEST(Override, TakesThePlaceOfTheJobsOwnRule) {
    engine_fixture f;
    const auto limited = [] {
        auto spec = make_spec("q");
        limit_rule rule;
        rule.text = "{}";
        rule.key = "k";
        rule.concurrency = 5;
        spec.limit = std::make_shared<const limit_rule>(std::move(rule));
        return spec;
    };
    f.core().override_limit("k", limit_override{.concurrency = 0, .rate = {}, .expires_at = {}},
                            f.clock.now);
    f.settle();
    for (int i = 0; i < 3; ++i) f.push(limited());
    EXPECT_TRUE(f.fetch("q", 9).empty());
    f.crash();
    EXPECT_TRUE(f.fetch("q", 9).empty()) << "also after a restart";
    const auto until = f.clock.now.wall + 10s;
    f.core().override_limit("k", limit_override{.concurrency = 1, .rate = {}, .expires_at = until},
                            f.clock.now);
    f.settle();
    EXPECT_EQ(f.fetch("q", 9).size(), 1U);
    fetch_request patient;
    patient.worker_id = "w2";
    patient.queues = {"q"};
    patient.count = 9;
    patient.wait = 60s;
    const auto taker = f.park(patient);
    f.pass(10s - 1ms);
    EXPECT_FALSE(f.answer_to(taker));
    f.pass(1ms);
    const auto given = f.answer_to(taker);
    ASSERT_TRUE(given) << "it has expired";
    EXPECT_EQ(given->size(), 2U);
}

TEST_P(Bound, WhatMadeRoomIsDroppedAlsoWhenTheBoundIsTakenAwayMeanwhile) {
    for (const auto& later : {queue_config{}, queue_config{.bound = {.max_depth = 10}}}) {
        bound(2, full_strategy::drop_oldest);
        ASSERT_TRUE(try_push(2));
        const auto before = depth();
        f.manual = true;  // those at rest are not read yet
        ASSERT_TRUE(try_push(1));
        f.core().configure_queue("q", later, f.clock.now);
        f.manual = false;
        f.settle();
        EXPECT_EQ(depth(), before);
        ASSERT_TRUE(try_push(1));
        EXPECT_EQ(depth(), before + 1);
        while (!f.fetch("q", 10).empty()) {
        }
        f.core().reset(f.clock.now);
        f.settle();
    }
}

/// The job before is to be cancelled as soon as it has been read, so that the new one is the only
/// one that can make room.
TEST_P(Bound, ACronJobWhoseJobMakesRoomForItselfGoesOn) {
    bound(1, full_strategy::drop_oldest);
    cron_definition every;
    every.name = "c";
    every.expression = "* * * * * *";
    every.job = R"({"type":"work","args":[],"options":{"queue":"q"}})";
    every.overlap = overlap_policy::cancel_previous;
    ASSERT_TRUE(f.core().set_cron(every, f.clock.now));
    f.settle();
    f.pass(2s);
    f.pass(1s);
    every.overlap = overlap_policy::skip;
    ASSERT_TRUE(f.core().set_cron(every, f.clock.now));
    f.settle();
    while (!f.fetch("q").empty()) {
    }
    f.core().configure_queue("q", {}, f.clock.now);
    f.settle();
    const auto cron = f.core().cron("c");
    ASSERT_TRUE(cron);
    for (const auto seq : cron->unfinished)
        EXPECT_TRUE(f.disk->image().live.contains(seq)) << "it waits for one that has ended";
}

TEST_P(Bound, ALowerBoundDropsNoMoreThanComes) {
    bound(5, full_strategy::drop_oldest);
    ASSERT_TRUE(try_push(5));
    bound(2, full_strategy::drop_oldest);
    EXPECT_EQ(depth(), 5U);
    ASSERT_TRUE(try_push(1));
    EXPECT_EQ(depth(), 5U);
    EXPECT_FALSE(try_push(3)) << "more than it may ever hold";
}

}  // namespace
}  // namespace sluice::test
