#include "proto/fairness.hpp"

#include "proto/codec.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

result<job_spec> decode(const std::string& options) {
    return decode_job(R"({"type":"t","args":[],"options":{)" + options + "}}", timestamp{});
}

TEST(FairnessRule, HasAKeyAWeightAndACost) {
    const auto spec = decode(R"("fairness_key":"tenant:7.a_b-1","fairness_weight":3,"cost":20)");
    ASSERT_TRUE(spec && spec->fairness);
    EXPECT_EQ(*spec->fairness, (fairness_rule{"tenant:7.a_b-1", 3, 20}));
}

TEST(FairnessRule, HasAWeightAndACostOfOneUnlessTheyAreGiven) {
    const auto spec = decode(R"("fairness_key":"a","cost":null)");
    ASSERT_TRUE(spec && spec->fairness);
    EXPECT_EQ(*spec->fairness, (fairness_rule{"a", 1, 1}));
    EXPECT_FALSE(decode(R"("fairness_key":null)")->fairness);
    EXPECT_FALSE(decode("")->fairness);
}

TEST(FairnessRule, MayStandFlatInTheJob) {
    const auto spec =
        decode_job(R"({"type":"t","args":[],"fairness_key":"a","cost":2})", timestamp{});
    ASSERT_TRUE(spec && spec->fairness);
    EXPECT_EQ(spec->fairness->cost, 2);
}

TEST(FairnessRule, OfAWrongValueNamesIt) {
    const auto field_of = [](const std::string& options) {
        const auto spec = decode(options);
        return spec ? std::string() : spec.error().details;
    };
    const std::string key = R"("fairness_key":"a",)";
    for (const auto* weight : {"0", "-1", "1001", "1.5", "\"2\"", "[]"})
        EXPECT_NE(field_of(key + R"("fairness_weight":)" + weight).find("options.fairness_weight"),
                  std::string::npos)
            << weight;
    for (const auto* cost : {"0", "-1", "1001", "1.5", "true"})
        EXPECT_NE(field_of(key + R"("cost":)" + cost).find("options.cost"), std::string::npos)
            << cost;
    for (const std::string wrong : {"\"\"", "\"-a\"", "\"a b\"", "7", "\"\xc3\xa9\""})
        EXPECT_NE(field_of(R"("fairness_key":)" + wrong).find("options.fairness_key"),
                  std::string::npos)
            << wrong;
    EXPECT_NE(field_of(R"("fairness_key":")" + std::string(256, 'a') + '"').find("fairness_key"),
              std::string::npos);
    EXPECT_TRUE(decode(R"("fairness_key":")" + std::string(255, 'a') + '"'));
}

TEST(FairnessRule, SaysOfAWeightOfZeroWhatItMayBe) {
    const auto spec = decode(R"("fairness_key":"a","fairness_weight":0)");
    ASSERT_FALSE(spec);
    EXPECT_NE(spec.error().message.find("1"), std::string::npos) << spec.error().message;
    EXPECT_NE(spec.error().message.find("1000"), std::string::npos) << spec.error().message;
}

TEST(FairnessRule, WithoutAKeyIsRefused) {
    for (const auto* alone : {R"("fairness_weight":2)", R"("cost":2)"}) {
        const auto spec = decode(alone);
        ASSERT_FALSE(spec) << alone;
        EXPECT_NE(spec.error().message.find("fairness_key"), std::string::npos);
    }
}

TEST(FairnessRule, IsShownAndCanBeSentAgain) {
    job_record record;
    auto spec = *decode(R"("fairness_key":"a","cost":5)");
    spec.id = make_uuid(timestamp{std::chrono::seconds{1'770'000'000}}, 7, 1);
    record.spec = std::make_shared<const job_spec>(std::move(spec));
    std::string text;
    append_job(text, record);
    EXPECT_NE(text.find(R"("fairness_key":"a","fairness_weight":1,"cost":5)"), std::string::npos)
        << text;
    const auto again = decode_job(text, timestamp{});
    ASSERT_TRUE(again && again->fairness);
    EXPECT_EQ(*again->fairness, *record.spec->fairness);
}

TEST(FairnessRule, IsStored) {
    const auto spec = decode(R"("fairness_key":"a","fairness_weight":7,"cost":5)");
    job_spec read;
    decode_stored_spec(encode_stored_spec(*spec), read);
    ASSERT_TRUE(read.fairness);
    EXPECT_EQ(*read.fairness, *spec->fairness);
}

TEST(FairnessRule, OfADamagedStoreIsNotRead) {
    EXPECT_EQ(fairness_text({"a", 2, 10}), "2 10 a");
    EXPECT_EQ(parse_fairness_text("2 10 a"), (fairness_rule{"a", 2, 10}));
    for (const auto* wrong : {"", "a", "2", "2 ", "2 10", "2 10 ", "0 1 a", "1 0 a", "1001 1 a",
                              "1 1001 a", "-1 1 a", "1 1 a b", "x 1 a", "99999999999999999999 1 a"})
        EXPECT_FALSE(parse_fairness_text(wrong)) << wrong;
}

}  // namespace
}  // namespace sluice
