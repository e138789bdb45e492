#include "server/queue/commit_gathering.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

const commit_gathering::time_point start{1h};

TEST(CommitGathering, EndsAtOnceWhenAllAreBack) {
    commit_gathering gathering;
    gathering.begin(64, start);
    EXPECT_TRUE(gathering.look(33, start));
    EXPECT_TRUE(gathering.look(63, start));
    EXPECT_FALSE(gathering.look(64, start));
    EXPECT_TRUE(gathering.complete());
    EXPECT_TRUE(gathering.wanted());
}

TEST(CommitGathering, EndsAfterThreeLooksWithoutAnybodyNew) {
    commit_gathering gathering;
    gathering.begin(64, start);
    EXPECT_TRUE(gathering.look(32, start));
    EXPECT_TRUE(gathering.look(32, start));
    EXPECT_TRUE(gathering.look(32, start));
    EXPECT_TRUE(gathering.look(33, start)) << "somebody came";
    EXPECT_TRUE(gathering.look(33, start));
    EXPECT_TRUE(gathering.look(33, start));
    EXPECT_FALSE(gathering.look(33, start));
    EXPECT_FALSE(gathering.complete());
}

TEST(CommitGathering, EndsAfterThreeMillisecondsHoweverManyCome) {
    commit_gathering gathering;
    gathering.begin(64, start);
    EXPECT_TRUE(gathering.look(10, start + 1ms));
    EXPECT_TRUE(gathering.look(20, start + 2999us));
    EXPECT_FALSE(gathering.look(30, start + 3ms));
    EXPECT_FALSE(gathering.complete());
}

TEST(CommitGathering, IsCompleteWithoutAQuarter) {
    const auto complete = [](std::size_t awaited, std::size_t back) {
        commit_gathering gathering;
        gathering.begin(awaited, start);
        while (gathering.look(back, start)) {
        }
        return gathering.complete();
    };
    EXPECT_FALSE(complete(64, 47));
    EXPECT_TRUE(complete(64, 48));
    EXPECT_FALSE(complete(3, 2));
    EXPECT_TRUE(complete(3, 3));
}

TEST(CommitGathering, LeavesOutFifteenCommitsAfterOneThatMostMissed) {
    commit_gathering gathering;
    EXPECT_TRUE(gathering.wanted());
    gathering.begin(8, start);
    while (gathering.look(2, start)) {
    }
    for (int i = 0; i < 15; ++i) EXPECT_FALSE(gathering.wanted()) << i;
    EXPECT_TRUE(gathering.wanted());
}

}  // namespace
}  // namespace sluice::test
