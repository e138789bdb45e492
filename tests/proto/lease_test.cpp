#include "proto/job.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(LeaseToken, HasOneShortText) {
    EXPECT_EQ(to_string(lease_token{7, 0x1a2b, 0x90cd12ef}), "7.1a2b.90cd12ef");
    EXPECT_EQ(to_string(lease_token{1, 0, 5}), "1.0.00000005");
    EXPECT_EQ(to_string(lease_token{UINT32_MAX, UINT64_MAX, UINT32_MAX}),
              "ffffffff.ffffffffffffffff.ffffffff");
}

TEST(LeaseToken, ReadsBackWhatWasWritten) {
    for (const lease_token token : {lease_token{1, 0, 0}, lease_token{7, 0x1a2b, 0x90cd12ef},
                                    lease_token{UINT32_MAX, UINT64_MAX, UINT32_MAX}})
        EXPECT_EQ(parse_lease(to_string(token)), token);
}

TEST(LeaseToken, RefusesEveryOtherText) {
    for (const std::string_view text : {"",
                                        ".",
                                        "..",
                                        "7",
                                        "7.1",
                                        "7.1a2b",
                                        "7.1a2b.",
                                        "7.1a2b.90cd12e",
                                        "7.1a2b.90cd12ef0",
                                        "7.1a2b.90CD12EF",
                                        "7.1A2B.90cd12ef",
                                        "07.1a2b.90cd12ef",
                                        "7.01a2b.90cd12ef",
                                        "0.1a2b.90cd12ef",
                                        "-7.1a2b.90cd12ef",
                                        "7.+1a2b.90cd12ef",
                                        " 7.1a2b.90cd12ef",
                                        "7.1a2b.90cd12ef ",
                                        "7.1a2b.90cd12ef.1",
                                        "100000000.1.90cd12ef",
                                        "7.10000000000000000.90cd12ef",
                                        "7..90cd12ef",
                                        "0x7.1.90cd12ef"})
        EXPECT_FALSE(parse_lease(text)) << text;
}

TEST(LeaseToken, OfEpochZeroIsNone) {
    EXPECT_FALSE(lease_token{});
    EXPECT_TRUE((lease_token{1, 0, 0}));
}

}  // namespace
}  // namespace sluice
