#include "server/rules/rate_limit.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;

constexpr timestamp start{std::chrono::microseconds{1'771'000'000'000'000}};

TEST(RateLimit, AllowsABurstAndThenOneAfterTheOther) {
    const limit_definition two_a_second{2, 1s, 3, {}};
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
    const limit_definition three{3, 1s, 2, {}};
    rate_state state;
    timestamp now = start;
    for (int i = 0; i < 3000; ++i) {
        const auto answer = take(three, state, now);
        ASSERT_TRUE(answer.allowed);
        state = answer.state;
        now = take(three, state, now).at;
    }
    EXPECT_EQ(state, (rate_state{start + 1000s, 0}));
    const limit_definition many{1'000'000, 1ms, 1'000, {}};
    int allowed = 0;
    for (auto at = take(many, {}, start); at.allowed && allowed < 2000;
         at = take(many, at.state, start))
        ++allowed;
    EXPECT_EQ(allowed, 1000);
}

TEST(RateLimit, DoesNotHoldAnyoneUpAfterTheClockWasSetBack) {
    const limit_definition slow{1, 1min, 2, {}};
    auto state = take(slow, {}, start).state;
    state = take(slow, state, start).state;
    const auto earlier = take(slow, state, start - 10h);
    EXPECT_FALSE(earlier.allowed);
    EXPECT_EQ(earlier.at, start - 10h + 1min);
    EXPECT_EQ(remaining(slow, state, start - 10h), 0);
}

TEST(RateLimit, FollowsADefinitionThatChanges) {
    const auto state = take({1, 1h, 1, {}}, {}, start).state;
    EXPECT_EQ(take({1, 1s, 1, {}}, state, start).at, start + 1s);
    const auto odd = take({7, 3s, 1, {}}, {}, start).state;
    ASSERT_EQ(odd.part, 3);
    EXPECT_EQ(take({2, 1s, 1, {}}, odd, start).at, start + 428'572us);
}

TEST(RateLimit, ChecksItsDefinition) {
    const auto field = [](const limit_definition& definition) {
        const auto wrong = check(definition);
        EXPECT_TRUE(!wrong || wrong->code == errc::validation_failed);
        return wrong ? wrong->details : "";
    };
    EXPECT_EQ(field({}), "");
    EXPECT_EQ(field({1, 1ms, 1, 0}), "");
    EXPECT_EQ(field({rate_limit_max, 168h, rate_burst_max, 5}), "");
    for (const std::int64_t limit : {std::int64_t{0}, std::int64_t{-1}, rate_limit_max + 1})
        EXPECT_EQ(field({limit, 1s, 1, {}}), R"("field":"limit")") << limit;
    for (const auto period : {0ms, -1ms, std::chrono::milliseconds{168h} + 1ms})
        EXPECT_EQ(field({1, period, 1, {}}), R"("field":"period")") << period.count();
    for (const std::int64_t burst : {std::int64_t{0}, rate_burst_max + 1})
        EXPECT_EQ(field({1, 1s, burst, {}}), R"("field":"burst")") << burst;
    EXPECT_EQ(field({1, 1s, 1, -1}), R"("field":"concurrency")");
}

TEST(RateLimit, HoldsAtTheLargestValues) {
    const limit_definition slow{1, rate_period_max, rate_burst_max, {}};
    const auto one = take(slow, {}, start);
    EXPECT_TRUE(one.allowed);
    EXPECT_EQ(remaining(slow, one.state, start), rate_burst_max - 1);
    const limit_definition fast{rate_limit_max, 1ms, rate_burst_max, {}};
    const auto other = take(fast, {}, start);
    EXPECT_EQ(remaining(fast, other.state, start), rate_burst_max - 1);
}

/// No time, however chosen, sees more than burst + limit * time / period.
void expect_within(const limit_definition& definition, const std::vector<timestamp>& taken) {
    const auto period = std::chrono::microseconds{definition.period}.count();
    for (std::size_t i = 0; i < taken.size(); ++i)
        for (std::size_t j = i; j < taken.size(); ++j)
            ASSERT_LE((static_cast<std::int64_t>(j - i) + 1 - definition.burst) * period,
                      (taken[j] - taken[i]).count() * definition.limit)
                << i << " to " << j;
}

TEST(RandomRateLimits, NeverAllowMoreThanTheyShouldNorLess) {
    for (std::uint32_t seed = 0; seed < 1000 && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random(seed);
        limit_definition definition;
        definition.limit = 1 + static_cast<std::int64_t>(random() % 50);
        definition.period = std::chrono::milliseconds{1 + random() % 5000};
        definition.burst = 1 + static_cast<std::int64_t>(random() % 10);
        const auto gap = 1 + random() % 400'000;
        std::vector<timestamp> taken;
        rate_state state;
        timestamp now = start;
        for (int i = 0; i < 200; ++i) {
            const auto left = remaining(definition, state, now);
            const auto answer = take(definition, state, now);
            ASSERT_EQ(answer.allowed, left > 0);
            if (answer.allowed) {
                state = answer.state;
                taken.push_back(now);
                ASSERT_EQ(remaining(definition, state, now), left - 1);
            } else {
                ASSERT_FALSE(take(definition, state, answer.at - 1us).allowed);
                ASSERT_TRUE(take(definition, state, answer.at).allowed);
                if (random() % 3 == 0) now = answer.at;
            }
            if (random() % 2 == 0) now += std::chrono::microseconds{random() % gap};
        }
        expect_within(definition, taken);
    }
}

}  // namespace
}  // namespace sluice::rules
