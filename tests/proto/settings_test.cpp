#include "proto/limits.hpp"
#include "proto/queue_config.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

using namespace std::chrono_literals;

constexpr timestamp now{1'771'000'000s};

TEST(QueueConfig, TakesEveryMemberAndIsReadBackAsItWas) {
    const auto config = decode_queue_config(
        R"({"backpressure":{"max_depth":50000,"strategy":"drop_oldest","warning_threshold":0.25}})");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->bound.max_depth, 50'000U);
    EXPECT_EQ(config->bound.strategy, full_strategy::drop_oldest);
    EXPECT_EQ(config->bound.warning_threshold, 0.25);
    EXPECT_EQ(*decode_queue_config(encode_queue_config(*config)), *config);
}

TEST(QueueConfig, HasTheDefaultsOfTheSpecification) {
    const auto config = decode_queue_config(R"({"backpressure":{"max_depth":2}})");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->bound.strategy, full_strategy::reject);
    EXPECT_EQ(config->bound.warning_threshold, 0.8);
    EXPECT_EQ(*decode_queue_config("{}"), queue_config{});
    EXPECT_EQ(decode_queue_config(R"({"backpressure":{"max_size_bytes":0}})")->bound.max_depth, 0U);
}

TEST(QueueConfig, LimitsWhatRunsAtATime) {
    const auto config = decode_queue_config(R"({"concurrency":5})");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->concurrency, 5);
    EXPECT_EQ(*decode_queue_config(encode_queue_config(*config)), *config);
    EXPECT_EQ(decode_queue_config(R"({"concurrency":null})")->concurrency, std::nullopt);
    EXPECT_FALSE(decode_queue_config(R"({"concurrency":-1})"));
    EXPECT_FALSE(decode_queue_config(R"({"concurrency":"5"})"));
}

TEST(QueueConfig, HasAnObjectiveForTheStartOfJobs) {
    const auto within = [](const std::string& text) {
        return decode_queue_config(R"({"start_latency":{"objective":0.99,"within":")" + text +
                                   R"("}})");
    };
    const auto config = within("250ms");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->start_latency, (start_objective{0.99, 250ms}));
    EXPECT_EQ(*decode_queue_config(encode_queue_config(*config)), *config);
    EXPECT_EQ(within("2s")->start_latency->within, 2s);
    EXPECT_EQ(within("5m")->start_latency->within, 5min);
    EXPECT_EQ(within("1h")->start_latency->within, 1h);
    EXPECT_EQ(within("PT0.25S")->start_latency->within, 250ms);
    EXPECT_EQ(*decode_queue_config(encode_queue_config(*within("90m"))), *within("90m"));
    for (const auto* wrong : {"", "ms", "0ms", "25h", "1", "1.5s", "-1s", "1 s", "99999999999h"})
        EXPECT_FALSE(within(wrong)) << wrong;
    for (const auto* wrong :
         {R"({"start_latency":{"objective":0.99}})", R"({"start_latency":{"within":"1s"}})",
          R"({"start_latency":{"objective":1,"within":"1s"}})",
          R"({"start_latency":{"objective":0.4,"within":"1s"}})",
          R"({"start_latency":{"objective":"0.9","within":"1s"}})",
          R"({"start_latency":{"objective":0.9,"within":1}})",
          R"({"start_latency":{"objective":0.9,"within":"1s","x":1}})", R"({"start_latency":[]})"})
        EXPECT_FALSE(decode_queue_config(wrong)) << wrong;
    EXPECT_EQ(decode_queue_config(R"({"start_latency":null})", *config)->start_latency,
              std::nullopt);
    EXPECT_EQ(decode_queue_config(R"({"concurrency":5})", *config)->start_latency,
              config->start_latency);
}

TEST(QueueConfig, AChangeLeavesWhatItDoesNotName) {
    const auto bounded = *decode_queue_config(R"({"backpressure":{"max_depth":7}})");
    const auto both = decode_queue_config(R"({"concurrency":5})", bounded);
    ASSERT_TRUE(both);
    EXPECT_EQ(both->bound.max_depth, 7U);
    EXPECT_EQ(both->concurrency, 5);
    const auto stricter = decode_queue_config(R"({"backpressure":{"strategy":"block"}})", *both);
    EXPECT_EQ(stricter->bound.max_depth, 7U);
    EXPECT_EQ(stricter->bound.strategy, full_strategy::block);
    EXPECT_EQ(decode_queue_config(R"({"concurrency":null})", *both)->concurrency, std::nullopt);
}

TEST(QueueConfig, WarnsFromItsThresholdOn) {
    const queue_bound bound{.max_depth = 10};
    EXPECT_FALSE(bound.presses(7));
    EXPECT_TRUE(bound.presses(8));
    EXPECT_FALSE(queue_bound{}.presses(1'000'000));
}

TEST(QueueConfig, OfBadValuesIsRefusedByName) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"backpressure":7})", "backpressure"},
        {R"({"backpressure":{"max_depth":-1}})", "max_depth"},
        {R"({"backpressure":{"max_depth":1.5}})", "max_depth"},
        {R"({"backpressure":{"max_depth":1000000001}})", "max_depth"},
        {R"({"backpressure":{"strategy":"panic"}})", "strategy"},
        {R"({"backpressure":{"warning_threshold":0}})", "warning_threshold"},
        {R"({"backpressure":{"warning_threshold":1.01}})", "warning_threshold"},
        {R"({"backpressure":{"warning_threshold":"0.5"}})", "warning_threshold"},
        {R"({"backpressure":{"max_dpeth":1}})", "max_dpeth"},
        {R"({"backpressure":{"max_size_bytes":1}})", "max_size_bytes"},
        {R"({"concurrency":-1})", "concurrency"},
    };
    for (const auto& [body, field] : cases) {
        const auto config = decode_queue_config(body);
        ASSERT_FALSE(config) << body;
        EXPECT_NE(config.error().details.find(field), std::string::npos) << config.error().details;
    }
    EXPECT_EQ(decode_queue_config("[]").error().code, errc::invalid_payload);
    EXPECT_EQ(decode_queue_config("{").error().code, errc::invalid_payload);
}

TEST(LimitOverride, TakesEveryMemberAndIsReadBackAsItWas) {
    const auto given = decode_limit_override(
        R"({"concurrency":0,"rate":{"limit":3,"period":"P7D","burst":2},"expires_at":"+PT1H"})",
        now);
    ASSERT_TRUE(given);
    EXPECT_EQ(given->concurrency, 0);
    EXPECT_EQ(given->rate, (rate_rule{.limit = 3, .period = limits::limit_period_max, .burst = 2}));
    EXPECT_EQ(given->expires_at, now + 1h);
    EXPECT_EQ(*decode_limit_override(encode_limit_override(*given), timestamp{}), *given);
    const auto odd = decode_limit_override(R"({"rate":{"limit":1,"period":"PT1H1M0.25S"}})", now);
    ASSERT_TRUE(odd);
    EXPECT_EQ(*decode_limit_override(encode_limit_override(*odd), now), *odd);
}

TEST(LimitOverride, OfBadValuesIsRefused) {
    for (const auto* body :
         {"{}", R"({"expires_at":"+PT1H"})", R"({"concurrency":-1})", R"({"rate":5})",
          R"({"rate":{"limit":0,"period":"PT1S"}})", R"({"concurrency":1,"expires_at":"soon"})",
          R"({"concurrency":1,"on_limit":"drop"})"})
        EXPECT_FALSE(decode_limit_override(body, now)) << body;
}

}  // namespace
}  // namespace sluice
