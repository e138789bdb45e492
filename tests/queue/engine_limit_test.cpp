#include "proto/limit_rule.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

job_spec limited(limit_rule rule, std::string queue = "q") {
    auto spec = make_spec(std::move(queue));
    rule.text = "{}";
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    return spec;
}
job_spec one_at_a_time(std::string key = "k", std::string queue = "q") {
    return limited({.text = {}, .key = std::move(key), .concurrency = 1, .rate = {}},
                   std::move(queue));
}
job_spec one_per_second() {
    return limited({.text = {}, .key = "k", .concurrency = {}, .rate = rate_rule{}});
}

fetch_request patient() {
    fetch_request request;
    request.worker_id = "w2";
    request.queues = {"q"};
    request.count = 1;
    request.wait = 30s;
    return request;
}

class Limit : public testing::TestWithParam<bool> {
protected:
    Limit() : f(GetParam() ? nothing_kept() : engine_config{}) {}
    /// All that may be had; of lines at rest each is read for itself.
    std::vector<job_record> fetch_all() {
        std::vector<job_record> all;
        for (auto some = f.fetch("q", 9); !some.empty(); some = f.fetch("q", 9))
            all.insert(all.end(), some.begin(), some.end());
        return all;
    }
    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Limit, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Limit, HandsOutTheNextJobWhenTheOneBeforeItEnds) {
    const auto first = f.push(one_at_a_time());
    const auto second = f.push(one_at_a_time());
    const auto held = f.fetch("q", 5);
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].spec->id, first);
    EXPECT_TRUE(f.fetch("q", 5).empty());
    ASSERT_TRUE(f.ack(held[0]));
    EXPECT_EQ(f.fetch_one("q").spec->id, second);
}

TEST_P(Limit, BlocksNeitherOtherKeysNorJobsWithoutALimit) {
    f.push(one_at_a_time());
    f.push(one_at_a_time());
    f.push(one_at_a_time("other"));
    f.push("q");
    EXPECT_EQ(fetch_all().size(), 3U);
}

TEST_P(Limit, OfARateWakesALongPollInTime) {
    f.push(one_per_second());
    f.push(one_per_second());
    EXPECT_EQ(f.fetch("q", 5).size(), 1U);
    const auto taker = f.park(patient());
    f.clock.jump_wall(-1h);
    f.pass(999ms);
    EXPECT_FALSE(f.answer_to(taker));
    f.pass(1ms);
    const auto given = f.answer_to(taker);
    ASSERT_TRUE(given);
    EXPECT_EQ(given->size(), 1U);
}

TEST_P(Limit, OfTwoQueuesWithOneKeyIsShared) {
    f.push(one_at_a_time("k", "a"));
    f.push(one_at_a_time("k", "b"));
    const auto held = f.fetch_one("a");
    EXPECT_TRUE(f.fetch("b").empty());
    ASSERT_TRUE(f.nack(held));
    EXPECT_EQ(f.fetch("b").size(), 1U);
}

TEST_P(Limit, CountsTheRunsThatARestartFinds) {
    f.push(one_at_a_time());
    f.push(one_at_a_time());
    const auto held = f.fetch_one("q");
    f.crash();
    EXPECT_TRUE(f.fetch("q").empty());
    ASSERT_TRUE(f.ack(held));
    EXPECT_EQ(f.fetch("q").size(), 1U);
}

TEST_P(Limit, DropsAJobWhoseTurnComesWithoutRoom) {
    f.push(one_at_a_time());
    const auto id = f.push(limited(
        {.text = {}, .key = "k", .concurrency = 1, .rate = {}, .on_limit = limit_action::drop}));
    f.fetch_one("q");
    EXPECT_TRUE(f.fetch("q").empty());
    EXPECT_EQ(f.job(id).state, job_state::discarded);
}

TEST_P(Limit, ThatIsZeroHoldsEveryJobBack) {
    f.push(limited({.text = {}, .key = "k", .concurrency = 0, .rate = {}}));
    EXPECT_TRUE(f.fetch("q").empty());
    EXPECT_EQ(f.core().rate_limit("k", f.clock.now)->waiting, 1U);
}

TEST_P(Limit, IsMetByEachJobWithItsOwnRule) {
    f.push(limited({.text = {}, .key = "k", .concurrency = 2, .rate = {}}));
    f.push(limited({.text = {}, .key = "k", .concurrency = 2, .rate = {}}));
    const auto strict = f.push(one_at_a_time());
    const auto held = f.fetch("q", 9);
    ASSERT_EQ(held.size(), 2U);
    ASSERT_TRUE(f.ack(held[0]));
    EXPECT_TRUE(f.fetch("q").empty());
    ASSERT_TRUE(f.ack(held[1]));
    EXPECT_EQ(f.fetch_one("q").spec->id, strict);
}

