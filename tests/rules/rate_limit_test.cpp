#include "server/rules/rate_limit.hpp"

#include "proto/limits.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;

constexpr timestamp start{std::chrono::microseconds{1'771'000'000'000'000}};

TEST(RateLimit, AllowsABurstAndThenOneAfterTheOther) {
    const rate_rule two_a_second{2, 1s, 3};
    rate_state state;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(remaining(two_a_second, state, start), 3 - i);
        const auto answer = take(two_a_second, state, start);
        ASSERT_TRUE(answer.allowed) << i;
        EXPECT_EQ(answer.at, start);
        state = answer.state;
    }
    EXPECT_EQ(remaining(two_a_second, state, start), 0);
    const auto refused = take(two_a_second, state, start);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.at, start + 500ms);
    EXPECT_EQ(refused.state, state);
    EXPECT_FALSE(take(two_a_second, state, start + 500ms - 1us).allowed);
    EXPECT_TRUE(take(two_a_second, state, start + 500ms).allowed);
    EXPECT_EQ(remaining(two_a_second, state, start + 1s), 2);
    EXPECT_EQ(remaining(two_a_second, state, start + 1h), 3);
}

TEST(RateLimit, LosesNothingToRatesThatFitNoWholeMicrosecond) {
    const rate_rule three{3, 1s, 2};
    rate_state state;
    timestamp now = start;
    for (int i = 0; i < 3000; ++i) {
        const auto answer = take(three, state, now);
        ASSERT_TRUE(answer.allowed);
        state = answer.state;
        now = take(three, state, now).at;
    }
    EXPECT_EQ(state, (rate_state{start + 1000s, 0}));
    const rate_rule many{1'000'000, 1ms, 1'000};
    int allowed = 0;
    for (auto at = take(many, {}, start); at.allowed && allowed < 2000;
         at = take(many, at.state, start))
        ++allowed;
    EXPECT_EQ(allowed, 1000);
}

TEST(RateLimit, DoesNotHoldAnyoneUpAfterTheClockWasSetBack) {
    const rate_rule slow{1, 1min, 2};
    auto state = take(slow, {}, start).state;
    state = take(slow, state, start).state;
    const auto earlier = take(slow, state, start - 10h);
    EXPECT_FALSE(earlier.allowed);
    EXPECT_EQ(earlier.at, start - 10h + 1min);
    EXPECT_EQ(remaining(slow, state, start - 10h), 0);
}

TEST(RateLimit, FollowsARuleThatChanges) {
    const auto state = take({1, 1h, 1}, {}, start).state;
    EXPECT_EQ(take({1, 1s, 1}, state, start).at, start + 1s);
    const auto odd = take({7, 3s, 1}, {}, start).state;
    ASSERT_EQ(odd.part, 3);
    EXPECT_EQ(take({2, 1s, 1}, odd, start).at, start + 428'572us);
}

TEST(RateLimit, CountsStartsThatAnotherRuleAllowedAndThenSaysATimeThatHolds) {
    const rate_rule slow{1, 1min, 2};
    rate_state state;
    for (int i = 0; i < 9; ++i) state = spend(slow, state, start);
    EXPECT_EQ(remaining(slow, state, start), 0);
    const auto refused = take(slow, state, start);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.at, start + 1min);
    EXPECT_FALSE(take(slow, state, refused.at - 1us).allowed);
    EXPECT_TRUE(take(slow, state, refused.at).allowed);
}

TEST(RateLimit, HoldsAtTheLargestValues) {
    const rate_rule slow{1, limits::limit_period_max, limits::limit_burst_max};
    const auto one = take(slow, {}, start);
    EXPECT_TRUE(one.allowed);
    EXPECT_EQ(remaining(slow, one.state, start), limits::limit_burst_max - 1);
    const rate_rule fast{limits::limit_rate_max, 1ms, limits::limit_burst_max};
    const auto other = take(fast, {}, start);
    EXPECT_EQ(remaining(fast, other.state, start), limits::limit_burst_max - 1);
}

/// No time, however chosen, sees more than burst + limit * time / period.
void expect_within(const rate_rule& rule, const std::vector<timestamp>& taken) {
    const auto period = std::chrono::microseconds{rule.period}.count();
    for (std::size_t i = 0; i < taken.size(); ++i)
        for (std::size_t j = i; j < taken.size(); ++j)
            ASSERT_LE((static_cast<std::int64_t>(j - i) + 1 - rule.burst) * period,
                      (taken[j] - taken[i]).count() * rule.limit)
                << i << " to " << j;
}

TEST(RandomRateLimits, NeverAllowMoreThanTheyShouldNorLess) {
    for (std::uint32_t seed = 0; seed < 1000 && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        rate_rule rule;
        rule.limit = 1 + static_cast<std::int64_t>(random() % 50);
        rule.period = std::chrono::milliseconds{1 + random() % 5000};
        rule.burst = 1 + static_cast<std::int64_t>(random() % 10);
        const auto gap = 1 + random() % 400'000;
        std::vector<timestamp> taken;
        rate_state state;
        timestamp now = start;
        for (int i = 0; i < 200; ++i) {
            const auto left = remaining(rule, state, now);
            const auto answer = take(rule, state, now);
            ASSERT_EQ(answer.allowed, left > 0);
            if (answer.allowed) {
                state = answer.state;
                taken.push_back(now);
                ASSERT_EQ(remaining(rule, state, now), left - 1);
            } else {
                ASSERT_FALSE(take(rule, state, answer.at - 1us).allowed);
                ASSERT_TRUE(take(rule, state, answer.at).allowed);
                if (random() % 3 == 0) now = answer.at;
            }
            if (random() % 2 == 0) now += std::chrono::microseconds{random() % gap};
        }
        expect_within(rule, taken);
    }
}

}  // namespace
}  // namespace sluice::rules
