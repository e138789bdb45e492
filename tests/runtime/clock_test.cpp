#include "server/runtime/clock.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Clock, ReadsBothClocks) {
    const auto wall_before = std::chrono::system_clock::now();
    const instant first = system_instant();
    const instant second = system_instant();
    const auto wall_after = std::chrono::system_clock::now();

    EXPECT_GE(first.wall, std::chrono::floor<std::chrono::microseconds>(wall_before));
    EXPECT_LE(second.wall, wall_after);
    EXPECT_GT(first.steady.count(), 0);
    EXPECT_GE(second.steady, first.steady);
}

}  // namespace
}  // namespace sluice
