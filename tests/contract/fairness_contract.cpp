#include "proto/fairness.hpp"
#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

job_spec keyed(std::string key, std::int64_t weight = 1, std::int64_t cost = 1) {
    auto spec = contract_job("q");
    spec.fairness =
        std::make_shared<const fairness_rule>(fairness_rule{std::move(key), weight, cost});
    return spec;
}

CONTRACT(KeysOfFairnessTakeTurnsAlsoAfterARestart) {
    for (int i = 0; i < 5; ++i) co_await t.push(keyed("a"));
    for (int i = 0; i < 3; ++i) co_await t.push(keyed("b", 2));
    co_await t.push(keyed("c", 1, 9));
    std::string order;
    for (int i = 0; i < 9; ++i) {
        const auto job = co_await t.fetch_one("q");
        order += job.spec->fairness->key;
        if (i % 3 == 0) co_await t.reopen();
    }
    EXPECT_EQ(order.substr(0, 3), "abc");
    EXPECT_EQ(order, "abcbabaaa");
}

CONTRACT(AFairnessKeyComesBackWithItsJob) {
    co_await t.push(keyed("tenant-7", 3, 20));
    co_await t.reopen();
    const auto job = co_await t.fetch_one("q");
    const bool there = job.spec && job.spec->fairness;
    EXPECT_TRUE(there);
    if (!there) co_return;
    EXPECT_EQ(*job.spec->fairness, (fairness_rule{"tenant-7", 3, 20}));
}

}  // namespace
}  // namespace sluice::test
