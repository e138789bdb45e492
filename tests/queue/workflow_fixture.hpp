#pragma once

#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

/// Workflows on the engine. The parameter says whether all that may be at rest is.
namespace sluice::test {

inline workflow_definition chain_of(std::size_t steps) {
    workflow_definition made;
    made.type = workflow_type::chain;
    for (std::size_t i = 0; i < steps; ++i) {
        auto& node = made.nodes.emplace_back();
        node.ref = std::to_string(i);
        node.spec = make_spec("q");
        node.spec.args = "[" + std::to_string(i) + "]";
        if (i > 0) node.depends_on.push_back({static_cast<std::uint32_t>(i - 1)});
    }
    return made;
}

inline workflow_definition group_of(std::size_t jobs) {
    auto made = chain_of(jobs);
    made.type = workflow_type::group;
    for (auto& node : made.nodes) node.depends_on.clear();
    return made;
}

/// Two jobs; the second waits for the first, a dead letter once it has failed.
inline workflow_definition second_waits() {
    auto made = chain_of(2);
    made.type = workflow_type::dag;
    made.nodes[0].spec.retry.on_exhaustion = exhaustion::dead_letter;
    made.nodes[1].depends_on = {{0, failed_parent_policy::wait}};
    return made;
}

inline workflow_definition batch_of(std::size_t jobs) {
    auto made = group_of(jobs);
    made.type = workflow_type::batch;
    made.callbacks.on_complete = make_spec("complete");
    made.callbacks.on_success = make_spec("success");
    made.callbacks.on_failure = make_spec("failure");
    return made;
}

class workflow_fixture : public testing::TestWithParam<bool> {
protected:
    workflow_fixture() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    workflow_record push(workflow_definition made) {
        auto stored = f.core().push_workflow(std::move(made), std::nullopt, f.clock.now);
        EXPECT_TRUE(stored);
        if (!f.manual) f.settle();
        return stored ? *stored : workflow_record{};
    }
    /// As it is now, wherever it is.
    workflow_view view(const workflow_record& of) {
        auto known = f.core().workflow(of.id);
        const auto record = known ? *known : f.store().find_workflow_blocking(of.id).value();
        return view_of(record, f.core().active_nodes(record));
    }
    workflow_state state(const workflow_record& of) { return view(of).state; }
    std::string_view node(const workflow_record& of, std::size_t at) {
        return view(of).nodes.at(at).state;
    }
    void fail(const job_record& held) {
        nack_request final;
        final.retryable = false;
        ASSERT_TRUE(f.nack(held, final));
    }
    bool nothing_in(const std::string& queue) { return f.fetch(queue).empty(); }

    engine_fixture f;
};

}  // namespace sluice::test
