#include "server/rules/retry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr double middle = 0.5;  // the random number that leaves a delay as it is

retry_policy policy_of(backoff_strategy strategy, milliseconds initial, double coefficient,
                       milliseconds cap = 300s) {
    retry_policy policy;
    policy.strategy = strategy;
    policy.initial_interval = initial;
    policy.backoff_coefficient = coefficient;
    policy.max_interval = cap;
    policy.jitter = false;
    return policy;
}

std::vector<milliseconds> delays(const retry_policy& policy, std::uint32_t count) {
    std::vector<milliseconds> list;
    for (std::uint32_t n = 1; n <= count; ++n) list.push_back(backoff_delay(policy, n, middle));
    return list;
}

job_failure failure_of(std::string type, std::string code = "handler_error") {
    job_failure failure;
    failure.type = std::move(type);
    failure.code = std::move(code);
    return failure;
}

// The example tables of ojs-retry.md §3.
TEST(Backoff, NoneAndConstantKeepTheInitialInterval) {
    const std::vector<milliseconds> expected{5s, 5s, 5s, 5s};
    EXPECT_EQ(delays(policy_of(backoff_strategy::none, 5s, 2.0), 4), expected);
    EXPECT_EQ(delays(policy_of(backoff_strategy::constant, 5s, 7.5), 4), expected);
}

TEST(Backoff, LinearGrowsByTheInitialInterval) {
    const std::vector<milliseconds> expected{5s, 10s, 15s, 20s};
    EXPECT_EQ(delays(policy_of(backoff_strategy::linear, 5s, 2.0), 4), expected);
}

TEST(Backoff, ExponentialMultipliesByTheCoefficientUpToTheCap) {
    const std::vector<milliseconds> expected{1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s};
    EXPECT_EQ(delays(policy_of(backoff_strategy::exponential, 1s, 2.0), 10), expected);
}

TEST(Backoff, PolynomialRaisesTheAttemptToTheCoefficientUpToTheCap) {
    const std::vector<milliseconds> expected{1s, 16s, 81s, 256s, 300s};
    EXPECT_EQ(delays(policy_of(backoff_strategy::polynomial, 1s, 4.0), 5), expected);
}

TEST(Backoff, ACoefficientOfOneKeepsTheDelayConstant) {
    const std::vector<milliseconds> expected{1s, 1s, 1s, 1s};
    EXPECT_EQ(delays(policy_of(backoff_strategy::exponential, 1s, 1.0), 4), expected);
}

TEST(Backoff, RoundsToTheMillisecond) {
    const std::vector<milliseconds> expected{100ms, 150ms, 225ms, 338ms};
    EXPECT_EQ(delays(policy_of(backoff_strategy::exponential, 100ms, 1.5), 4), expected);
}

// ojs-retry.md §5.3: D × [0.5, 1.5), and the cap once more.
TEST(Backoff, JitterStaysWithinHalfOfTheDelayAndBelowTheCap) {
    retry_policy policy = policy_of(backoff_strategy::exponential, 10s, 2.0);
    policy.jitter = true;
    EXPECT_EQ(backoff_delay(policy, 1, 0.0), 5s);
    EXPECT_EQ(backoff_delay(policy, 1, 0.5), 10s);
    EXPECT_EQ(backoff_delay(policy, 1, 0.999), 14990ms);
    EXPECT_EQ(backoff_delay(policy, 5, 0.0), 80s);
    EXPECT_EQ(backoff_delay(policy, 6, 0.0), 150s);
    EXPECT_EQ(backoff_delay(policy, 6, 0.9), 300s);
}

TEST(Backoff, IgnoresTheRandomNumberWithoutJitter) {
    const retry_policy policy = policy_of(backoff_strategy::exponential, 1s, 2.0);
    EXPECT_EQ(backoff_delay(policy, 3, 0.0), backoff_delay(policy, 3, 0.999));
}

