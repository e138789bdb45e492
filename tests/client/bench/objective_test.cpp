#include "client/cli/bench/objective.hpp"

#include "client/cli/bench/step_result.hpp"

#include <gtest/gtest.h>

namespace sluice::cli::bench {
namespace {

using namespace std::chrono_literals;

histogram one_to(int milliseconds) {
    histogram values;
    for (int i = 1; i <= milliseconds; ++i) values.record(1ms * i);
    return values;
}

TEST(Objective, NamesAPhaseAShareAndALimit) {
    const auto what = parse_objective("waiting.p99.9 < 5ms");
    ASSERT_TRUE(what.has_value());
    EXPECT_EQ(what->of, phase::waiting);
    EXPECT_DOUBLE_EQ(what->share, 0.999);
    EXPECT_EQ(what->limit, 5ms);
    EXPECT_EQ(what->text, "waiting.p99.9<5ms");
    EXPECT_EQ(parse_objective("enqueue.max<1s")->share, 1);
    EXPECT_EQ(parse_objective("total.p50<1ms")->of, phase::total);
    EXPECT_EQ(parse_objective("running.p50<1ms")->of, phase::running);
}

TEST(Objective, IsAboutTheWholeWayWithoutAPhase) {
    EXPECT_EQ(parse_objective("p99<10ms")->of, phase::overall);
    EXPECT_DOUBLE_EQ(parse_objective("p99.99<10ms")->share, 0.9999);
}

TEST(Objective, IsRefusedWhenItSaysNothingThatCanBeMeasured) {
    for (const auto* text : {"", "p99", "p99<", "p99<0", "p99<5", "p0<1s", "p100<1s", "p-1<1s",
                             "99<1s", "wating.p99<1s", "waiting<1s", "waiting.<1s", "p99>1s",
                             "p99<1s<2s", "pnan<1s", "p9e1<1s", "mean<1s"}) {
        EXPECT_FALSE(parse_objective(text).has_value()) << text;
    }
}

TEST(Objective, IsMetBelowItsLimitAndNotAtIt) {
    const auto values = one_to(100);
    const auto p99 = evaluate(*parse_objective("p99<100ms"), values, 0);
    ASSERT_TRUE(p99.measured.has_value());
    EXPECT_NEAR(static_cast<double>(p99.measured->count()), 99e6, 99e6 * 0.004);
    EXPECT_TRUE(p99.met);
    EXPECT_FALSE(evaluate(*parse_objective("p99<90ms"), values, 0).met);
    EXPECT_TRUE(evaluate(*parse_objective("max<101ms"), values, 0).met);
    EXPECT_FALSE(evaluate(*parse_objective("max<100ms"), values, 0).met);
}

TEST(Objective, CountsAJobWithoutALatencyAsSlowerThanAnyLimit) {
    const auto values = one_to(99);
    EXPECT_TRUE(evaluate(*parse_objective("p99<1s"), values, 1).met);
    const auto missed = evaluate(*parse_objective("p99<1s"), values, 2);
    EXPECT_FALSE(missed.met);
    EXPECT_FALSE(missed.measured.has_value());
    EXPECT_FALSE(evaluate(*parse_objective("max<1h"), values, 1).met);
    EXPECT_TRUE(evaluate(*parse_objective("p50<60ms"), values, 20).met);
    EXPECT_FALSE(evaluate(*parse_objective("p50<60ms"), values, 80).met) << "the median moves up";
}

TEST(Objective, IsMissedWhenNothingWasMeasured) {
    EXPECT_FALSE(evaluate(*parse_objective("p50<1h"), {}, 0).met);
}

TEST(Objective, OfAStepLooksAtItsOwnPhaseAndAtWhatIsMissingThere) {
    step_result step;
    step.run.created = 100;
    step.run.completed = 90;
    for (int i = 0; i < 100; ++i) step.run.enqueue.record(1ms);
    for (int i = 0; i < 90; ++i) step.run.overall.record(2ms);
    judge(step, {*parse_objective("enqueue.max<5ms"), *parse_objective("p90<5ms"),
                 *parse_objective("p95<5ms")});
    ASSERT_EQ(step.objectives.size(), 3U);
    EXPECT_TRUE(step.objectives[0].met) << "all were stored";
    EXPECT_TRUE(step.objectives[1].met);
    EXPECT_FALSE(step.objectives[2].met) << "ten have not ended";
    EXPECT_FALSE(step.met());
    step.unsent = 1;
    judge(step, {*parse_objective("enqueue.max<5ms")});
    EXPECT_FALSE(step.met());
}

}  // namespace
}  // namespace sluice::cli::bench
