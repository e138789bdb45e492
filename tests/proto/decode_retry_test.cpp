#include "proto/codec.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace sluice {
namespace {

using namespace std::chrono_literals;

result<job_spec> decode(std::string_view retry) {
    return decode_job(R"({"type":"a","args":[],"options":{"retry":)" + std::string{retry} + "}}",
                      timestamp{});
}

retry_policy accepted(std::string_view retry) {
    const auto spec = decode(retry);
    EXPECT_TRUE(spec) << retry << ": " << spec.error().message;
    return spec ? spec->retry : retry_policy{};
}

TEST(DecodeRetry, MergesWithTheDefaults) {
    retry_policy expected;
    EXPECT_EQ(accepted("{}"), expected);
    expected.max_attempts = 10;
    expected.on_exhaustion = exhaustion::dead_letter;
    EXPECT_EQ(accepted(R"({"max_attempts":10,"on_exhaustion":"dead_letter"})"), expected);
}

TEST(DecodeRetry, ReadsEveryMember) {
    const retry_policy expected{.max_attempts = 5,
                                .initial_interval = 1500ms,
                                .backoff_coefficient = 1.5,
                                .max_interval = 30s,
                                .jitter = false,
                                .strategy = backoff_strategy::linear,
                                .on_exhaustion = exhaustion::discard,
                                .non_retryable_errors = {"ValidationError", "Auth.*"}};
    EXPECT_EQ(accepted(R"({"max_attempts":5,"initial_interval":"PT1.5S","backoff_coefficient":1.5,)"
                       R"("max_interval":"PT30S","jitter":false,"backoff_strategy":"linear",)"
                       R"("on_exhaustion":"discard",)"
                       R"("non_retryable_errors":["ValidationError","Auth.*"]})"),
              expected);
    EXPECT_EQ(
        accepted(R"({"max_attempts":5,"initial_interval_ms":1500,"backoff_coefficient":15e-1,)"
                 R"("max_interval_ms":30000,"jitter":false,"backoff_type":"linear",)"
                 R"("non_retryable_errors":["ValidationError","Auth.*"]})"),
        expected);
}

TEST(DecodeRetry, KnowsEveryStrategy) {
    constexpr std::array<std::pair<std::string_view, backoff_strategy>, 5> table{
        {{"none", backoff_strategy::none},
         {"constant", backoff_strategy::constant},
         {"linear", backoff_strategy::linear},
         {"exponential", backoff_strategy::exponential},
         {"polynomial", backoff_strategy::polynomial}}};
    for (const auto& [name, strategy] : table)
        EXPECT_EQ(accepted(R"({"backoff_strategy":")" + std::string{name} + "\"}").strategy,
                  strategy);
}

TEST(DecodeRetry, LetsALongFirstIntervalRaiseTheCapNobodySet) {
    EXPECT_EQ(accepted(R"({"initial_interval":"PT10M"})").max_interval, 10min);
    EXPECT_FALSE(decode(R"({"initial_interval":"PT10M","max_interval":"PT5M"})"));
}

TEST(DecodeRetry, KeepsUnknownMembers) {
    const auto spec = decode(R"({"x":[1, 2],"max_attempts":1})");
    ASSERT_TRUE(spec);
    EXPECT_EQ(spec->extra_retry, R"("x":[1, 2])");
}

TEST(DecodeRetry, TakesMaxAttemptsOutsideToo) {
    const auto attempts = [](std::string_view members) {
        const auto spec =
            decode_job(R"({"type":"a","args":[])" + std::string{members} + '}', timestamp{});
        EXPECT_TRUE(spec);
        return spec ? spec->retry.max_attempts : 0;
    };
    EXPECT_EQ(attempts(R"(,"max_attempts":7)"), 7U);
    EXPECT_EQ(attempts(R"(,"options":{"max_attempts":7})"), 7U);
    EXPECT_EQ(attempts(R"(,"max_attempts":7,"retry":{"jitter":false})"), 7U);
    EXPECT_EQ(attempts(R"(,"max_attempts":7,"retry":{"max_attempts":5})"), 5U);
    EXPECT_EQ(attempts(R"(,"retry":{"max_attempts":5},"max_attempts":7)"), 5U);
}

TEST(DecodeRetry, AnswersABadPolicyWith422AndNamesTheMember) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 33> table{{
        {R"({"max_attempts":-1})", "max_attempts"},
        {R"({"max_attempts":10001})", "max_attempts"},
        {R"({"max_attempts":2147483648})", "max_attempts"},
        {R"({"max_attempts":1.5})", "max_attempts"},
        {R"({"max_attempts":"3"})", "max_attempts"},
        {R"({"max_attempts":1e400})", "max_attempts"},
        {R"({"backoff_coefficient":0.5})", "backoff_coefficient"},
        {R"({"backoff_coefficient":0.999})", "backoff_coefficient"},
        {R"({"backoff_coefficient":-1})", "backoff_coefficient"},
        {R"({"backoff_coefficient":1e400})", "backoff_coefficient"},
        {R"({"backoff_coefficient":"2"})", "backoff_coefficient"},
        {R"({"initial_interval":1000})", "initial_interval"},
        {R"({"initial_interval":"1s"})", "initial_interval"},
        {R"({"initial_interval":"PT0S"})", "initial_interval"},
        {R"({"initial_interval":"P1Y"})", "initial_interval"},
        {R"({"initial_interval":"P366D"})", "initial_interval"},
        {R"({"initial_interval":"PT-1S"})", "initial_interval"},
        {R"({"initial_interval_ms":0})", "initial_interval_ms"},
        {R"({"initial_interval_ms":"1000"})", "initial_interval_ms"},
        {R"({"initial_interval_ms":31536000001})", "initial_interval_ms"},
        {R"({"max_interval":"x"})", "max_interval"},
        {R"({"max_interval":"PT0.5S"})", "max_interval"},
        {R"({"max_interval_ms":-1})", "max_interval_ms"},
        {R"({"jitter":1})", "jitter"},
        {R"({"jitter":"full"})", "jitter"},
        {R"({"on_exhaustion":"drop"})", "on_exhaustion"},
        {R"({"on_exhaustion":1})", "on_exhaustion"},
        {R"({"backoff_strategy":"fibonacci"})", "backoff_strategy"},
        {R"({"backoff_type":2})", "backoff_type"},
        {R"({"non_retryable_errors":"a"})", "non_retryable_errors"},
        {R"({"non_retryable_errors":[1]})", "non_retryable_errors"},
        {R"([])", "retry"},
        {R"("fast")", "retry"},
    }};
    for (const auto& [retry, name] : table) {
        const auto spec = decode(retry);
        ASSERT_FALSE(spec) << retry;
        EXPECT_EQ(spec.error().code, errc::validation_failed) << retry;
        EXPECT_EQ(http_status(spec.error().code), 422);
        EXPECT_NE(spec.error().message.find(name), std::string::npos) << spec.error().message;
        EXPECT_NE(spec.error().details.find(R"("field":"options.)"), std::string::npos)
            << spec.error().details;
    }
    // Zero is allowed: no retry (ojs-retry.md §2.2).
    EXPECT_EQ(accepted(R"({"max_attempts":0})").max_attempts, 0U);
    EXPECT_EQ(accepted(R"({"backoff_coefficient":1})").backoff_coefficient, 1.0);
}

}  // namespace
}  // namespace sluice
