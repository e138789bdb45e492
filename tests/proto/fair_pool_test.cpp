#include "proto/fair_pool.hpp"

#include "proto/codec.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sluice {
namespace {

using shares = std::vector<fair_pool::share>;

TEST(FairPool, TakesNamesWithWeightsBesideThem) {
    const auto pool = decode_fair_pool(
        R"({"name":"p","strategy":"weighted","queues":["a","b","c"],"weights":{"c":5,"a":2}})",
        "p");
    ASSERT_TRUE(pool) << pool.error().message;
    EXPECT_EQ(pool->strategy, pool_strategy::weighted);
    EXPECT_EQ(pool->queues, (shares{{"a", 2}, {"b", 1}, {"c", 5}}));
    EXPECT_EQ(*decode_fair_pool(encode_fair_pool(*pool), "p"), *pool);
}

TEST(FairPool, TakesAnObjectOfQueues) {
    const auto pool = decode_fair_pool(R"({"queues":{"b":{"weight":70},"a":{}}})", "p");
    ASSERT_TRUE(pool) << pool.error().message;
    EXPECT_EQ(pool->strategy, pool_strategy::weighted) << "weights are for nothing else";
    EXPECT_EQ(pool->queues, (shares{{"b", 70}, {"a", 1}}));
}

TEST(FairPool, EachStrategyHasItsName) {
    for (const auto* name : {"strict", "round-robin", "weighted", "least-loaded"})
        EXPECT_EQ(to_string(*parse_pool_strategy(name)), name);
    EXPECT_EQ(parse_pool_strategy("round_robin"), pool_strategy::round_robin);
    EXPECT_EQ(parse_pool_strategy("least_loaded"), pool_strategy::least_loaded);
    EXPECT_FALSE(parse_pool_strategy("fair"));
}

TEST(FairPool, OfBadValuesIsRefusedByName) {
    const std::pair<std::string, std::string> cases[] = {
        {R"({})", "queues"},
        {R"({"queues":[]})", "queues"},
        {R"({"queues":{}})", "queues"},
        {R"({"queues":"a"})", "queues"},
        {R"({"queues":["a","a"]})", "queues"},
        {R"({"queues":["A!"]})", "queues"},
        {R"({"queues":{"A!":{}}})", "queues"},
        {R"({"queues":{"a":1}})", "queues"},
        {R"({"queues":{"a":{"weight":0}}})", "queues.weight"},
        {R"({"queues":{"a":{"weight":10001}}})", "queues.weight"},
        {R"({"queues":{"a":{"weigth":1}}})", "queues.weigth"},
        {R"({"queues":["a"],"weights":{"b":1}})", "weights"},
        {R"({"queues":["a"],"weights":{"a":0}})", "weights.a"},
        {R"({"queues":["a"],"weights":[1]})", "weights"},
        {R"({"queues":["a"],"strategy":"fair"})", "strategy"},
        {R"({"queues":["a"],"name":"q"})", "name"},
        {R"({"queues":["a"],"wieghts":{}})", "wieghts"},
        {R"({"queues":["a"],"concurrency":5})", "concurrency"},
        {R"({"queues":["a"],"isolated":true})", "isolated"},
        {R"({"queues":["a"],"starvation_prevention":{}})", "starvation_prevention"},
    };
    for (const auto& [body, field] : cases) {
        const auto pool = decode_fair_pool(body, "p");
        ASSERT_FALSE(pool) << body;
        EXPECT_TRUE(pool.error().details.starts_with("\"field\":\"" + field + "\""))
            << body << ' ' << pool.error().details;
    }
    EXPECT_EQ(decode_fair_pool(R"({"queues":["a"],"concurrency":5})", "p").error().code,
              errc::unsupported);
    EXPECT_TRUE(decode_fair_pool(R"({"queues":["a"],"isolated":false})", "p"));
    std::string many = R"({"queues":[)";
    for (int i = 0; i < 257; ++i) many += (i > 0 ? ",\"q" : "\"q") + std::to_string(i) + '"';
    EXPECT_FALSE(decode_fair_pool(many + "]}", "p"));
}

TEST(FairPool, AFetchNamesAPoolOrQueues) {
    const auto fetch = decode_fetch(R"({"pool":"p","count":3})");
    ASSERT_TRUE(fetch);
    EXPECT_EQ(fetch->pool, "p");
    EXPECT_TRUE(fetch->queues.empty());
    EXPECT_FALSE(decode_fetch(R"({"pool":"p","queues":["q"]})"));
    EXPECT_FALSE(decode_fetch(R"({"pool":"P!"})"));
    EXPECT_EQ(decode_fetch("{}")->queues.size(), 1U);
}

}  // namespace
}  // namespace sluice
