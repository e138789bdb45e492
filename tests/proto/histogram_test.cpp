#include "proto/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace sluice {
namespace {

using ns = std::chrono::nanoseconds;

TEST(Histogram, AnswersZeroForEverythingWhenEmpty) {
    const histogram h;
    EXPECT_TRUE(h.empty());
    EXPECT_EQ(h.min(), ns{0});
    EXPECT_EQ(h.max(), ns{0});
    EXPECT_EQ(h.mean(), ns{0});
    EXPECT_EQ(h.quantile(0.5), ns{0});
    EXPECT_EQ(h.count_below(ns{1'000'000}), 0U);
    EXPECT_TRUE(h.bins().empty());
}

TEST(Histogram, KeepsASingleValueExactly) {
    histogram h;
    h.record(ns{123'456'789});
    EXPECT_EQ(h.min(), ns{123'456'789});
    EXPECT_EQ(h.max(), ns{123'456'789});
    EXPECT_EQ(h.mean(), ns{123'456'789});
    for (const double q : {0.0, 0.5, 0.999, 1.0}) EXPECT_EQ(h.quantile(q), ns{123'456'789});
}

TEST(Histogram, CountsNegativeValuesAsZero) {
    histogram h;
    h.record(ns{-5});
    EXPECT_EQ(h.min(), ns{0});
    EXPECT_EQ(h.count(), 1U);
}

TEST(Histogram, StaysWithinOnePercentOverTenDecades) {
    std::mt19937_64 random{7};
    std::uniform_real_distribution<double> exponent{0, 10};
    histogram h;
    std::vector<std::int64_t> values;
    for (int i = 0; i < 20'000; ++i) {
        values.push_back(std::llround(std::pow(10.0, exponent(random))));
        h.record(ns{values.back()});
    }
    std::sort(values.begin(), values.end());
    for (const double q : {0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999}) {
        const auto rank = static_cast<std::size_t>(std::ceil(q * 20'000.0));
        const auto exact = static_cast<double>(values[rank - 1]);
        const auto read = static_cast<double>(h.quantile(q).count());
        EXPECT_NEAR(read, exact, exact * 0.01 + 0.5) << "quantile " << q;
    }
    double sum = 0;
    for (const auto value : values) sum += static_cast<double>(value);
    EXPECT_NEAR(static_cast<double>(h.mean().count()), sum / 20'000, 1);
    EXPECT_EQ(h.min().count(), values.front());
    EXPECT_EQ(h.max().count(), values.back());
}

TEST(Histogram, TakesTheLargestDurationThereIs) {
    histogram h;
    h.record(ns::max());
    h.record(ns{1});
    EXPECT_EQ(h.max(), ns::max());
    EXPECT_EQ(h.quantile(1), ns::max());
    EXPECT_EQ(h.quantile(0), ns{1});
}

TEST(Histogram, GivesTheRankOfAQuantileNotAnInterpolation) {
    histogram h;
    for (const int value : {10, 20, 30, 40}) h.record(ns{value});
    EXPECT_EQ(h.quantile(0.25), ns{10});
    EXPECT_EQ(h.quantile(0.5), ns{20});
    EXPECT_EQ(h.quantile(0.51), ns{30});
    EXPECT_EQ(h.quantile(0.999), ns{40});
}

TEST(Histogram, MergesAsIfAllHadBeenRecordedInOne) {
    histogram left;
    histogram right;
    histogram both;
    for (int i = 1; i <= 1000; ++i) {
        const ns value{i * i * 977};
        (i % 2 == 0 ? left : right).record(value);
        both.record(value);
    }
    left.merge(right);
    left.merge(histogram{});
    EXPECT_EQ(left.count(), both.count());
    EXPECT_EQ(left.min(), both.min());
    EXPECT_EQ(left.max(), both.max());
    EXPECT_EQ(left.mean(), both.mean());
    for (const double q : {0.1, 0.5, 0.99}) EXPECT_EQ(left.quantile(q), both.quantile(q));
    histogram empty;
    empty.merge(both);
    EXPECT_EQ(empty.min(), both.min());
}

TEST(Histogram, CountsWhatIsBelowALimit) {
    histogram h;
    for (int i = 0; i < 100; ++i) h.record(ns{1000 * i});
    EXPECT_EQ(h.count_below(ns{0}), 0U);
    EXPECT_EQ(h.count_below(ns{1}), 1U);
    EXPECT_NEAR(static_cast<double>(h.count_below(ns{50'000})), 50.0, 1.0);
    EXPECT_EQ(h.count_below(ns{1'000'000}), 100U);
}

TEST(Histogram, ListsItsBinsInOrderAndLosesNothing) {
    histogram h;
    for (const int value : {5, 5, 700, 80'000, 80'001}) h.record(ns{value});
    std::uint64_t count = 0;
    ns before{-1};
    for (const auto& bin : h.bins()) {
        EXPECT_GT(bin.upper, before);
        before = bin.upper;
        count += bin.count;
    }
    EXPECT_EQ(count, 5U);
    EXPECT_EQ(h.bins().front().upper, ns{5});
    EXPECT_EQ(h.bins().front().count, 2U);
    EXPECT_EQ(h.bins().back().upper, ns{80'001});
}

}  // namespace
}  // namespace sluice
