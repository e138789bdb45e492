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
constexpr auto done = node_outcome::completed;
constexpr auto failed = node_outcome::failed;
constexpr auto lost = node_outcome::lost;

node_outcome any_outcome(std::mt19937_64& random) {
    if (random() % 3 != 0) return done;
    return random() % 2 == 0 ? failed : lost;
}

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

// -- against the obvious -------------------------------------------------------------------------

/// What must have happened to each node, worked out anew from how the jobs ended.
struct reference {
    const graph& edges;
    std::map<std::size_t, node_outcome> ended;  ///< of jobs that ran

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
            const bool may_come_back =
                parent == node_state::failed && ended.at(edge.parent) == failed;
            if (may_come_back && edge.on_failure == policy::wait) continue;
            const bool fails = edge.on_failure != policy::skip && parent != node_state::skipped;
            const auto left = fails ? node_state::cancelled : node_state::skipped;
            // Of two reasons the first to come counts; both leave it out.
            if (!out) out = left;
        }
        if (out && !ended.contains(node)) return *out;
        if (!ready) return node_state::waiting;
        const auto it = ended.find(node);
        if (it == ended.end()) return node_state::released;
        return it->second == done ? node_state::completed : node_state::failed;
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
            const auto outcome = any_outcome(random);
            expected.ended[node] = outcome;
            if (random() % 2 == 0) w = workflow_progress::restore(w.plan(), w.nodes(), w.state());
            take(w.end_node(node, outcome));
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
        std::vector<std::size_t> running = step.release, dead;
        while (!running.empty()) {
            restored =
                workflow_progress::restore(restored.plan(), restored.nodes(), restored.state());
            const auto node = running.back();
            running.pop_back();
            const auto outcome = any_outcome(random);
            const auto a = kept.end_node(node, outcome);
            const auto b = restored.end_node(node, outcome);
            ASSERT_EQ(a.release, b.release) << "seed " << seed;
            ASSERT_EQ(a.cancel, b.cancel) << "seed " << seed;
            if (outcome == failed) dead.push_back(node);
            running.insert(running.end(), a.release.begin(), a.release.end());
            if (running.empty() && !dead.empty()) {
                const auto last = dead.back();
                dead.pop_back();
                if (random() % 2 == 0) {
                    kept.revive_node(last);
                    restored.revive_node(last);
                    if (kept.node(last) == node_state::released) running.push_back(last);
                } else {
                    const auto given_up = kept.give_up_node(last);
                    ASSERT_EQ(given_up.release, restored.give_up_node(last).release);
                    running.insert(running.end(), given_up.release.begin(), given_up.release.end());
                }
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
