#include "server/queue/throughput.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// Commits one batch with these ends at `now`.
void commit(throughput& runs, std::chrono::microseconds now,
            const std::vector<lease_outcome>& ends) {
    for (const auto end : ends) runs.count(end);
    runs.batch_taken();
    runs.batch_committed(now);
}

TEST(Throughput, CountsWhatCompletedAndWhatFailedAndNothingElse) {
    throughput runs;
    commit(runs, 100s,
           {lease_outcome::acked, lease_outcome::acked, lease_outcome::nacked,
            lease_outcome::timed_out, lease_outcome::released, lease_outcome::lapsed,
            lease_outcome::cancelled, lease_outcome::open});
    EXPECT_EQ(runs.last_minute(100s).completed, 2U);
    EXPECT_EQ(runs.last_minute(100s).failed, 2U);
}

TEST(Throughput, CountsARunOnlyWhenItsBatchIsDurable) {
    throughput runs;
    runs.count(lease_outcome::acked);
    EXPECT_EQ(runs.last_minute(100s).completed, 0U);
    runs.batch_taken();
    runs.count(lease_outcome::acked);
    EXPECT_EQ(runs.last_minute(100s).completed, 0U);
    runs.batch_committed(100s);
    EXPECT_EQ(runs.last_minute(100s).completed, 1U);
    runs.batch_taken();
    runs.batch_committed(100s);
    EXPECT_EQ(runs.last_minute(100s).completed, 2U);
}

TEST(Throughput, ForgetsWhatIsAMinuteOld) {
    throughput runs;
    commit(runs, 100s + 900ms, {lease_outcome::acked});
    commit(runs, 130s, {lease_outcome::nacked});
    EXPECT_EQ(runs.last_minute(160s - 1us).completed, 1U);
    EXPECT_EQ(runs.last_minute(160s).completed, 0U);
    EXPECT_EQ(runs.last_minute(189s).failed, 1U);
    EXPECT_EQ(runs.last_minute(190s).failed, 0U);
}

TEST(Throughput, ASecondThatComesAgainInTheRingBeginsAtNothing) {
    throughput runs;
    for (int minute = 2; minute < 5; ++minute)
        commit(runs, std::chrono::minutes{minute}, {lease_outcome::acked});
    EXPECT_EQ(runs.last_minute(4min).completed, 1U);
    EXPECT_EQ(runs.last_minute(10min).completed, 0U);
}

TEST(Throughput, IsNothingOnceItIsCleared) {
    throughput runs;
    commit(runs, 100s, {lease_outcome::acked});
    runs.count(lease_outcome::acked);
    runs.batch_taken();
    runs.count(lease_outcome::acked);
    runs.clear();
    runs.batch_committed(100s);
    commit(runs, 100s, {});
    EXPECT_EQ(runs.last_minute(100s).completed, 0U);
}

}  // namespace
}  // namespace sluice::test
