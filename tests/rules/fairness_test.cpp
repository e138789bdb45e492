#include "server/rules/fairness.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <tuple>
#include <vector>

namespace sluice::rules {
namespace {

struct flow {
    std::int64_t weight = 1;
    std::int64_t finish = 0;
    std::int64_t served = 0;    ///< cost of what was started
    std::int64_t cost_max = 0;  ///< of one job
    int jobs = 0;               ///< that were started
};

/// One line with nothing but these rules.
class line {
public:
    explicit line(std::vector<flow> flows) : flows_(std::move(flows)) {}

    std::int64_t push(std::size_t key, std::int64_t cost) {
        auto& of = flows_[key];
        const auto start = fair_start(now_, of.finish);
        of.finish = fair_finish(start, fair_step(of.weight, cost));
        of.cost_max = std::max(of.cost_max, cost);
        waiting_.insert({start, next_++, key, cost});
        return start;
    }

    std::size_t start() {
        const auto [tag, number, key, cost] = *waiting_.begin();
        waiting_.erase(waiting_.begin());
        now_ = std::max(now_, tag);
        flows_[key].served += cost;
        ++flows_[key].jobs;
        return key;
    }

    const flow& of(std::size_t key) const { return flows_[key]; }
    void count_anew() {
        for (auto& each : flows_) each.served = each.jobs = 0;
    }

private:
    std::vector<flow> flows_;
    std::set<std::tuple<std::int64_t, int, std::size_t, std::int64_t>> waiting_;
    std::int64_t now_ = 0;
    int next_ = 0;
};

/// Between two keys that both have work, whatever else there is, service by weight differs by no
/// more than the largest job of each.
TEST(Fairness, OfTwoKeysWithWorkIsWithinTheLargestJobOfEach) {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        std::mt19937 random(seed);
        const auto up_to = [&](int max) { return static_cast<std::int64_t>(random() % max) + 1; };
        std::vector<flow> flows(2 + random() % 8);
        for (auto& each : flows) each.weight = up_to(seed % 2 == 0 ? 10 : 1000);
        line all(flows);
        for (int i = 0; i < 3000; ++i)
            for (std::size_t key = 0; key < flows.size(); ++key) all.push(key, up_to(20));
        const auto share = [&](std::size_t key, std::int64_t cost) {
            return static_cast<double>(cost) / static_cast<double>(all.of(key).weight);
        };
        for (int window = 0; window < 20; ++window) {
            all.count_anew();
            const auto length = up_to(100);
            for (int i = 0; i < length; ++i) all.start();
            for (std::size_t a = 0; a < flows.size(); ++a)
                for (std::size_t b = 0; b < a; ++b)
                    ASSERT_LE(std::abs(share(a, all.of(a).served) - share(b, all.of(b).served)),
                              1.01 * (share(a, 20) + share(b, 20)))
                        << "seed " << seed;
        }
    }
}

/// The bound that a ring with quanta does not have: there a quiet key waits for a whole quantum of
/// each other.
TEST(Fairness, LetsAQuietKeyWaitForNoMoreThanOneJobOfEachOther) {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        std::mt19937 random(seed);
        std::vector<flow> flows(2 + random() % 20);
        for (auto& each : flows) each.weight = 1 + random() % 5;
        flows[0].weight = 1;
        line all(flows);
        for (std::size_t key = 1; key < flows.size(); ++key)
            for (int i = 0; i < 500; ++i) all.push(key, 1 + random() % 10);
        for (int round = 0; round < 20; ++round) {
            for (auto busy = random() % 20; busy > 0; --busy) all.start();
            all.push(0, 10);
            std::map<std::size_t, int> before;
            while (true) {
                const auto key = all.start();
                if (key == 0) break;
                ASSERT_LE(++before[key], 1) << "seed " << seed;
            }
            // It has spent its turn; then it is quiet for as long as that takes.
            for (int i = 0; i < 12 * static_cast<int>(flows.size()); ++i) all.start();
        }
    }
}

TEST(Fairness, OfEqualKeysHasAJainIndexOfNearlyOneInEveryWindow) {
    constexpr std::size_t keys = 100;
    line all{std::vector<flow>(keys)};
    for (std::size_t key = 0; key < keys; ++key)  // one after the other: the worst order there is
        for (int i = 0; i < 50; ++i) all.push(key, 1);
    for (int window = 0; window < 10; ++window) {
        all.count_anew();
        for (std::size_t i = 0; i < 5 * keys; ++i) all.start();
        double sum = 0, squares = 0;
        for (std::size_t key = 0; key < keys; ++key) {
            const double jobs = all.of(key).jobs;
            sum += jobs;
            squares += jobs * jobs;
        }
        EXPECT_GE(sum * sum / (keys * squares), 0.99);
    }
}

TEST(Fairness, GivesAKeyThatWasAwayNoCreditForIt) {
    line all{std::vector<flow>(2)};
    for (int i = 0; i < 100; ++i) all.push(0, 1);
    for (int i = 0; i < 50; ++i) all.start();
    for (int i = 0; i < 50; ++i) all.push(1, 1);
    all.count_anew();
    for (int i = 0; i < 20; ++i) all.start();
    EXPECT_NEAR(all.of(1).jobs, 10, 1);
}

TEST(Fairness, IsExactToAThousandthForTheHeaviestKey) {
    EXPECT_EQ(fair_step(1, 1), fair_unit);
    EXPECT_EQ(fair_step(1, 1000), 1000 * fair_unit);
    EXPECT_NEAR(static_cast<double>(fair_step(1000, 1)) * 1000, fair_unit, fair_unit / 1000.0);
}

TEST(Fairness, NeverOverflows) {
    std::int64_t finish = fair_time_max - 3;
    for (int i = 0; i < 100; ++i) finish = fair_finish(finish, fair_step(1, 1000));
    EXPECT_EQ(finish, fair_time_max);
    EXPECT_EQ(fair_start(fair_time_max + 5, finish), fair_time_max + 5);
    EXPECT_EQ(fair_finish(fair_time_max + 5, 1), fair_time_max);
}

TEST(Fairness, ComparesTheTagsOfLinesByTheirShift) {
    EXPECT_EQ(fair_shifted(100, 50), 150);
    EXPECT_EQ(fair_shifted(100, -500), -400);
    EXPECT_EQ(fair_shifted(fair_time_max, fair_time_max + fair_unit), INT64_MAX);
    EXPECT_EQ(fair_shifted(-fair_unit, INT64_MAX), INT64_MAX - fair_unit);
}

TEST(Fairness, KnowsATagThatCannotBe) {
    EXPECT_TRUE(is_fair_tag(1));
    EXPECT_TRUE(is_fair_tag(1 - fair_unit)) << "before the first place in line";
    EXPECT_TRUE(is_fair_tag(fair_time_max + 1'000'000)) << "those that came at the end of time";
    EXPECT_FALSE(is_fair_tag(INT64_MAX));
    EXPECT_FALSE(is_fair_tag(-fair_time_max));
    EXPECT_FALSE(is_fair_tag(INT64_MIN));
}

}  // namespace
}  // namespace sluice::rules
