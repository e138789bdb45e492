#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

constexpr auto available = static_cast<std::size_t>(job_state::available);

TEST(Push, MakesAJobAvailableAndCountsIt) {
    engine_fixture f;
    const auto id = f.push("emails");
    EXPECT_EQ(f.job(id).state, job_state::available);
    EXPECT_EQ(f.job(id).attempt, 0U);
    EXPECT_EQ(f.stats("emails").jobs[available], 1U);
}

TEST(Push, AnAckedJobIsCompletedAndKeepsItsResult) {
    engine_fixture f;
    const auto id = f.push("emails");
    const auto granted = f.fetch_one("emails");
    EXPECT_EQ(granted.spec->id, id);
    EXPECT_EQ(granted.attempt, 1U);
    const auto answer = f.ack(granted, "[1]");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->job.state, job_state::completed);
    EXPECT_EQ(f.job(id).result, "[1]");
    EXPECT_TRUE(f.fetch("emails").empty());
}

}  // namespace
}  // namespace sluice::test
