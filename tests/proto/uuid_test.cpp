#include "proto/uuid.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <unordered_set>

namespace sluice {
namespace {

timestamp at_ms(std::int64_t milliseconds) {
    return timestamp{std::chrono::milliseconds{milliseconds}};
}

TEST(Uuid, HasTheBitsOfVersionSeven) {
    EXPECT_EQ(to_string(make_uuid(at_ms(0x0194'61a8'1a2b), 0, 0)),
              "019461a8-1a2b-7000-8000-000000000000");
    EXPECT_EQ(to_string(make_uuid(at_ms(0x0194'61a8'1a2b), uuid_sequence_max, 0xffff'ffff)),
              "019461a8-1a2b-7fff-bfff-ffffffffffff");
    EXPECT_EQ(to_string(make_uuid(at_ms(0), (std::int64_t{1} << 30) + 5, 0x0102'0304)),
              "00000000-0000-7001-8000-000501020304");
}

TEST(Uuid, CarriesItsSequenceNumber) {
    std::mt19937_64 random{7};
    std::uniform_int_distribution<std::int64_t> sequences{0, uuid_sequence_max};
    for (int i = 0; i < 10'000; ++i) {
        const auto sequence = sequences(random);
        const auto id =
            make_uuid(at_ms(1'770'892'200'000), sequence, static_cast<std::uint32_t>(random()));
        ASSERT_EQ(sequence_of(id), sequence);
        ASSERT_EQ(parse_uuid(to_string(id)), id);
    }
}

TEST(Uuid, SortsByTimeThenBySequenceAsBytesAndAsText) {
    std::mt19937 engine{11};
    const auto random = [&] { return static_cast<std::uint32_t>(engine()); };
    auto before = make_uuid(at_ms(999), 4'000'000'000, random());
    for (std::int64_t ms = 1000; ms < 1003; ++ms) {
        for (std::int64_t sequence = (1LL << 30) - 100; sequence < (1LL << 30) + 100; ++sequence) {
            const auto id = make_uuid(at_ms(ms), sequence, random());
            ASSERT_LT(before, id);
            ASSERT_LT(to_string(before), to_string(id));
            before = id;
        }
    }
}

TEST(Uuid, CountsATimeBefore1970As1970) {
    EXPECT_EQ(make_uuid(at_ms(-5), 1, 2), make_uuid(at_ms(0), 1, 2));
}

TEST(Uuid, ReadsTheLowerCaseFormOfVersionSevenOnly) {
    EXPECT_TRUE(parse_uuid("019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f"));
    EXPECT_TRUE(parse_uuid("019461a8-1a2b-7c3d-be4f-5a6b7c8d9e0f"));
    for (const std::string_view text : {
             "",
             "not-a-uuid-at-all",
             "550e8400-e29b-41d4-a716-446655440000",  // version 4
             "019461A8-1A2B-7C3D-8E4F-5A6B7C8D9E0F",  // upper case
             "019461a8-1a2b-7c3d-ce4f-5a6b7c8d9e0f",  // variant
             "019461a8-1a2b-7c3d-7e4f-5a6b7c8d9e0f",  // variant
             "019461a81a2b7c3d8e4f5a6b7c8d9e0f",      // no hyphens
             "{019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f}",
             "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0",
             "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f0",
             "019461a8_1a2b-7c3d-8e4f-5a6b7c8d9e0f",
             "019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0g",
         })
        EXPECT_FALSE(parse_uuid(text)) << text;
}

TEST(Uuid, HashesNeighboursApart) {
    std::unordered_set<std::size_t> hashes;
    for (std::int64_t i = 0; i < 10'000; ++i)
        hashes.insert(std::hash<uuid>{}(make_uuid(at_ms(5), i, 0)));
    EXPECT_EQ(hashes.size(), 10'000U);
}

}  // namespace
}  // namespace sluice
