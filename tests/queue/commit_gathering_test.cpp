#include "server/queue/commit_gathering.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

TEST(CommitGathering, EndsAtOnceWhenAllAreBack) {
    commit_gathering gathering;
    gathering.begin(64, 32);
    EXPECT_TRUE(gathering.goes_on(33));
    EXPECT_TRUE(gathering.goes_on(63));
    EXPECT_FALSE(gathering.goes_on(64));
    EXPECT_TRUE(gathering.complete(64));
}

TEST(CommitGathering, EndsAfterThreeLooksWithoutAnybodyNew) {
    commit_gathering gathering;
    gathering.begin(64, 32);
    EXPECT_TRUE(gathering.goes_on(32));
    EXPECT_TRUE(gathering.goes_on(32));
    EXPECT_TRUE(gathering.goes_on(33)) << "somebody came";
    EXPECT_TRUE(gathering.goes_on(33));
    EXPECT_TRUE(gathering.goes_on(33));
    EXPECT_FALSE(gathering.goes_on(33));
    EXPECT_FALSE(gathering.complete(33));
}

TEST(CommitGathering, IsCompleteWithoutAQuarter) {
    commit_gathering gathering;
    gathering.begin(64, 0);
    EXPECT_FALSE(gathering.complete(47));
    EXPECT_TRUE(gathering.complete(48));
    gathering.begin(3, 0);
    EXPECT_FALSE(gathering.complete(2));
    EXPECT_TRUE(gathering.complete(3));
}

TEST(CommitGathering, BeginsAnew) {
    commit_gathering gathering;
    gathering.begin(8, 0);
    while (gathering.goes_on(0)) {
    }
    gathering.begin(8, 4);
    EXPECT_TRUE(gathering.goes_on(4));
    EXPECT_TRUE(gathering.goes_on(4));
    EXPECT_FALSE(gathering.goes_on(4));
}

}  // namespace
}  // namespace sluice::test
