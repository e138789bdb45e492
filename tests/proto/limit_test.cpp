#include "proto/codec.hpp"
#include "proto/limit_rule.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

result<job_spec> decode(const std::string& rule) {
    return decode_job(
        R"({"type":"t","args":[],"options":{"queue":"mail","rate_limit":)" + rule + "}}",
        timestamp{});
}

/// The rule of a job that must be taken.
limit_rule rule_of(const std::string& rule) {
    const auto spec = decode(rule);
    EXPECT_TRUE(spec && spec->limit) << rule << (spec ? "" : spec.error().message);
    return spec && spec->limit ? *spec->limit : limit_rule{};
}

TEST(LimitRule, TakesEveryMember) {
    const auto rule = rule_of(
        R"({"key":"tenant:7.api_x-1","concurrency":5,"rate":{"limit":100,"period":"PT1M"},"burst":10,)"
        R"("on_limit":"drop"})");
    EXPECT_EQ(rule.key, "tenant:7.api_x-1");
    EXPECT_EQ(rule.concurrency, 5);
    EXPECT_EQ(rule.rate, (rate_rule{.limit = 100, .period = 1min, .burst = 10}));
    EXPECT_EQ(rule.on_limit, limit_action::drop);
}

TEST(LimitRule, MayHaveAGroup) {
    const auto rule = rule_of(R"({"key":"a","group":{"key":"g","concurrency":4}})");
    EXPECT_EQ(rule.group, "g");
    EXPECT_EQ(rule.group_concurrency, 4);
    EXPECT_FALSE(rule.concurrency);
    EXPECT_EQ(rule_of(R"({"group":{"key":"g","concurrency":0}})").key, "mail");
    for (const auto* wrong :
         {R"({"key":"a","group":{"key":"g"}})", R"({"key":"a","group":{"concurrency":1}})",
          R"({"key":"a","group":{"key":"a","concurrency":1}})",
          R"({"group":{"key":"mail","concurrency":1}})",
          R"({"key":"a","group":{"key":"g","concurrency":-1}})",
          R"({"key":"a","group":{"key":"!","concurrency":1}})", R"({"key":"a","group":"g"})",
          R"({"key":"a","group":{"key":"webhook.sub_1","concurrency":1}})",
          R"({"key":"a","group":{"key":"g","concurrency":1,"rate":1}})"})
        EXPECT_FALSE(decode(wrong)) << wrong;
}

TEST(LimitRule, HasTheQueueForItsKeyWhenItNamesNone) {
    const auto rule = rule_of(R"({"max_per_second":3})");
    EXPECT_EQ(rule.key, "mail");
    EXPECT_EQ(rule.rate, (rate_rule{.limit = 3, .period = 1s, .burst = 1}));
    EXPECT_EQ(rule.on_limit, limit_action::wait);
}

TEST(LimitRule, TakesTheShortFormOfARate) {
    EXPECT_EQ(rule_of(R"({"rate":6,"period":"minute"})").rate,
              (rate_rule{.limit = 6, .period = 1min, .burst = 1}));
    EXPECT_EQ(rule_of(R"({"rate":{"limit":6,"period":"PT1M","burst":4}})").rate,
              (rate_rule{.limit = 6, .period = 1min, .burst = 4}));
    EXPECT_EQ(rule_of(R"({"rate":6,"period":"PT0.5S"})").rate,
              (rate_rule{.limit = 6, .period = 500ms, .burst = 1}));
}

TEST(LimitRule, OfARateAndAThrottleIsTheSlowerOne) {
    const std::string rate = R"("rate":{"limit":500,"period":"PT1M"})";
    EXPECT_EQ(rule_of("{" + rate + R"(,"throttle":{"limit":10,"period":"PT1S"}})").rate->limit,
              500);
    EXPECT_EQ(rule_of("{" + rate + R"(,"throttle":{"limit":8,"period":"PT1S"}})").rate->limit, 8);
}

TEST(LimitRule, MayHoldAllBack) {
    EXPECT_EQ(rule_of(R"({"concurrency":0})").concurrency, 0);
}

TEST(LimitRule, IsShownAsItWasWritten) {
    const std::string text = R"({ "concurrency":1, "key" : "k"})";
    job_record record;
    record.spec = std::make_shared<const job_spec>(*decode(text));
    std::string shown;
    append_job(shown, record);
    EXPECT_NE(shown.find(R"("rate_limit":)" + text), std::string::npos) << shown;
}

TEST(LimitRule, IsOfBoundedLength) {
    const auto padded = [](std::size_t bytes) {
        std::string text = R"({"concurrency":1})";
        text.insert(1, bytes - text.size(), ' ');
        return text;
    };
    EXPECT_TRUE(decode(padded(2048)));
    EXPECT_FALSE(decode(padded(2049)));
}

TEST(LimitRule, OfBadValuesIsRefusedByName) {
    const std::pair<const char*, const char*> cases[] = {
        {"7", "rate_limit"},
        {"{}", "rate_limit"},
        {R"({"key":"k"})", "rate_limit"},
        {R"({"key":"","concurrency":1})", "key"},
        {R"({"key":"a/b","concurrency":1})", "key"},
        {R"({"key":"-a","concurrency":1})", "key"},
        {R"({"key":7,"concurrency":1})", "key"},
        {R"({"concurrency":-1})", "concurrency"},
        {R"({"concurrency":1.5})", "concurrency"},
        {R"({"max_per_second":0})", "max_per_second"},
        {R"({"max_per_second":-3})", "max_per_second"},
        {R"({"max_per_second":1,"rate":1,"period":"second"})", "max_per_second"},
        {R"({"rate":1})", "period"},
        {R"({"period":"second"})", "period"},
        {R"({"rate":0,"period":"second"})", "rate"},
        {R"({"rate":1,"period":"week"})", "period"},
        {R"({"rate":1,"period":"PT0S"})", "period"},
        {R"({"rate":1,"period":"P8D"})", "period"},
        {R"({"rate":{"limit":1}})", "rate.period"},
        {R"({"rate":{"limit":1,"period":"PT1S","x":1}})", "rate.x"},
        {R"({"rate":1,"period":"second","burst":0})", "burst"},
        {R"({"concurrency":1,"burst":2})", "burst"},
        {R"({"rate":{"limit":1,"period":"PT1S","burst":2},"burst":2})", "burst"},
        {R"({"burst":2,"rate":{"limit":1,"period":"PT1S","burst":2}})", "rate"},
        {R"({"throttle":{"limit":1,"period":"PT1S","burst":2}})", "throttle.burst"},
        {R"({"throttle":{"limit":1,"period":"PT1S"},"burst":2})", "burst"},
        {R"({"concurrency":1,"on_limit":"explode"})", "on_limit"},
        {R"({"concurrency":1,"limit":3})", "limit"},
    };
    for (const auto& [rule, field] : cases) {
        const auto spec = decode(rule);
        ASSERT_FALSE(spec) << rule;
        EXPECT_NE(spec.error().details.find(std::string(field) + '"'), std::string::npos)
            << rule << ": " << spec.error().details;
    }
}

}  // namespace
}  // namespace sluice
