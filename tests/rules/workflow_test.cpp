#include "server/rules/workflow.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace sluice::rules {
namespace {

using nodes = std::vector<std::size_t>;
using policy = failed_parent_policy;

/// Edges by child: parent and policy.
using graph = std::vector<std::vector<workflow_edge>>;

workflow_progress make(graph edges, workflow_type type = workflow_type::dag,
                       std::string_view callbacks = {}) {
    workflow_definition made;
    made.type = type;
    for (auto& each : edges) made.nodes.push_back({"n", {}, std::move(each)});
    if (callbacks.find('c') != callbacks.npos) made.callbacks.on_complete = job_spec{};
    if (callbacks.find('s') != callbacks.npos) made.callbacks.on_success = job_spec{};
    if (callbacks.find('f') != callbacks.npos) made.callbacks.on_failure = job_spec{};
    return workflow_progress(made);
}

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
    EXPECT_EQ(w.end_node(0, true).release, (nodes{1}));
    EXPECT_EQ(w.end_node(1, true).release, (nodes{2}));
    EXPECT_EQ(w.state(), workflow_state::running);
    EXPECT_TRUE(w.end_node(2, true).release.empty());
    EXPECT_EQ(w.state(), workflow_state::completed);
    EXPECT_EQ(w.completed_count(), 3U);
}

