#include "tests/contract/backend_contract.hpp"

#include <map>

namespace sluice::test {
namespace {

fetch_request from_pool(std::size_t count, std::chrono::milliseconds wait = 0ms) {
    fetch_request request;
    request.worker_id = "w";
    request.pool = "p";
    request.queues = {"a", "b"};
    request.count = count;
    request.wait = wait;
    return request;
}

CONTRACT(APoolIsServedByItsRuleAlsoAfterARestart) {
    const fair_pool rule{pool_strategy::weighted, {{"a", 3}, {"b", 1}}};
    const auto made = co_await t.queue().set_pool("p", rule);
    EXPECT_TRUE(made && made->created && made->pool == rule);
    for (int i = 0; i < 12; ++i) {
        co_await t.push(contract_job("a"));
        co_await t.push(contract_job("b"));
    }
    co_await t.reopen();
    const auto kept = co_await t.queue().pool("p");
    EXPECT_TRUE(kept && *kept == rule);
    std::map<std::string, int> seen;
    std::size_t taken = 0;
    while (taken < 12) {
        const auto jobs = co_await t.fetch(from_pool(12 - taken, 10s));
        if (jobs.empty()) break;
        taken += jobs.size();
        for (const auto& each : jobs) ++seen[each.spec->queue];
    }
    EXPECT_EQ(taken, 12U);
    EXPECT_GE(seen["b"], 1) << "it does not starve";
    EXPECT_GT(seen["a"], seen["b"]);
    const auto starts = co_await t.queue().starts();
    EXPECT_TRUE(starts && starts->size() == 2 &&
                starts->front().starts + starts->back().starts == 12);
}

CONTRACT(PoolsAreListedAndRemoved) {
    const fair_pool first{pool_strategy::strict, {{"a"}}};
    const fair_pool second{pool_strategy::round_robin, {{"b"}}};
    co_await t.queue().set_pool("p", first);
    const auto changed = co_await t.queue().set_pool("p", second);
    EXPECT_TRUE(changed && !changed->created);
    const auto all = co_await t.queue().pools();
    EXPECT_TRUE(all && all->size() == 1 && all->front().first == "p");
    const auto gone = co_await t.queue().remove_pool("p");
    EXPECT_TRUE(gone);
    co_await t.reopen();
    const auto none = co_await t.queue().pools();
    EXPECT_TRUE(none && none->empty());
    const auto missing = co_await t.queue().pool("p");
    EXPECT_EQ(code_of(missing), errc::not_found);
    const auto twice = co_await t.queue().remove_pool("p");
    EXPECT_EQ(code_of(twice), errc::not_found);
}

CONTRACT(AnotherRuleEndsTheWaitsInAPool) {
    const fair_pool first{pool_strategy::strict, {{"a"}, {"b"}}};
    const fair_pool second{pool_strategy::strict, {{"a"}}};
    co_await t.queue().set_pool("p", first);
    auto waiting = t.start(t.fetch(from_pool(1, 30s)));
    co_await t.yield();
    co_await t.queue().set_pool("p", second);
    const auto given = co_await waiting.answer();
    EXPECT_TRUE(given.empty());
}

}  // namespace
}  // namespace sluice::test
