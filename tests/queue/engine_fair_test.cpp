// Fairness keys: whose turn it is.

#include "proto/limit_rule.hpp"
#include "tests/queue/fair_fixture.hpp"

namespace sluice::test {
namespace {

double jain(const std::map<std::string, int>& counts, std::size_t keys) {
    double sum = 0, squares = 0;
    for (const auto& [key, count] : counts) {
        sum += count;
        squares += static_cast<double>(count) * count;
    }
    return sum * sum / (static_cast<double>(keys) * squares);
}

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

TEST_P(Fair, ExplainTellsThePlaceInTheFairOrder) {
    push(keyed("a"), 10);
    const auto id = push(keyed("b")).front();
    f.make_resident(id);
    const auto told = f.core().explain(id, f.clock.now);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->position, 1U);
}

}  // namespace
}  // namespace sluice::test