TEST(Chain, AFailureCancelsWhatIsLeft) {
    auto w = chain(4);
    w.start();
    w.end_node(0, true);
    const auto step = w.end_node(1, false);
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
    EXPECT_EQ(w.end_node(0, false).cancel.size(), 9'999U);
    EXPECT_EQ(w.state(), workflow_state::failed);
}

TEST(Group, RunsAllAndFailsOnlyWhenAllHaveEnded) {
    auto w = group(3);
    EXPECT_EQ(w.start().release, (nodes{0, 1, 2}));
    w.end_node(1, false);
    EXPECT_EQ(w.state(), workflow_state::running);
    w.end_node(0, true);
    w.end_node(2, true);
    EXPECT_EQ(w.state(), workflow_state::failed);
    EXPECT_EQ(w.completed_count(), 2U);
}

TEST(Batch, CallsBackOnSuccess) {
    auto w = group(2, "csf");
    w.start();
    EXPECT_TRUE(w.end_node(0, true).release.empty());
    const auto step = w.end_node(1, true);
    EXPECT_EQ(step.release, (nodes{2, 3}));
    EXPECT_EQ(step.cancel, (nodes{4}));
    EXPECT_EQ(w.state(), workflow_state::running) << "until the callbacks have ended";
    w.end_node(2, true);
    w.end_node(3, true);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Batch, CallsBackOnFailureAndIsCompleteWhenSomebodyTookNotice) {
    auto w = group(2, "csf");
    w.start();
    w.end_node(0, false);
    const auto step = w.end_node(1, true);
    EXPECT_EQ(step.release, (nodes{2, 4}));
    EXPECT_EQ(step.cancel, (nodes{3}));
    w.end_node(4, true);
    w.end_node(2, true);
    EXPECT_EQ(w.state(), workflow_state::completed);
    EXPECT_EQ(w.failed_count(), 1U);
}

TEST(Batch, FailsWhenACallbackFailsOrNoneTakesNotice) {
    auto w = group(1, "c");
    w.start();
    w.end_node(0, true);
    w.end_node(1, false);
    EXPECT_EQ(w.state(), workflow_state::failed);
    auto lonely = group(1, "s");
    lonely.start();
    EXPECT_EQ(lonely.end_node(0, false).cancel, (nodes{1}));
    EXPECT_EQ(lonely.state(), workflow_state::failed);
}

TEST(Graph, ANodeWaitsForAllItDependsOn) {
    auto w = make({{}, {}, {{0, policy::fail}, {1, policy::fail}}});
    EXPECT_EQ(w.start().release, (nodes{0, 1}));
    EXPECT_TRUE(w.end_node(1, true).release.empty());
    EXPECT_EQ(w.end_node(0, true).release, (nodes{2}));
    EXPECT_EQ(w.parents(2).size(), 2U);
}

TEST(Graph, SkipLeavesTheNodeOutAndDoesNotFailTheWorkflow) {
    auto w = make({{}, {{0, policy::skip}}, {{1, policy::fail}}, {{1, policy::run}}});
    w.start();
    const auto step = w.end_node(0, false);
    EXPECT_EQ(step.cancel, (nodes{1, 2})) << "who depends on what was left out is left out";
    EXPECT_EQ(step.release, (nodes{3})) << "unless it says otherwise";
    EXPECT_EQ(w.node(1), node_state::skipped);
    EXPECT_EQ(w.node(2), node_state::skipped);
    w.end_node(3, true);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Graph, RunCountsAFailureAsAnEnd) {
    auto w = make({{}, {{0, policy::run}}});
    w.start();
    EXPECT_EQ(w.end_node(0, false).release, (nodes{1}));
    w.end_node(1, true);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Graph, OneWhoMindsAFailureIsEnough) {
    auto w = make({{}, {{0, policy::run}}, {{0, policy::fail}}});
    w.start();
    w.end_node(0, false);
    w.end_node(1, true);
    EXPECT_EQ(w.state(), workflow_state::failed);
}

TEST(Graph, WaitHoldsOutUntilTheFailedJobHasCompletedAfterAll) {
    auto w = make({{}, {{0, policy::wait}}, {{0, policy::run}}});
    w.start();
    EXPECT_EQ(w.end_node(0, false).release, (nodes{2}));
    EXPECT_EQ(w.end_node(2, true).release, (nodes{}));
    EXPECT_EQ(w.state(), workflow_state::running);
    w.revive_node(0);
    EXPECT_EQ(w.failed_count(), 0U);
    w.end_node(0, false);
    w.revive_node(0);
    EXPECT_EQ(w.end_node(0, true).release, (nodes{1})) << "and nobody runs a second time";
    w.end_node(1, true);
    EXPECT_EQ(w.state(), workflow_state::completed);
}

TEST(Graph, NobodyWaitsForWhatWasLeftOut) {
    auto w = make({{}, {{0, policy::fail}}, {{1, policy::wait}}});
    w.start();
    EXPECT_EQ(w.end_node(0, false).cancel, (nodes{1, 2}));
    EXPECT_EQ(w.state(), workflow_state::failed);
}

TEST(Cancel, ReleasesNothingAnyMore) {
    auto w = chain(3);
    w.start();
    w.end_node(0, true);
    EXPECT_EQ(w.cancel().cancel, (nodes{1, 2}));
    EXPECT_EQ(w.state(), workflow_state::cancelled);
    EXPECT_TRUE(w.end_node(1, true).release.empty()) << "it was running and has completed";
    EXPECT_EQ(w.completed_count(), 2U);
    EXPECT_EQ(w.state(), workflow_state::cancelled);
    EXPECT_EQ(w.node(2), node_state::cancelled);
}

TEST(Cancel, OfABatchCallsNobodyBack) {
    auto w = group(1, "csf");
    w.start();
    EXPECT_EQ(w.cancel().cancel, (nodes{0, 1, 2, 3}));
    EXPECT_TRUE(w.end_node(0, false).release.empty());
}

TEST(Graph, AJobThatEndsBeforeItsTurnHasFailed) {
    auto w = chain(3);
    w.start();
    EXPECT_EQ(w.end_node(1, false).cancel, (nodes{2})) << "cancelled by hand, or expired";
    EXPECT_EQ(w.state(), workflow_state::running);
    EXPECT_TRUE(w.end_node(0, true).release.empty());
    EXPECT_EQ(w.state(), workflow_state::failed);
    auto batch = group(1, "cs");
    batch.start();
    batch.end_node(1, false);
    EXPECT_EQ(batch.end_node(0, true).release, (nodes{2}));
    batch.end_node(2, true);
    EXPECT_EQ(batch.state(), workflow_state::completed);
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

// -- against the obvious -------------------------------------------------------------------------

/// What must have happened to each node, worked out anew from how the jobs ended.
struct reference {
    const graph& edges;
    std::map<std::size_t, bool> ended;  ///< jobs that ran: whether they completed

    node_state state(std::size_t node) const {
        bool ready = true;
        std::optional<node_state> out;
        for (const auto& edge : edges[node]) {
            const auto parent = state(edge.parent);
            if (parent == node_state::waiting || parent == node_state::released) {
                ready = false;
                continue;
            }
            if (parent == node_state::completed || edge.on_failure == policy::run) continue;
            ready = false;
            if (parent == node_state::failed && edge.on_failure == policy::wait) continue;
            const bool fails = edge.on_failure == policy::fail && parent != node_state::skipped;
            const auto left = fails ? node_state::cancelled : node_state::skipped;
            // Of two reasons the first to come counts; both leave it out.
            if (!out) out = left;
        }
        if (out && !ended.contains(node)) return *out;
        if (!ready) return node_state::waiting;
        const auto it = ended.find(node);
        if (it == ended.end()) return node_state::released;
        return it->second ? node_state::completed : node_state::failed;
    }
};

bool same(node_state a, node_state b) {
    const auto left_out = [](node_state s) {
        return s == node_state::skipped || s == node_state::cancelled;
    };
    return a == b || (left_out(a) && left_out(b));
}

graph random_graph(std::mt19937_64& random) {
    graph edges(1 + random() % 12);
    for (std::size_t i = 1; i < edges.size(); ++i) {
        std::set<std::uint32_t> parents;
        for (auto n = random() % 4; n > 0; --n)
            parents.insert(static_cast<std::uint32_t>(random() % i));
        for (const auto parent : parents)
            edges[i].push_back({parent, static_cast<policy>(random() % 4)});
    }
    return edges;
}

TEST(Property, EveryNodeIsWhereTheObviousReckoningHasIt) {
    for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
        std::mt19937_64 random(seed);
        const auto edges = random_graph(random);
        auto w = make(edges);
        reference expected{edges, {}};
        std::set<std::size_t> running, released;
        const auto take = [&](const workflow_step& step) {
            for (const auto node : step.release) {
                EXPECT_TRUE(released.insert(node).second) << "released twice, seed " << seed;
                running.insert(node);
            }
        };
        take(w.start());
        while (!running.empty()) {
            const auto node =
                *std::next(running.begin(), static_cast<std::ptrdiff_t>(random() % running.size()));
            running.erase(node);
            const bool completed = random() % 3 != 0;
            expected.ended[node] = completed;
            if (random() % 2 == 0) w = workflow_progress::restore(w.plan(), w.nodes(), w.state());
            take(w.end_node(node, completed));
            for (std::size_t i = 0; i < edges.size(); ++i)
                ASSERT_TRUE(same(w.node(i), expected.state(i)))
                    << "node " << i << ": " << to_string(w.node(i)) << ", not "
                    << to_string(expected.state(i)) << ", seed " << seed;
        }
        bool waits = false;
        for (std::size_t i = 0; i < edges.size(); ++i)
            waits = waits || w.node(i) == node_state::waiting;
        EXPECT_EQ(w.state() == workflow_state::running, waits) << "seed " << seed;
    }
}

TEST(Property, WhatWasRestoredGoesOnTheSame) {
    for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
        std::mt19937_64 random(seed);
        auto kept = make(random_graph(random), workflow_type::dag, "csf");
        auto restored = workflow_progress::restore(kept.plan(), kept.nodes(), kept.state());
        auto step = kept.start();
        EXPECT_EQ(restored.start().release, step.release);
        std::vector<std::size_t> running = step.release, failed;
        while (!running.empty()) {
            restored =
                workflow_progress::restore(restored.plan(), restored.nodes(), restored.state());
            const auto node = running.back();
            running.pop_back();
            const bool completed = random() % 3 != 0;
            const auto a = kept.end_node(node, completed);
            const auto b = restored.end_node(node, completed);
            ASSERT_EQ(a.release, b.release) << "seed " << seed;
            ASSERT_EQ(a.cancel, b.cancel) << "seed " << seed;
            if (!completed) failed.push_back(node);
            running.insert(running.end(), a.release.begin(), a.release.end());
            if (running.empty() && !failed.empty() && random() % 2 == 0) {
                kept.revive_node(failed.back());
                restored.revive_node(failed.back());
                if (kept.node(failed.back()) == node_state::released)
                    running.push_back(failed.back());
                failed.pop_back();
            }
            ASSERT_EQ(kept.nodes(), restored.nodes()) << "seed " << seed;
            ASSERT_EQ(kept.state(), restored.state()) << "seed " << seed;
            ASSERT_EQ(kept.completed_count(), restored.completed_count()) << "seed " << seed;
            ASSERT_EQ(kept.failed_count(), restored.failed_count()) << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace sluice::rules
