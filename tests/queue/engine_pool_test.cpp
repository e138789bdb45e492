#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

class Pool : public testing::TestWithParam<bool> {
protected:
    Pool() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    void pool(pool_strategy strategy, std::vector<fair_pool::share> queues) {
        queues_.clear();
        for (const auto& each : queues) queues_.push_back(each.queue);
        ASSERT_TRUE(f.core().set_pool("p", {strategy, std::move(queues)}));
        f.settle();
    }
    fetch_request request(std::size_t count = 1) {
        fetch_request made;
        made.worker_id = "w";
        made.pool = "p";
        made.queues = queues_;
        made.count = count;
        return made;
    }
    /// The queues that so many jobs come from, one fetch each.
    std::string order(int count) {
        std::string order;
        for (int i = 0; i < count; ++i)
            for (const auto& each : f.fetch(request())) order += each.spec->queue;
        return order;
    }
    static long of(const std::string& order, char queue) {
        return std::count(order.begin(), order.end(), queue);
    }

    engine_fixture f;
    std::vector<std::string> queues_;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Pool, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Pool, RoundRobinServesEachQueueInItsTurn) {
    pool(pool_strategy::round_robin, {{"a", 9}, {"b"}, {"c"}});
    for (const auto* queue : {"a", "b", "c"}) f.push_many(queue, 3);
    EXPECT_EQ(order(9), "abcabcabc");
}

TEST_P(Pool, StrictServesTheFirstThatHasJobs) {
    pool(pool_strategy::strict, {{"b"}, {"a"}});
    f.push_many("a", 2);
    f.push_many("b", 2);
    EXPECT_EQ(order(4), "bbaa");
}

TEST_P(Pool, LeastLoadedServesTheDeepestQueue) {
    pool(pool_strategy::least_loaded, {{"a"}, {"b"}});
    f.push_many("a", 2);
    f.push_many("b", 4);
    EXPECT_EQ(order(6), "bbabab");
}

TEST_P(Pool, WeightsAreKeptOverManyFetches) {
    pool(pool_strategy::weighted, {{"a", 7}, {"b", 2}, {"c", 1}});
    for (const auto* queue : {"a", "b", "c"}) f.push_many(queue, 100);
    const auto seen = order(100);
    EXPECT_NEAR(static_cast<double>(of(seen, 'a')), 70, 1);
    EXPECT_NEAR(static_cast<double>(of(seen, 'b')), 20, 1);
    EXPECT_NEAR(static_cast<double>(of(seen, 'c')), 10, 1);
    // Not only in the end: over each stretch of twenty.
    for (std::size_t from = 0; from + 20 <= seen.size(); ++from)
        EXPECT_GE(of(seen.substr(from, 20), 'c'), 1) << seen;
}

TEST_P(Pool, AFetchOfManyIsSharedToo) {
    pool(pool_strategy::weighted, {{"a", 3}, {"b", 1}});
    f.push_many("a", 50);
    f.push_many("b", 50);
    std::map<std::string, int> seen;
    std::size_t taken = 0;
    while (taken < 40) {  // what is at rest comes in parts
        const auto jobs = f.fetch(request(40 - taken));
        ASSERT_FALSE(jobs.empty());
        taken += jobs.size();
        for (const auto& each : jobs) ++seen[each.spec->queue];
    }
    EXPECT_NEAR(seen["a"], 30, 1);
    EXPECT_NEAR(seen["b"], 10, 1);
}

TEST_P(Pool, AQueueWithoutJobsCostsTheOthersNothingAndIsOwedNothing) {
    pool(pool_strategy::weighted, {{"a", 1}, {"b", 1}});
    f.push_many("a", 30);
    EXPECT_EQ(order(10), "aaaaaaaaaa");
    f.push_many("b", 10);
    const auto seen = order(10);
    EXPECT_NEAR(static_cast<double>(of(seen, 'a')), 5, 1) << seen;
}

TEST_P(Pool, APausedQueueIsPassedBy) {
    pool(pool_strategy::round_robin, {{"a"}, {"b"}});
    f.push_many("a", 2);
    f.push_many("b", 2);
    f.core().pause_queue("a", true, f.clock.now);
    f.settle();
    EXPECT_EQ(order(3), "bb");
}

TEST_P(Pool, WhoWaitsInItIsServedAtOnce) {
    pool(pool_strategy::round_robin, {{"a"}, {"b"}});
    auto waiting = request();
    waiting.wait = 30s;
    const auto taker = f.park(waiting);
    EXPECT_FALSE(f.answer_to(taker));
    f.push("b");
    const auto given = f.answer_to(taker);
    ASSERT_TRUE(given);
    EXPECT_EQ(given->size(), 1U);
}

TEST_P(Pool, AnotherRuleEndsTheWaitsInIt) {
    pool(pool_strategy::round_robin, {{"a"}, {"b"}});
    auto waiting = request();
    waiting.wait = 30s;
    const auto first = f.park(waiting);
    pool(pool_strategy::strict, {{"c"}});
    const auto ended = f.answer_to(first);
    ASSERT_TRUE(ended);
    EXPECT_TRUE(ended->empty());
    waiting = request();
    waiting.wait = 30s;
    const auto second = f.park(waiting);
    ASSERT_TRUE(f.core().remove_pool("p"));
    f.settle();
    EXPECT_TRUE(f.answer_to(second));
}

TEST_P(Pool, ItOutlivesTheProcess) {
    pool(pool_strategy::weighted, {{"a", 5}, {"b", 1}});
    f.lose_power();
    const auto kept = f.core().pool("p");
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->strategy, pool_strategy::weighted);
    EXPECT_EQ(kept->queues, (std::vector<fair_pool::share>{{"a", 5}, {"b", 1}}));
    EXPECT_EQ(f.core().pools().size(), 1U);
    ASSERT_TRUE(f.core().remove_pool("p"));
    f.settle();
    f.lose_power();
    EXPECT_FALSE(f.core().pool("p"));
    EXPECT_FALSE(f.core().remove_pool("p"));
}

TEST_P(Pool, StartsAreCountedForAMinute) {
    pool(pool_strategy::round_robin, {{"a"}, {"b"}});
    f.push_many("a", 3);
    f.push("b");
    f.clock.advance(2s);
    EXPECT_EQ(order(4), "abaa");
    const auto now = f.core().starts(f.clock.now);
    ASSERT_EQ(now.size(), 2U);
    EXPECT_EQ(now[0].starts, 3U);
    EXPECT_EQ(now[0].waited, 6s);
    EXPECT_EQ(now[0].active, 3U);
    EXPECT_EQ(now[1].starts, 1U);
    f.clock.advance(61s);
    EXPECT_EQ(f.core().starts(f.clock.now)[0].starts, 0U);
}

}  // namespace
}  // namespace sluice::test
