// Fairness keys: whose turn it is.

#include "proto/fairness.hpp"
#include "proto/limit_rule.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

job_spec keyed(const std::string& key, std::int64_t weight = 1, std::int64_t cost = 1) {
    auto spec = make_spec("q");
    if (key.empty()) return spec;
    spec.fairness = std::make_shared<const fairness_rule>(fairness_rule{key, weight, cost});
    return spec;
}

/// "" is that of jobs without one.
std::string key_of(const job_record& job) {
    return std::string(fairness_key_of(*job.spec));
}

double jain(const std::map<std::string, int>& counts, std::size_t keys) {
    double sum = 0, squares = 0;
    for (const auto& [key, count] : counts) {
        sum += count;
        squares += static_cast<double>(count) * count;
    }
    return sum * sum / (static_cast<double>(keys) * squares);
}

class Fair : public testing::TestWithParam<bool> {
protected:
    Fair() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    std::vector<uuid> push(const job_spec& spec, int count = 1) {
        push_request request;
        request.jobs.assign(static_cast<std::size_t>(count), spec);
        const auto jobs = f.try_push(std::move(request));
        std::vector<uuid> ids;
        EXPECT_TRUE(jobs);
        for (const auto& job : *jobs) ids.push_back(job.spec->id);
        return ids;
    }
    /// The keys of so many jobs, one fetch each.
    std::string order(int count, const std::string& type = {}) {
        std::string order;
        for (int i = 0; i < count; ++i) {
            fetch_request request;
            request.worker_id = "w";
            request.queues = {"q"};
            if (!type.empty()) request.types = {type};
            for (const auto& job : f.fetch(request))
                order += key_of(job).empty() ? "." : key_of(job);
        }
        return order;
    }
    /// What is left, one fetch after the other: one alone may end early, when it has to wait for
    /// more to be read.
    std::vector<job_record> rest(std::size_t max = SIZE_MAX) {
        std::vector<job_record> all;
        for (auto jobs = f.fetch("q", 50); !jobs.empty() && all.size() < max;
             jobs = f.fetch("q", 50))
            all.insert(all.end(), jobs.begin(), jobs.end());
        return all;
    }
    std::map<std::string, int> counts(int jobs, std::size_t at_once = 1) {
        std::map<std::string, int> counts;
        for (int left = jobs; left > 0;) {
            const auto taken = f.fetch("q", std::min(at_once, static_cast<std::size_t>(left)));
            if (taken.empty()) break;
            left -= static_cast<int>(taken.size());
            for (const auto& job : taken) ++counts[key_of(job)];
        }
        return counts;
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Fair, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Fair, KeysTakeTurnsHoweverManyJobsOneHas) {
    push(keyed("a"), 6);
    push(keyed("b"), 2);
    push(keyed("c"), 1);
    EXPECT_EQ(order(9), "abcabaaaa");
}

TEST_P(Fair, JobsOfOneKeyGoInOrderOfArrival) {
    std::vector<uuid> pushed, taken;
    for (int i = 0; i < 30; ++i) {
        push(keyed("other"), 2);
        pushed.push_back(push(keyed("a", 1 + i % 3, 1 + i % 5)).front());
        if (i % 3 == 0)
            for (const auto& job : f.fetch("q", 2))
                if (key_of(job) == "a") taken.push_back(job.spec->id);
    }
    for (const auto& job : rest())
        if (key_of(job) == "a") taken.push_back(job.spec->id);
    EXPECT_EQ(taken, pushed);
}

TEST_P(Fair, AKeyGetsWorkInProportionToItsWeight) {
    push(keyed("a", 1), 100);
    push(keyed("b", 2), 100);
    push(keyed("c", 4), 100);
    const auto got = counts(70);
    EXPECT_NEAR(got.at("a"), 10, 1);
    EXPECT_NEAR(got.at("b"), 20, 1);
    EXPECT_NEAR(got.at("c"), 40, 2);
}

TEST_P(Fair, AJobOfThreefoldCostTakesThreeTurns) {
    push(keyed("a", 1, 3), 100);
    push(keyed("b", 1, 1), 100);
    const auto got = counts(80);
    EXPECT_NEAR(got.at("a"), 20, 1);
    EXPECT_NEAR(got.at("b"), 60, 1);
}

TEST_P(Fair, JobsWithoutAKeyAreOneKeyOfTheirOwn) {
    push(keyed("a"), 3);
    push(keyed(""), 4);
    push(keyed("b"), 2);
    EXPECT_EQ(order(9), "a.ba.ba..");
}

TEST_P(Fair, PrioritiesComeBeforeKeys) {
    auto urgent = keyed("a");
    urgent.priority = 5;
    push(keyed("b"), 2);
    push(urgent, 2);
    urgent.fairness = keyed("c").fairness;
    push(urgent, 1);
    EXPECT_EQ(order(5), "acabb");
}

TEST_P(Fair, AKeyThatComesLateWaitsForOneJobOfTheOthersAtMost) {
    push(keyed("a"), 50);
    push(keyed("b"), 50);
    order(21);
    push(keyed("c"));
    const auto next = order(3);
    EXPECT_NE(next.find('c'), std::string::npos) << next;
}

TEST_P(Fair, AKeyThatAsksForOneJobAtATimeGetsNoMoreThanItsShare) {
    push(keyed("a"), 100);
    int of_b = 0;
    push(keyed("b"));
    for (int i = 0; i < 40; ++i) {
        if (order(1) != "b") continue;
        ++of_b;
        push(keyed("b"));
    }
    EXPECT_NEAR(of_b, 20, 1);
}

TEST_P(Fair, HoldsWithinEachTypeAWorkerAsksFor) {
    auto y = keyed("a");
    y.type = "y";
    push(y, 5);
    push(keyed("a"), 5);
    y.fairness = keyed("b").fairness;
    push(y, 5);
    push(keyed("b"), 5);
    EXPECT_EQ(order(6, "y"), "ababab");
    EXPECT_EQ(counts(14).size(), 2U);
}

TEST_P(Fair, LinesOfTwoTypesWhoseFirstJobsHaveTheSameTicketAreBothServed) {
    // Each line begins a turn before its first job, and these have followed each other.
    auto y = keyed("");
    y.type = "y";
    push(keyed(""));
    push(y);
    push(keyed("a"));
    y.fairness = keyed("b").fairness;
    push(y);
    push(keyed("c"));
    EXPECT_EQ(rest().size(), 5U);
}

/// Without keys the quiet ones wait for all of the flood.
int waited(engine_fixture& f, int flood, bool with_keys, bool quiet_only = false) {
    const auto key = [&](const std::string& name) { return keyed(with_keys ? name : ""); };
    const auto push = [&](const job_spec& spec, int count) {
        push_request request;
        request.jobs.assign(static_cast<std::size_t>(count), spec);
        EXPECT_TRUE(f.try_push(std::move(request)));
    };
    std::map<uuid, int> pushed_at;
    std::vector<int> waits;
    int granted = 0;
    const auto take = [&] {
        for (const auto& job : f.fetch("q", 50)) {
            ++granted;
            const auto at = pushed_at.find(job.spec->id);
            if (at != pushed_at.end()) waits.push_back(granted - at->second);
        }
    };
    for (int left = quiet_only ? 0 : flood; left > 0; left -= 1000) push(key("flood"), 1000);
    for (int round = 0; round < 2; ++round) {
        push_request burst;
        for (int tenant = 0; tenant < 999; ++tenant)
            burst.jobs.push_back(key("t" + std::to_string(tenant)));
        const auto jobs = f.try_push(std::move(burst));
        for (const auto& job : *jobs) pushed_at[job.spec->id] = granted;
        for (int i = 0; i < 40; ++i) take();
    }
    while (waits.size() < pushed_at.size()) take();
    std::ranges::sort(waits);
    return waits[waits.size() * 99 / 100];
}

TEST_P(Fair, AFloodDelaysAThousandQuietTenantsByLessThanTwice) {
    engine_fixture quiet(f.config), flooded(f.config), without_keys(f.config);
    constexpr int flood = 20'000;
    const auto p99_of_empty = waited(quiet, flood, true, true);
    EXPECT_LE(waited(flooded, flood, true), 2 * p99_of_empty);
    EXPECT_GT(waited(without_keys, flood, false), 10 * p99_of_empty) << "the control";
}

TEST_P(Fair, OfEqualKeysIsNearlyPerfectInEveryWindow) {
    push(keyed("flood"), 5000);
    for (int tenant = 0; tenant < 99; ++tenant) push(keyed("t" + std::to_string(tenant)), 30);
    for (int window = 0; window < 5; ++window) EXPECT_GE(jain(counts(500, 25), 100), 0.95);
}

TEST_P(Fair, OfEqualKeysIsPoorWithoutKeys) {  // the control
    push(keyed(""), 500);
    std::map<uuid, std::string> tenants;
    for (int tenant = 0; tenant < 9; ++tenant)
        for (const auto& id : push(keyed(""), 50)) tenants[id] = std::to_string(tenant);
    std::map<std::string, int> got;
    for (const auto& job : rest(500)) ++got[tenants[job.spec->id]];
    EXPECT_LT(jain(got, 10), 0.2);
}

TEST_P(Fair, ARestartKeepsTheOrder) {
    const auto fill = [&] {
        push(keyed("a"), 8);
        push(keyed(""), 4);
        push(keyed("b", 2), 8);
        push(keyed("c", 1, 2), 4);
        auto low = keyed("a");
        low.priority = -1;
        push(low, 3);
        low.fairness = keyed("d").fairness;
        push(low, 3);
    };
    fill();
    const auto uninterrupted = order(30);
    fill();
    std::string interrupted;
    for (int i = 0; i < 6; ++i) {
        interrupted += order(5);
        f.crash();
    }
    EXPECT_EQ(interrupted, uninterrupted);
}

TEST_P(Fair, ARestartRemembersHowMuchEachKeyHasWaiting) {
    push(keyed("a"), 20);
    push(keyed(""), 5);
    f.crash();
    push(keyed("b"), 3);
    push(keyed("a"), 3);
    push(keyed(""), 3);
    const auto next = order(9);
    EXPECT_EQ(std::ranges::count(next, 'b'), 3) << next;
    std::int64_t last = 0;
    for (const auto& job : rest()) {
        if (!key_of(job).empty()) continue;
        EXPECT_GT(job.seq, last) << "they go in order of arrival";
        last = job.seq;
    }
}

TEST_P(Fair, ThoseWithoutAKeyKeepTheirOrderOverARestartWhenAllOthersHaveGone) {
    push(keyed("a"), 2);
    const auto before = push(keyed(""), 6);
    EXPECT_EQ(order(4), "a.a.");
    f.crash();
    auto expected = std::vector(before.begin() + 2, before.end());
    for (const auto& id : push(keyed(""), 2)) expected.push_back(id);
    std::vector<uuid> taken;
    for (const auto& job : rest()) taken.push_back(job.spec->id);
    EXPECT_EQ(taken, expected);
}

TEST_P(Fair, AKeyWhoseFloodWasCancelledIsLikeAnyOther) {
    push(keyed("b"), 60);
    for (const auto& id : push(keyed("a"), 50)) ASSERT_TRUE(f.cancel(id));
    order(3);
    push(keyed("a"), 10);
    const auto next = order(12);
    EXPECT_GE(std::ranges::count(next, 'a'), 5) << next;
}

TEST_P(Fair, AJobThatIsGivenBackHasItsPlaceAgain) {
    push(keyed("a"), 3);
    push(keyed("b"), 3);
    const auto first = f.fetch_one("q");
    const auto second = f.fetch_one("q");
    nack_request back;
    back.release = true;
    ASSERT_TRUE(f.nack(second, back));
    ASSERT_TRUE(f.nack(first, back));
    EXPECT_EQ(f.fetch_one("q").spec->id, first.spec->id);
    EXPECT_EQ(f.fetch_one("q").spec->id, second.spec->id);
}

TEST_P(Fair, AJobThatComesBackToAQueueThatWasEmptyMeanwhileIsNotPutBehindAll) {
    push(keyed("a", 1, 1000), 100);
    counts(99);
    const auto late = f.fetch_one("q");  // a hundred thousand turns later
    ASSERT_GT(late.ticket, 1'000'000);
    push(keyed(""), 3);
    nack_request back;
    back.release = true;
    ASSERT_TRUE(f.nack(late, back));
    push(keyed(""), 3);
    const auto next = order(7);
    EXPECT_LE(next.find('a'), 3U) << next;
}

TEST_P(Fair, ARetriedJobStandsWhereItsKeyIsThen) {
    push(keyed("a"), 3);
    push(keyed("b"), 3);
    const auto failed = f.fetch_one("q");
    ASSERT_TRUE(f.nack(failed));
    f.pass(10s);
    EXPECT_EQ(order(6), "bababa") << "behind the others of its key";
}

TEST_P(Fair, GoesAlongWithLimits) {
    const auto limited = [](const std::string& key) {
        auto spec = keyed(key);
        limit_rule rule;
        rule.text = "{}";
        rule.key = key;
        rule.concurrency = 1;
        spec.limit = std::make_shared<const limit_rule>(std::move(rule));
        return spec;
    };
    push(limited("a"), 5);
    push(limited("b"), 5);
    push(keyed("c"), 3);
    EXPECT_EQ(order(6), "abccc") << "one of each runs";
}

TEST_P(Fair, JobsThatCameBeforeAnyKeyAreOneLongTurn) {
    push(keyed(""), 5);
    push(keyed("a"), 2);
    push(keyed("b"), 1);
    const auto all = order(8);
    EXPECT_EQ(all.substr(0, 2), "ab");
    EXPECT_EQ(std::ranges::count(all, '.'), 5);
}

TEST_P(Fair, KeysThatHaveNothingWaitingAreForgotten) {
    push(keyed("busy"), 100);
    for (int tenant = 0; tenant < 2000; ++tenant) push(keyed("t" + std::to_string(tenant)));
    EXPECT_GT(f.core().fairness_key_count(), 2000U);
    counts(2050, 50);
    f.settle();
    EXPECT_LE(f.core().fairness_key_count(), 2000U) << "a few with each start";
    counts(50);
    for (int i = 0; i < 10; ++i) push(keyed("last"));  // each is a commit
    counts(10);
    f.push("other");
    EXPECT_EQ(f.core().fairness_key_count(), 0U);
}

TEST_P(Fair, QueuesWithoutKeysKeepNothingOfIt) {
    push(keyed(""), 10);
    const auto jobs = rest();
    EXPECT_EQ(f.core().fairness_key_count(), 0U);
    for (const auto& job : jobs) EXPECT_EQ(job.ticket, job.seq);
    push(keyed("a"));
    order(1);
    const auto id = push(keyed(""));
    EXPECT_EQ(f.job(id.front()).ticket, f.job(id.front()).seq) << "it was empty in between";
}

TEST_P(Fair, ScheduledAndReleasedJobsTakeTheirTurnWhenTheyComeIn) {
    auto later = keyed("a");
    later.scheduled_at = f.clock.now.wall + 5s;
    push(later, 3);
    auto held = keyed("c");
    held.pending = true;
    const auto ids = push(held);
    push(keyed("b"), 3);
    f.pass(6s);
    ASSERT_TRUE(f.activate(ids.front()));
    EXPECT_EQ(order(7), "bacbaba");
}

TEST_P(Fair, ExplainTellsThePlaceInTheFairOrder) {
    push(keyed("a"), 10);
    const auto id = push(keyed("b")).front();
    f.make_resident(id);
    const auto told = f.core().explain(id, f.clock.now);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->position, 1U);
}

TEST_P(Fair, AResetForgetsAll) {
    push(keyed("a"), 10);
    f.core().reset();
    f.settle();
    EXPECT_EQ(f.core().fairness_key_count(), 0U);
    push(keyed("b"), 2);
    EXPECT_EQ(order(2), "bb");
}

}  // namespace
}  // namespace sluice::test
