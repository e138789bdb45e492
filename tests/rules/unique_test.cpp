#include "server/rules/unique.hpp"

#include "proto/codec.hpp"

#include <gtest/gtest.h>

namespace sluice::rules {
namespace {

/// A job whose `unique` and other members are given as JSON.
job_spec job(const std::string& unique, const std::string& args,
             const std::string& more = R"("meta":{"tenant":"a","trace":1})") {
    auto spec =
        decode_job(R"({"type":"mail.send","args":)" + args + R"(,"options":{"queue":"q1",)" +
                       R"("unique":)" + unique + "}," + more + "}",
                   timestamp{});
    EXPECT_TRUE(spec) << spec.error().message;
    return spec ? *std::move(spec) : job_spec{};
}

std::string form(const std::string& unique, const std::string& args) {
    const auto made = canonical_form(job(unique, args));
    EXPECT_TRUE(made);
    return made ? *made : std::string();
}

std::string args_form(const std::string& args) {
    const auto made = form(R"({"keys":["args"]})", args);
    const std::string head = R"({"args":)";
    const std::string tail = R"(,"type":"mail.send"})";
    EXPECT_TRUE(made.starts_with(head) && made.ends_with(tail)) << made;
    return made.substr(head.size(), made.size() - head.size() - tail.size());
}

TEST(UniqueForm, HoldsTheTypeAlwaysAndTheRestWhenItIsAskedFor) {
    EXPECT_EQ(form("{}", "[1]"), R"({"type":"mail.send"})");
    EXPECT_EQ(form(R"({"keys":["type"]})", "[1]"), R"({"type":"mail.send"})");
    EXPECT_EQ(form(R"({"keys":["queue"]})", "[1]"), R"({"queue":"q1","type":"mail.send"})");
    EXPECT_EQ(form(R"({"keys":["meta","queue","args"],"meta_keys":["tenant"]})", "[1]"),
              R"({"args":[1],"meta":{"tenant":"a"},"queue":"q1","type":"mail.send"})");
}

TEST(UniqueForm, TakesTheNamedMembersOfTheFirstArgument) {
    EXPECT_EQ(form(R"({"keys":["args"],"args_keys":["b","a","b"]})", R"([{"a":1,"b":2,"c":3}])"),
              R"({"args":{"a":1,"b":2},"type":"mail.send"})");
}

TEST(UniqueForm, IsTheSameHoweverTheTextIsWritten) {
    EXPECT_EQ(args_form("[{\"b\" : [ 1 ,2],\n\"a\":{\"y\":null,\"x\":true}}]"),
              R"([{"a":{"x":true,"y":null},"b":[1,2]}])");
    EXPECT_EQ(args_form(R"(["\u0041\/"])"), args_form(R"(["A/"])"));
    EXPECT_EQ(args_form(R"([{"\u0061":1}])"), R"([{"a":1}])");
}

TEST(UniqueForm, WritesNumbersByTheirValue) {
    EXPECT_EQ(args_form("[1.0,1e0,10E-1,1]"), "[1,1,1,1]");
    EXPECT_EQ(args_form("[0,-0,0.0,-0.0e5]"), "[0,0,0,0]");
    EXPECT_EQ(args_form("[1e21,1.5e-7,0.000001,1e20]"),
              "[1e+21,1.5e-7,0.000001,100000000000000000000]");
    EXPECT_EQ(args_form("[0.1,0.10000000000000000555]"), "[0.1,0.1]");
}

/// As doubles these would be the same, and one of two different orders would be refused.
TEST(UniqueForm, KeepsAllDigitsOfIntegersAndOfWhatNoDoubleHolds) {
    EXPECT_EQ(args_form("[9007199254740992,9007199254740993]"),
              "[9007199254740992,9007199254740993]");
    EXPECT_EQ(args_form("[18446744073709551616]"), "[18446744073709551616]");
    EXPECT_NE(args_form("[1e400]"), args_form("[1e401]"));
}

TEST(UniqueForm, ComposesUnicode) {
    EXPECT_EQ(args_form("[\"e\xcc\x81\"]"), args_form("[\"\xc3\xa9\"]"));
    EXPECT_EQ(args_form("[{\"e\xcc\x81\":1}]"), args_form(R"([{"\u00e9":1}])"));
    EXPECT_NE(args_form("[\"e\"]"), args_form("[\"\xc3\xa9\"]"));
}

TEST(UniqueForm, SortsMembersByTheirUtf16Units) {
    // U+1F600 is written with units of 0xD83D, which come before U+FF21 (RFC 8785 §3.2.3).
    EXPECT_EQ(args_form("[{\"\xef\xbc\xa1\":1,\"\xf0\x9f\x98\x80\":2,\"\xe2\x82\xac\":3}]"),
              "[{\"\xe2\x82\xac\":3,\"\xf0\x9f\x98\x80\":2,\"\xef\xbc\xa1\":1}]");
}

TEST(UniqueKey, IsTheHashOfTheForm) {
    const auto key = key_of(job("{}", "[1]"));
    ASSERT_TRUE(key);
    // printf '{"type":"mail.send"}' | sha256sum
    EXPECT_EQ(to_string(*key), "6dff52ea2599935d1ea484e3aacde6310ebaea39a8cc3ef636f0eeea5f222415");
}

TEST(UniqueKey, NamesMembersThatAreNotThereInItsError) {
    for (const auto* args : {"[]", "[1]", "[[]]", R"([{"b":1}])", R"([1,{"a":1}])"}) {
        const auto key = key_of(job(R"({"keys":["args"],"args_keys":["a"]})", args));
        ASSERT_FALSE(key) << args;
        EXPECT_EQ(key.error().code, errc::invalid_request);
        EXPECT_NE(key.error().message.find("'a'"), std::string::npos) << key.error().message;
    }
    const std::string by_meta = R"({"keys":["meta"],"meta_keys":["shop"]})";
    EXPECT_FALSE(key_of(job(by_meta, "[]")));
    EXPECT_FALSE(key_of(job(by_meta, "[]", R"("x_a":1)")));
}

}  // namespace
}  // namespace sluice::rules
