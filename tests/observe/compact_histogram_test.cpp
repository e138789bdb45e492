#include "server/observe/compact_histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

namespace sluice {
namespace {

using us = std::chrono::microseconds;

TEST(CompactHistogram, AnswersZeroForEverythingWhenEmpty) {
    const compact_histogram h;
    EXPECT_TRUE(h.empty());
    EXPECT_EQ(h.min(), us{0});
    EXPECT_EQ(h.max(), us{0});
    EXPECT_EQ(h.mean(), us{0});
    EXPECT_EQ(h.quantile(0.5), us{0});
    EXPECT_EQ(h.counts_within(std::array{us::max()})[0], 0U);
    EXPECT_TRUE(h.bins().empty());
    EXPECT_EQ(h.heap_bytes(), 0U);
}

compact_histogram pack(const std::vector<us>& values) {
    live_histogram live;
    for (const auto value : values) live.record(value);
    return live.pack();
}

std::uint64_t count_within(const compact_histogram& h, us limit) {
    return h.counts_within(std::array{limit})[0];
}

TEST(CompactHistogram, StaysWithinOnePercentOverTenDecades) {
    std::mt19937_64 random{7};
    std::uniform_real_distribution<double> exponent{0, 10};
    live_histogram live;
    std::vector<std::int64_t> values;
    std::int64_t sum = 0;
    for (int i = 0; i < 20'000; ++i) {
        values.push_back(std::llround(std::pow(10.0, exponent(random))));
        sum += values.back();
        live.record(us{values.back()});
    }
    const auto h = live.pack();
    std::sort(values.begin(), values.end());
    for (const double q : {0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999}) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * 20'000.0));
        const auto exact = static_cast<double>(values[rank - 1]);
        const auto read = static_cast<double>(h.quantile(q).count());
        EXPECT_NEAR(read, exact, exact * 0.01 + 0.5) << "quantile " << q;
    }
    EXPECT_EQ(h.sum(), us{sum});
    EXPECT_EQ(h.min().count(), values.front());
    EXPECT_EQ(h.max().count(), values.back());
    EXPECT_EQ(h.quantile(0), h.min());
    EXPECT_EQ(h.quantile(1), h.max());
}

TEST(CompactHistogram, TakesTheLargestDurationThereIsAndCountsNegativeOnesAsZero) {
    const auto h = pack({us{-5}, us::max()});
    EXPECT_EQ(h.min(), us{0});
    EXPECT_EQ(h.max(), us::max());
    EXPECT_EQ(h.bins().back().upper, us::max());
}

TEST(CompactHistogram, MergesAsIfAllHadBeenRecordedInOne) {
    live_histogram parts[2];
    live_histogram whole;
    for (int i = 1; i <= 1000; ++i) {
        const us value{i * i * 97};
        parts[i % 3 == 0].record(value);
        whole.record(value);
    }
    auto merged = parts[0].pack();
    merged.merge(parts[1].pack());
    merged.merge(compact_histogram{});
    const auto direct = whole.pack();
    EXPECT_EQ(merged.count(), direct.count());
    EXPECT_EQ(merged.min(), direct.min());
    EXPECT_EQ(merged.max(), direct.max());
    EXPECT_EQ(merged.sum(), direct.sum());
    const auto bins = merged.bins();
    const auto wanted = direct.bins();
    ASSERT_EQ(bins.size(), wanted.size());
    for (std::size_t i = 0; i < bins.size(); ++i) {
        EXPECT_EQ(bins[i].upper, wanted[i].upper);
        EXPECT_EQ(bins[i].count, wanted[i].count);
    }
    compact_histogram empty;
    empty.merge(direct);
    EXPECT_EQ(empty.min(), direct.min());
    EXPECT_EQ(empty.quantile(0.5), direct.quantile(0.5));
}

TEST(CompactHistogram, CountsBeyondWhatOneByteHolds) {
    auto h = pack({us{7}, us{7}, us{1'000'000}});
    for (int i = 0; i < 40; ++i) {
        const auto same = h;
        h.merge(same);
    }
    EXPECT_EQ(h.count(), 3ULL << 40U);
    ASSERT_EQ(h.bins().size(), 2U);
    EXPECT_EQ(h.bins()[0].count, 2ULL << 40U);
    EXPECT_EQ(h.bins()[1].count, 1ULL << 40U);
}

TEST(CompactHistogram, CountsWhatIsWithinALimit) {
    live_histogram live;
    for (int i = 1; i <= 100; ++i) live.record(us{1000 * i});
    const auto h = live.pack();
    EXPECT_EQ(count_within(h, us{989}), 0U);
    EXPECT_NEAR(static_cast<double>(count_within(h, us{50'000})), 50.0, 1.0);
    EXPECT_NEAR(static_cast<double>(count_within(h, us{100'000})), 100.0, 1.0);
    EXPECT_EQ(count_within(h, us{1'000'000}), 100U);
    std::uint64_t before = 0;
    for (int limit = 0; limit < 110'000; limit += 777) {
        const auto within = count_within(h, us{limit});
        EXPECT_GE(within, before);
        before = within;
    }
    const auto both = h.counts_within(std::array{us{20'000}, us{20'000}, us{70'000}});
    EXPECT_EQ(both[0], both[1]);
    EXPECT_EQ(both[2], count_within(h, us{70'000}));
}

TEST(CompactHistogram, TakesTwoBytesForABucketOfFew) {
    live_histogram live;
    for (int i = 0; i < 5000; ++i) live.record(us{i % 50});
    const auto h = live.pack();
    EXPECT_EQ(h.bins().size(), 50U);
    EXPECT_EQ(h.heap_bytes(), 50U * 2U);
    EXPECT_EQ(h.bins().front().count, 100U);
}

}  // namespace
}  // namespace sluice
