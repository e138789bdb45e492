#include "proto/codec.hpp"

#include <gtest/gtest.h>

#include <string>

/// A tree of JSON values is copied, compared and written by recursion: 200 kB of brackets end a
/// process that builds one. Our texts never become a tree, and what checks and walks them has no
/// recursion.
namespace sluice {
namespace {

constexpr std::size_t depth = 100'000;

std::string bottomless() {
    return std::string(depth, '[') + std::string(depth, ']');
}

bool refused_as_too_deep(const error& e) {
    return e.code == errc::invalid_payload &&
           e.details.find(R"("reason":"too_deep")") != std::string::npos;
}

TEST(DeepJson, IsRefusedByEveryDecoder) {
    const std::string payload = bottomless();
    const auto with = [&](std::string_view before) { return std::string{before} + payload + '}'; };
    EXPECT_TRUE(
        refused_as_too_deep(decode_job(with(R"({"type":"a","args":)"), timestamp{}).error()));
    EXPECT_TRUE(refused_as_too_deep(decode_batch(with(R"({"jobs":)"), timestamp{}).error()));
    EXPECT_TRUE(refused_as_too_deep(decode_fetch(with(R"({"queues":)")).error()));
    EXPECT_TRUE(refused_as_too_deep(decode_ack(with(R"({"result":)"), {}).error()));
    EXPECT_TRUE(refused_as_too_deep(decode_nack(with(R"({"error":)")).error()));
    EXPECT_TRUE(refused_as_too_deep(decode_heartbeat(with(R"({"active_jobs":)")).error()));
}

TEST(DeepJson, IsWalkedWithoutRecursionEvenWhenNobodyCheckedIt) {
    const std::string text = R"({"a":)" + bottomless() + R"(,"b":1})";
    json_cursor cursor{json_root(text)};
    std::string key;
    json_value value;
    ASSERT_TRUE(cursor.next(key, value));
    EXPECT_EQ(value.text.size(), 2 * depth);
    ASSERT_TRUE(cursor.next(key, value));
    EXPECT_EQ(key, "b");
    EXPECT_FALSE(cursor.next(key, value));
}

TEST(DeepJson, AsDeepAsTheLimitGoesThrough) {
    // The control: the same shape with 64 levels in all is a job.
    const std::string body =
        R"({"type":"a","args":)" + std::string(63, '[') + std::string(63, ']') + '}';
    EXPECT_TRUE(decode_job(body, timestamp{}));
}

}  // namespace
}  // namespace sluice
