#include "tests/rules/workflow_making.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>

/// Random graphs, against the obvious.
namespace sluice::rules {
namespace {

node_outcome any_outcome(std::mt19937_64& random) {
    if (random() % 3 != 0) return done;
    return random() % 2 == 0 ? failed : lost;
}

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