TEST_P(Limit, LetsAnUrgentJobOfItsKeyGoFirst) {
    f.push(one_at_a_time());
    f.push(one_at_a_time());
    const auto held = f.fetch_one("q");
    EXPECT_TRUE(f.fetch("q").empty());
    auto urgent = one_at_a_time();
    urgent.priority = 5;
    const auto id = f.push(std::move(urgent));
    EXPECT_TRUE(f.fetch("q").empty());
    ASSERT_TRUE(f.ack(held));
    EXPECT_EQ(f.fetch_one("q").spec->id, id);
}

TEST_P(Limit, IsFreedWhenALeaseLapses) {
    auto spec = one_at_a_time();
    spec.visibility_timeout = 1s;
    f.push(std::move(spec));
    f.push(one_at_a_time());
    f.fetch_one("q");
    const auto taker = f.park(patient());
    f.pass(1s);
    const auto given = f.answer_to(taker);
    ASSERT_TRUE(given);
    EXPECT_EQ(given->size(), 1U);
}

TEST_P(Limit, IsNotExceededByAWorkerWhoIsHeardTooLate) {
    auto spec = one_at_a_time();
    spec.visibility_timeout = 1s;
    const auto slow = f.push(std::move(spec));
    f.push(one_at_a_time());
    const auto lapsed = f.fetch_one("q");
    f.pass(1s);
    const auto held = f.fetch_one("q", "w2");
    const bool same = held.spec->id == slow;
    const auto told = f.heartbeat("w1", {lapsed});
    ASSERT_EQ(told.jobs.size(), 1U);
    EXPECT_EQ(told.jobs[0].problem, errc::lease_lost);
    EXPECT_TRUE(f.ack(held));
    EXPECT_EQ(f.ack(lapsed).has_value(), !same) << "what it finished counts all the same";
}

TEST_P(Limit, IsFreedWhenAJobIsCancelled) {
    const auto first = f.push(one_at_a_time());
    f.push(one_at_a_time());
    f.fetch_one("q");
    const auto taker = f.park(patient());
    ASSERT_TRUE(f.cancel(first));
    EXPECT_TRUE(f.answer_to(taker));
}

TEST_P(Limit, CancellingTheJobThatWaitsForItLetsTheNextOneTry) {
    f.push(one_at_a_time());
    const auto strict = f.push(one_at_a_time());
    const auto lax = f.push(limited({.text = {}, .key = "k", .concurrency = 2, .rate = {}}));
    f.fetch_one("q");
    EXPECT_TRUE(f.fetch("q").empty());
    ASSERT_TRUE(f.cancel(strict));
    EXPECT_EQ(f.fetch_one("q").spec->id, lax);
}

TEST_P(Limit, HoldsItsKeyBackWhenAWorkerWasToldToWait) {
    const auto loose = [] {
        return limited({.text = {}, .key = "api", .concurrency = 9, .rate = {}});
    };
    f.push(loose());
    f.push(loose());
    f.push("q");
    nack_request refused;
    refused.rate_limit_until = f.clock.now.wall + 60s;
    ASSERT_TRUE(f.nack(f.fetch_one("q"), refused));
    EXPECT_EQ(fetch_all().size(), 1U) << "only the one without a limit";
    const auto info = f.core().rate_limit("api", f.clock.now);
    ASSERT_TRUE(info && info->held_until);
    f.pass(59s);
    EXPECT_TRUE(f.fetch("q", 5).empty());
    f.pass(1s);
    EXPECT_EQ(fetch_all().size(), 2U);
}

TEST_P(Limit, MeasuresTwoRatesOfOneKeyEachByItself) {
    const auto every = [](std::chrono::milliseconds period) {
        const rate_rule rate{.limit = 1, .period = period, .burst = 1};
        return limited({.text = {}, .key = "k", .concurrency = {}, .rate = rate});
    };
    f.push(every(1h));
    f.fetch_one("q");
    f.push(every(1s));
    f.push(every(1s));
    const auto last = f.push(every(1h));
    f.fetch_one("q");
    const auto taker = f.park(patient());
    EXPECT_FALSE(f.answer_to(taker));
    f.pass(1s - 1us);
    EXPECT_FALSE(f.answer_to(taker));
    f.pass(1us);
    ASSERT_TRUE(f.answer_to(taker)) << "the slow rate does not hold the fast one up";
    f.pass(1h - 1us);
    EXPECT_TRUE(f.fetch("q").empty()) << "starts by the fast one count under the slow one";
    f.pass(1us);
    EXPECT_EQ(f.fetch_one("q").spec->id, last);
}