TEST(Backoff, IsTheCapWhereTheFormulaOverflows) {
    constexpr auto year = milliseconds{24h * 365};
    for (const double coefficient : {10.0, 1e6, std::numeric_limits<double>::max()}) {
        for (const auto strategy : {backoff_strategy::exponential, backoff_strategy::polynomial}) {
            EXPECT_EQ(backoff_delay(policy_of(strategy, 1s, coefficient, year), 10'000, middle),
                      year);
        }
    }
    EXPECT_EQ(backoff_delay(policy_of(backoff_strategy::linear, year, 1.0, year), 10'000, middle),
              year);
}

TEST(Backoff, IsZeroWithoutAnIntervalHoweverLargeTheGrowth) {
    EXPECT_EQ(backoff_delay(policy_of(backoff_strategy::exponential, 0ms, 1e300), 10'000, middle),
              0ms);
    EXPECT_EQ(backoff_delay(policy_of(backoff_strategy::exponential, 1s, 2.0, 0ms), 3, middle),
              0ms);
}

TEST(Backoff, TakesAttemptZeroForTheFirst) {
    EXPECT_EQ(backoff_delay(policy_of(backoff_strategy::linear, 5s, 2.0), 0, middle), 5s);
}

TEST(Backoff, NeverShrinksAndNeverLeavesItsBounds) {
    std::mt19937_64 random(20260212);  // fixed, so that a failure repeats
    std::uniform_real_distribution<double> unit(0.0, 1.0);
    for (int round = 0; round < 2000; ++round) {
        retry_policy policy =
            policy_of(static_cast<backoff_strategy>(random() % 5), milliseconds{random() % 100'000},
                      1.0 + unit(random) * (random() % 2 == 0 ? 3.0 : 1e9),
                      milliseconds{random() % 10'000'000});
        milliseconds before{0};
        for (std::uint32_t attempt = 1; attempt <= 10'000; attempt = attempt * 3 / 2 + 1) {
            policy.jitter = false;
            const auto plain = backoff_delay(policy, attempt, unit(random));
            ASSERT_GE(plain, before) << "round " << round << " attempt " << attempt;
            ASSERT_LE(plain, policy.max_interval) << "round " << round;
            policy.jitter = true;
            const auto jittered = backoff_delay(policy, attempt, unit(random));
            ASSERT_GE(jittered, plain / 2 - 1ms) << "round " << round;
            ASSERT_LE(jittered, std::min(plain * 3 / 2 + 1ms, policy.max_interval))
                << "round " << round;
            before = plain;
        }
    }
}

// The example table of ojs-retry.md §6.2.
TEST(NonRetryable, MatchesExactlyOrByPrefix) {
    retry_policy policy;
    policy.non_retryable_errors = {"validation.payload_invalid", "auth.*"};
    EXPECT_TRUE(non_retryable(policy, failure_of("validation.payload_invalid")));
    EXPECT_FALSE(non_retryable(policy, failure_of("validation.schema_error")));
    EXPECT_TRUE(non_retryable(policy, failure_of("auth.token_expired")));
    EXPECT_TRUE(non_retryable(policy, failure_of("auth.forbidden")));
    EXPECT_FALSE(non_retryable(policy, failure_of("auth")));
    EXPECT_FALSE(non_retryable(policy, failure_of("external.auth.failure")));
}

TEST(NonRetryable, LooksAtTheCodeToo) {
    retry_policy policy;
    policy.non_retryable_errors = {"card_declined"};
    EXPECT_TRUE(non_retryable(policy, failure_of("Stripe.Error", "card_declined")));
    EXPECT_FALSE(non_retryable(policy, failure_of("Stripe.Error", "timeout")));
}

TEST(NonRetryable, MatchesNothingWithAnEmptyListOrAnEmptyType) {
    retry_policy policy;
    EXPECT_FALSE(non_retryable(policy, failure_of("anything")));
    policy.non_retryable_errors = {""};
    EXPECT_FALSE(non_retryable(policy, failure_of("", "")));
}

TEST(Verdict, RetriesUntilTheAttemptsAreSpent) {
    retry_policy policy;
    policy.max_attempts = 3;
    const job_failure failure = failure_of("io");
    EXPECT_EQ(decide(policy, 1, failure, true), verdict::retry);
    EXPECT_EQ(decide(policy, 2, failure, true), verdict::retry);
    EXPECT_EQ(decide(policy, 3, failure, true), verdict::discard);
    EXPECT_EQ(decide(policy, 4, failure, true), verdict::discard);
}

TEST(Verdict, GivesZeroAndOneAttemptASingleRun) {
    retry_policy policy;
    for (const std::uint32_t max : {0U, 1U}) {
        policy.max_attempts = max;
        EXPECT_EQ(decide(policy, 1, failure_of("io"), true), verdict::discard);
    }
}

TEST(Verdict, FollowsThePolicyOnExhaustion) {
    retry_policy policy;
    policy.max_attempts = 1;
    policy.on_exhaustion = exhaustion::dead_letter;
    EXPECT_EQ(decide(policy, 1, failure_of("io"), true), verdict::dead_letter);
    policy.max_attempts = 5;
    EXPECT_EQ(decide(policy, 1, failure_of("io"), false), verdict::dead_letter);
    policy.non_retryable_errors = {"io"};
    EXPECT_EQ(decide(policy, 1, failure_of("io"), true), verdict::dead_letter);
}

TEST(Verdict, TheHandlersOwnChoiceGoesBeforeThePolicy) {
    retry_policy policy;
    policy.max_attempts = 5;
    EXPECT_EQ(decide(policy, 1, job_failure{}, true), verdict::retry);
    EXPECT_EQ(decide(policy, 1, job_failure{}, true, exhaustion::discard), verdict::discard);
    EXPECT_EQ(decide(policy, 1, job_failure{}, true, exhaustion::dead_letter),
              verdict::dead_letter);
    policy.on_exhaustion = exhaustion::dead_letter;
    EXPECT_EQ(decide(policy, 5, job_failure{}, false, exhaustion::discard), verdict::discard);
}

TEST(Verdict, HeedsTheHandlersOwnWordFirst) {
    retry_policy policy;
    policy.max_attempts = 5;
    EXPECT_EQ(decide(policy, 1, failure_of("io", "RETRY"), true), verdict::retry);
    EXPECT_EQ(decide(policy, 1, failure_of("io", "DEAD_LETTER"), true), verdict::dead_letter);
    policy.on_exhaustion = exhaustion::dead_letter;
    EXPECT_EQ(decide(policy, 1, failure_of("io", "DISCARD"), true), verdict::discard);
    EXPECT_EQ(decide(policy, 5, failure_of("io", "FAIL"), true), verdict::discard);
}

}  // namespace
}  // namespace sluice::rules
