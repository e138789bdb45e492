#include "tests/rules/workflow_making.hpp"

#include <gtest/gtest.h>

namespace sluice::rules {
namespace {

workflow_progress chain(std::uint32_t length) {
    graph edges(length);
    for (std::uint32_t i = 1; i < length; ++i) edges[i] = {{i - 1, policy::fail}};
    return make(edges, workflow_type::chain);
}

workflow_progress group(std::size_t size, std::string_view callbacks = {}) {
    return make(graph(size), workflow_type::batch, callbacks);
}

TEST(Chain, ReleasesOneStepAfterTheOther) {
    auto w = chain(3);
    EXPECT_EQ(w.start().release, (nodes{0}));
    EXPECT_EQ(w.end_node(0, done).release, (nodes{1}));
    EXPECT_EQ(w.end_node(1, done).release, (nodes{2}));
    EXPECT_EQ(w.state(), workflow_state::running);
    EXPECT_TRUE(w.end_node(2, done).release.empty());
    EXPECT_EQ(w.state(), workflow_state::completed);
    EXPECT_EQ(w.completed_count(), 3U);
}

TEST(Chain, AFailureCancelsWhatIsLeft) {
    auto w = chain(4);
    w.start();
    w.end_node(0, done);
    const auto step = w.end_node(1, failed);
    EXPECT_TRUE(step.release.empty());
    EXPECT_EQ(step.cancel, (nodes{2, 3}));
    EXPECT_EQ(w.state(), workflow_state::failed);
    EXPECT_EQ(w.completed_count(), 1U);
    EXPECT_EQ(w.failed_count(), 1U);
    EXPECT_EQ(w.node(3), node_state::cancelled);
}

/// As deep as the limit of a workflow: nothing recurses.
TEST(Chain, OfTenThousandStepsFailsAtOnce) {
    auto w = chain(10'000);
    w.start();
    EXPECT_EQ(w.end_node(0, failed).cancel.size(), 9'999U);
    EXPECT_EQ(w.state(), workflow_state::failed);
}

TEST(Group, RunsAllAndFailsOnlyWhenAllHaveEnded) {
    auto w = group(3);
    EXPECT_EQ(w.start().release, (nodes{0, 1, 2}));
    w.end_node(1, failed);
    EXPECT_EQ(w.state(), workflow_state::running);
    w.end_node(0, done);
    w.end_node(2, done);
    EXPECT_EQ(w.state(), workflow_state::failed);
    EXPECT_EQ(w.completed_count(), 2U);
}

TEST(Batch, CallsBackOnSuccess) {
    auto w = group(2, "csf");
    w.start();
    EXPECT_TRUE(w.end_node(0, done).release.empty());
    const auto step = w.end_node(1, done);
    EXPECT_EQ(step.release, (nodes{2, 3}));
    EXPECT_EQ(step.cancel, (nodes{4}));
    EXPECT_EQ(w.state(), workflow_state::running) << "until the callbacks have ended";
    w.end_node(2, done);
    w.end_node(3, done);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Batch, CallsBackOnFailureAndIsCompleteWhenSomebodyTookNotice) {
    auto w = group(2, "csf");
    w.start();
    w.end_node(0, failed);
    const auto step = w.end_node(1, done);
    EXPECT_EQ(step.release, (nodes{2, 4}));
    EXPECT_EQ(step.cancel, (nodes{3}));
    w.end_node(4, done);
    w.end_node(2, done);
    EXPECT_EQ(w.state(), workflow_state::completed);
    EXPECT_EQ(w.failed_count(), 1U);
}

TEST(Batch, FailsWhenACallbackFailsOrNoneTakesNotice) {
    auto w = group(1, "c");
    w.start();
    w.end_node(0, done);
    w.end_node(1, failed);
    EXPECT_EQ(w.state(), workflow_state::failed);
    auto lonely = group(1, "s");
    lonely.start();
    EXPECT_EQ(lonely.end_node(0, failed).cancel, (nodes{1}));
    EXPECT_EQ(lonely.state(), workflow_state::failed);
}

TEST(Graph, ANodeWaitsForAllItDependsOn) {
    auto w = make({{}, {}, {{0, policy::fail}, {1, policy::fail}}});
    EXPECT_EQ(w.start().release, (nodes{0, 1}));
    EXPECT_TRUE(w.end_node(1, done).release.empty());
    EXPECT_EQ(w.end_node(0, done).release, (nodes{2}));
    EXPECT_EQ(w.parents(2).size(), 2U);
}

TEST(Graph, SkipLeavesTheNodeOutAndDoesNotFailTheWorkflow) {
    auto w = make({{}, {{0, policy::skip}}, {{1, policy::fail}}, {{1, policy::run}}});
    w.start();
    const auto step = w.end_node(0, failed);
    EXPECT_EQ(step.cancel, (nodes{1, 2})) << "who depends on what was left out is left out";
    EXPECT_EQ(step.release, (nodes{3})) << "unless it says otherwise";
    EXPECT_EQ(w.node(1), node_state::skipped);
    EXPECT_EQ(w.node(2), node_state::skipped);
    w.end_node(3, done);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Graph, RunCountsAFailureAsAnEnd) {
    auto w = make({{}, {{0, policy::run}}});
    w.start();
    EXPECT_EQ(w.end_node(0, failed).release, (nodes{1}));
    w.end_node(1, done);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Graph, OneWhoMindsAFailureIsEnough) {
    auto w = make({{}, {{0, policy::run}}, {{0, policy::fail}}});
    w.start();
    w.end_node(0, failed);
    w.end_node(1, done);
    EXPECT_EQ(w.state(), workflow_state::failed);
}

TEST(Graph, WaitHoldsOutUntilTheFailedJobHasCompletedAfterAll) {
    auto w = make({{}, {{0, policy::wait}}, {{0, policy::run}}});
    w.start();
    EXPECT_EQ(w.end_node(0, failed).release, (nodes{2}));
    EXPECT_EQ(w.end_node(2, done).release, (nodes{}));
    EXPECT_EQ(w.state(), workflow_state::running);
    w.revive_node(0);
    EXPECT_EQ(w.failed_count(), 0U);
    w.end_node(0, failed);
    w.revive_node(0);
    EXPECT_EQ(w.end_node(0, done).release, (nodes{1})) << "and nobody runs a second time";
    w.end_node(1, done);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Graph, AnEndCountsOnceHoweverOftenTheJobIsSentBack) {
    auto w = make({{}, {}, {{0, policy::run}, {1, policy::fail}}});
    w.start();
    EXPECT_TRUE(w.end_node(0, failed).release.empty());
    w.revive_node(0);
    EXPECT_TRUE(w.end_node(0, done).release.empty()) << "the other one has not ended";
    EXPECT_EQ(w.end_node(1, done).release, (nodes{2}));
}

TEST(Graph, NobodyWaitsForWhatCannotComeBack) {
    auto w = make({{}, {{0, policy::wait}}, {{1, policy::wait}}});
    w.start();
    EXPECT_EQ(w.end_node(0, lost).cancel, (nodes{1, 2}));
    EXPECT_EQ(w.state(), workflow_state::failed);
    auto later = make({{}, {{0, policy::wait}}, {{0, policy::run}}});
    later.start();
    EXPECT_EQ(later.end_node(0, failed).release, (nodes{2}));
    later.end_node(2, done);
    EXPECT_EQ(later.state(), workflow_state::running);
    const auto step = later.give_up_node(0);
    EXPECT_EQ(step.cancel, (nodes{1})) << "its dead letter was deleted";
    EXPECT_TRUE(step.release.empty()) << "nobody runs a second time";
    EXPECT_EQ(later.state(), workflow_state::failed);
}

TEST(Graph, NobodyWaitsForWhatWasLeftOut) {
    auto w = make({{}, {{0, policy::fail}}, {{1, policy::wait}}});
    w.start();
    EXPECT_EQ(w.end_node(0, failed).cancel, (nodes{1, 2}));
    EXPECT_EQ(w.state(), workflow_state::failed);
}

TEST(Cancel, ReleasesNothingAnyMore) {
    auto w = chain(3);
    w.start();
    w.end_node(0, done);
    EXPECT_EQ(w.cancel().cancel, (nodes{1, 2}));
    EXPECT_EQ(w.state(), workflow_state::cancelled);
    EXPECT_TRUE(w.end_node(1, done).release.empty()) << "it was running and has completed";
    EXPECT_EQ(w.completed_count(), 2U);
    EXPECT_EQ(w.state(), workflow_state::cancelled);
    EXPECT_EQ(w.node(2), node_state::cancelled);
}

TEST(Cancel, OfABatchCallsNobodyBack) {
    auto w = group(1, "csf");
    w.start();
    EXPECT_EQ(w.cancel().cancel, (nodes{0, 1, 2, 3}));
    EXPECT_TRUE(w.end_node(0, failed).release.empty());
}

TEST(Graph, AJobThatEndsBeforeItsTurnHasFailed) {
    auto w = chain(3);
    w.start();
    EXPECT_EQ(w.end_node(1, failed).cancel, (nodes{2})) << "cancelled by hand, or expired";
    EXPECT_EQ(w.state(), workflow_state::running);
    EXPECT_TRUE(w.end_node(0, done).release.empty());
    EXPECT_EQ(w.state(), workflow_state::failed);
    auto batch = group(1, "cs");
    batch.start();
    batch.end_node(1, failed);
    EXPECT_EQ(batch.end_node(0, done).release, (nodes{2}));
    batch.end_node(2, done);
    EXPECT_EQ(batch.state(), workflow_state::completed);
}

/// Somebody cancelled the callback before there was anything to tell: that fails nothing, neither
/// at once nor after a restart.
TEST(Batch, ACallbackThatWasCancelledBeforeItsTurnIsNoFailure) {
    for (const bool restart : {false, true}) {
        auto w = group(2, "cf");
        w.start();
        w.end_node(2, lost);
        EXPECT_EQ(w.node(2), node_state::cancelled);
        w.end_node(0, failed);
        if (restart) w = workflow_progress::restore(w.plan(), w.nodes(), w.state());
        EXPECT_EQ(w.end_node(1, done).release, (nodes{3}));
        if (restart) w = workflow_progress::restore(w.plan(), w.nodes(), w.state());
        w.end_node(3, done);
        EXPECT_EQ(w.state(), workflow_state::completed) << restart;
    }
}

TEST(Bytes, ThatWereNeverWrittenAreRefused) {
    auto w = make({{}, {{0, policy::wait}}}, workflow_type::dag, "c");
    const auto plan = w.plan();
    const auto states = w.nodes();
    EXPECT_NO_THROW(workflow_progress::restore(plan, states, workflow_state::running));
    for (std::size_t cut = 0; cut < plan.size(); ++cut)
        EXPECT_THROW(
            workflow_progress::restore(plan.substr(0, cut), states, workflow_state::running),
            std::invalid_argument);
    EXPECT_THROW(workflow_progress::restore(plan + '\0', states, workflow_state::running),
                 std::invalid_argument);
    EXPECT_THROW(workflow_progress::restore(plan, states + '\0', workflow_state::running),
                 std::invalid_argument);
    EXPECT_THROW(workflow_progress::restore(plan, "\x06\x01\x01", workflow_state::running),
                 std::invalid_argument);
    const std::string huge = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    EXPECT_THROW(workflow_progress::restore(huge, states, workflow_state::running),
                 std::invalid_argument);
}

}  // namespace
}  // namespace sluice::rules
