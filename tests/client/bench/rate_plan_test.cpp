#include "client/cli/bench/rate_plan.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace sluice::cli::bench {
namespace {

/// The rates a plan has run against a server that meets its objectives as `meets` says.
std::vector<double> run(rate_plan& plan, const std::function<bool(double)>& meets) {
    std::vector<double> rates;
    while (const auto rate = plan.next()) {
        rates.push_back(*rate);
        plan.heard(meets(*rate));
        if (rates.size() > 100) break;
    }
    return rates;
}

TEST(RateList, RunsEachRateOnceWhateverComesOfIt) {
    rate_list plan{{2000, 10000, 5000}};
    const auto rates = run(plan, [](double rate) { return rate <= 5000; });
    EXPECT_EQ(rates, (std::vector<double>{2000, 10000, 5000}));
    EXPECT_EQ(plan.best(), 5000);
}

TEST(RateList, HasNoBestWhenAllMissed) {
    rate_list plan{{2000, 5000}};
    run(plan, [](double) { return false; });
    EXPECT_FALSE(plan.best().has_value());
}

TEST(RateSearch, ComesWithinFivePercentOfTheEdge) {
    for (const double edge : {3.0, 77.0, 999.0, 1000.0, 7350.0, 123456.0}) {
        rate_search plan{1000};
        const auto rates = run(plan, [&](double rate) { return rate <= edge; });
        ASSERT_TRUE(plan.best().has_value()) << edge;
        EXPECT_LE(*plan.best(), edge);
        EXPECT_GE(*plan.best() * (1 + rate_search::precision) * 1.01, edge);
        EXPECT_LE(rates.size(), 24U);
    }
}

TEST(RateSearch, DoublesFirstAndNeverRunsWhatItKnows) {
    rate_search plan{1000};
    const auto rates = run(plan, [](double rate) { return rate < 5000; });
    ASSERT_GE(rates.size(), 4U);
    EXPECT_EQ(rates[0], 1000);
    EXPECT_EQ(rates[1], 2000);
    EXPECT_EQ(rates[2], 4000);
    EXPECT_EQ(rates[3], 8000);
    for (std::size_t i = 4; i < rates.size(); ++i) {
        EXPECT_GT(rates[i], 4000);
        EXPECT_LT(rates[i], 8000);
    }
}

TEST(RateSearch, HalvesWhenTheFirstRateMisses) {
    rate_search plan{1000};
    const auto rates = run(plan, [](double rate) { return rate <= 300; });
    EXPECT_EQ(rates[1], 500);
    EXPECT_EQ(rates[2], 250);
    EXPECT_GE(*plan.best(), 280);
}

TEST(RateSearch, EndsWhenNothingMeetsAndWhenEverythingDoes) {
    rate_search hopeless{1000};
    const auto down = run(hopeless, [](double) { return false; });
    EXPECT_FALSE(hopeless.best().has_value());
    EXPECT_EQ(down.back(), rate_search::least);
    rate_search easy{1000};
    const auto up = run(easy, [](double) { return true; });
    EXPECT_EQ(easy.best(), rate_search::most);
    EXPECT_EQ(up.back(), rate_search::most);
}

TEST(RateSearch, EndsAlthoughTheServerChangesItsMind) {
    int calls = 0;
    rate_search plan{1000};
    const auto rates = run(plan, [&](double) { return ++calls % 3 != 0; });
    EXPECT_LE(rates.size(), rate_search::steps_max);
}

}  // namespace
}  // namespace sluice::cli::bench