TEST_P(Limit, IsHeldUntilTheLatestTimeThatWasToldAndByAnyNack) {
    for (int i = 0; i < 3; ++i)
        f.push(limited({.text = {}, .key = "api", .concurrency = 9, .rate = {}}));
    const auto first = f.fetch_one("q");
    const auto second = f.fetch_one("q");
    nack_request until;
    until.rate_limit_until = f.clock.now.wall + 60s;
    until.requeue = true;
    ASSERT_TRUE(f.nack(first, until));
    until.rate_limit_until = f.clock.now.wall + 10s;
    ASSERT_TRUE(f.nack(second, until));
    f.pass(59s);
    EXPECT_TRUE(f.fetch("q").empty());
    f.pass(1s);
    EXPECT_EQ(f.fetch("q").size(), 1U);
}

TEST_P(Limit, TellsOnceThatAJobHasNoRoomAndOnceThatItHas) {
    f.push(one_at_a_time());
    const auto second = f.push(one_at_a_time());
    const auto held = f.fetch_one("q");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(f.fetch("q").empty());
    ASSERT_TRUE(f.ack(held));
    f.fetch_one("q");
    event_query wanted;
    wanted.types = {"rate_limit.exceeded", "rate_limit.released"};
    const auto events = f.core().events().query(wanted).events;
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].type, "rate_limit.exceeded");
    EXPECT_EQ(events[0].job.spec->id, second);
    ASSERT_TRUE(events[0].limit);
    EXPECT_EQ(events[0].limit->key, "k");
    EXPECT_EQ(events[0].limit->strategy, "concurrency");
    EXPECT_EQ(events[0].limit->limit, 1);
    EXPECT_EQ(events[0].limit->current, 1U);
    EXPECT_EQ(events[1].type, "rate_limit.released");
    EXPECT_EQ(events[1].job.spec->id, second);
}

TEST(Limits, AreForgottenWithTheLastJobsOfTheirKeys) {
    engine_config config;
    config.idle_limits = 10;
    engine_fixture f(config);
    for (int i = 0; i < 50; ++i) {
        f.push(one_at_a_time("k" + std::to_string(i)));
        ASSERT_TRUE(f.ack(f.fetch_one("q")));
    }
    f.pass(24h);
    for (int i = 0; i < 2000; ++i) f.push("other");  // the finished ones make room
    EXPECT_LE(f.core().rate_limits({}, f.clock.now).total, 50U);
}

/// Whatever is asked in whatever order: no more run than may, no more start than may, and none is
/// left behind.
class RandomLimits : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Jobs, RandomLimits, testing::Values(false, true));

TEST_P(RandomLimits, AreNeitherExceededNorLeftUnused) {
    for (std::uint32_t seed = 0; seed < 80 && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        engine_fixture f(GetParam() ? nothing_kept() : engine_config{});
        const std::int64_t concurrency = 1 + static_cast<std::int64_t>(random() % 3);
        const rate_rule rate{.limit = 1 + static_cast<std::int64_t>(random() % 4),
                             .period = 100ms,
                             .burst = 1 + static_cast<std::int64_t>(random() % 3)};
        std::vector<job_record> held;
        std::vector<std::chrono::microseconds> starts;
        std::size_t pushed = 0;
        std::size_t done = 0;
        const auto start_some = [&] {
            for (auto& job : f.fetch("q", 1 + random() % 4)) {
                held.push_back(std::move(job));
                starts.push_back(f.clock.now.steady);
            }
            EXPECT_LE(static_cast<std::int64_t>(held.size()), concurrency);
        };
        const auto end_one = [&] {
            EXPECT_TRUE(f.ack(held.back()));
            held.pop_back();
            ++done;
        };
        for (int step = 0; step < 120; ++step) {
            const auto dice = random() % 4;
            if (dice == 0) {
                f.push(limited({.text = {}, .key = "k", .concurrency = concurrency, .rate = rate}));
                ++pushed;
            } else if (dice == 1) {
                start_some();
            } else if (dice == 2) {
                if (!held.empty()) end_one();
            } else {
                f.pass(std::chrono::milliseconds{random() % 60});
            }
        }
        for (int round = 0; round < 400 && done < pushed; ++round) {
            f.pass(100ms);
            start_some();
            while (!held.empty()) end_one();
        }
        EXPECT_EQ(done, pushed);
        for (std::size_t i = 0; i < starts.size(); ++i)
            for (std::size_t j = i; j < starts.size(); ++j)
                ASSERT_LE((static_cast<std::int64_t>(j - i) + 1 - rate.burst) * 100'000,
                          (starts[j] - starts[i]).count() * rate.limit);
    }
}

class Rejecting : public Limit {
protected:
    static job_spec rejecting(std::int64_t concurrency, std::optional<rate_rule> rate = {}) {
        return limited({.text = {},
                        .key = "k",
                        .concurrency = concurrency,
                        .rate = rate,
                        .on_limit = limit_action::reject});
    }
    result<std::vector<job_record>> try_push(std::vector<job_spec> jobs) {
        push_request request;
        request.jobs = std::move(jobs);
        return f.try_push(std::move(request));
    }
};

INSTANTIATE_TEST_SUITE_P(Jobs, Rejecting, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Rejecting, ThosePushedWithoutRoomAreRefused) {
    ASSERT_TRUE(try_push({rejecting(2)}));
    const auto held = f.fetch_one("q");
    ASSERT_TRUE(try_push({rejecting(2)}));
    const auto refused = try_push({rejecting(2)});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::rate_limited);
    EXPECT_EQ(refused.error().details, R"("key":"k","running":1,"waiting":1)");
    ASSERT_TRUE(f.ack(held));
    EXPECT_TRUE(try_push({rejecting(2)})) << "there is room again";
    EXPECT_TRUE(try_push({one_at_a_time()})) << "one that waits may wait";
}

TEST_P(Rejecting, ABatchIsRefusedAsAWhole) {
    ASSERT_FALSE(try_push({rejecting(2), rejecting(2), rejecting(2)}));
    EXPECT_TRUE(f.fetch("q").empty()) << "nothing of it was stored";
    EXPECT_TRUE(try_push({rejecting(2), rejecting(2)}));
}

TEST_P(Rejecting, ARateThatIsUsedUpRefusesUntilItHasRested) {
    const rate_rule rate{.limit = 1, .period = 10s, .burst = 2};
    ASSERT_TRUE(try_push({rejecting(9, rate), rejecting(9, rate)}));
    EXPECT_FALSE(try_push({rejecting(9, rate)})) << "both starts are spoken for";
    EXPECT_EQ(fetch_all().size(), 2U);
    EXPECT_FALSE(try_push({rejecting(9, rate)}));
    f.pass(10s);
    EXPECT_TRUE(try_push({rejecting(9, rate)}));
}

TEST_P(Rejecting, OnceItIsTakenItWaitsForItsTurn) {
    ASSERT_TRUE(try_push({rejecting(1)}));
    ASSERT_TRUE(try_push({one_at_a_time()}));
    const auto first = f.fetch_one("q");
    EXPECT_TRUE(f.fetch("q").empty());
    ASSERT_TRUE(f.nack(first));  // it comes back later, while the other one runs
    const auto second = f.fetch_one("q");
    f.pass(5s);
    EXPECT_TRUE(f.fetch("q").empty());
    ASSERT_TRUE(f.ack(second));
    EXPECT_EQ(f.fetch_one("q").spec->id, first.spec->id);
}

TEST_P(Rejecting, WhatIsReplacedMakesRoom) {
    unique_rule rule;
    rule.text = "{}";
    rule.on_conflict = conflict_policy::replace;
    auto latest = rejecting(1);
    latest.unique = std::make_shared<const unique_rule>(std::move(rule));
    ASSERT_TRUE(try_push({latest}));
    EXPECT_TRUE(try_push({latest})) << "one that waits";
    f.fetch_one("q");
    EXPECT_TRUE(try_push({latest})) << "one that runs";
    EXPECT_TRUE(try_push({latest, latest})) << "one of the same batch";
    EXPECT_FALSE(try_push({rejecting(1)}));
}

TEST_P(Rejecting, WhatIsForLaterStandsInNobodysWay) {
    auto later = rejecting(1);
    later.scheduled_at = f.clock.now.wall + 1h;
    EXPECT_TRUE(try_push({later, rejecting(1)}));
}

TEST_P(Rejecting, AnOperatorsWordCounts) {
    limit_override none;
    none.concurrency = 0;
    f.core().override_limit("k", none, f.clock.now);
    f.settle();
    EXPECT_FALSE(try_push({rejecting(5)}));
    f.core().override_limit("k", {}, f.clock.now);
    f.settle();
    EXPECT_TRUE(try_push({rejecting(5)}));
}

}  // namespace
}  // namespace sluice::test
