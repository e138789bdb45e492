#include "tests/queue/workflow_fixture.hpp"

namespace sluice::test {
namespace {

class Workflow : public workflow_fixture {};

INSTANTIATE_TEST_SUITE_P(Jobs, Workflow, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Workflow, AChainRunsInOrderAndPassesResultsOn) {
    const auto w = push(chain_of(3));
    EXPECT_EQ(state(w), workflow_state::running);
    const auto first = f.fetch_one("q");
    EXPECT_EQ(first.spec->args, "[0]");
    EXPECT_EQ(first.parent_results, "");
    EXPECT_EQ(first.spec->workflow, w.id);
    EXPECT_EQ(first.spec->id, view(w).nodes[0].job_id);
    EXPECT_EQ(node(w, 0), "active");
    EXPECT_EQ(node(w, 1), "waiting");
    EXPECT_TRUE(nothing_in("q"));
    ASSERT_TRUE(f.ack(first, R"({"a":1})"));
    const auto second = f.fetch_one("q");
    EXPECT_EQ(second.spec->args, "[1]");
    EXPECT_EQ(second.parent_results, R"([{"a":1}])");
    ASSERT_TRUE(f.ack(second));
    const auto third = f.fetch_one("q");
    EXPECT_EQ(third.parent_results, R"([{"a":1},null])") << "of all steps before";
    ASSERT_TRUE(f.ack(third, "3"));
    const auto seen = view(w);
    EXPECT_EQ(seen.state, workflow_state::completed);
    EXPECT_EQ(seen.completed, 3U);
    EXPECT_TRUE(seen.ended_at);
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::pending)], 0U);
}

TEST_P(Workflow, AFailedStepEndsItsChain) {
    const auto w = push(chain_of(3));
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    fail(f.fetch_one("q"));
    EXPECT_EQ(state(w), workflow_state::failed);
    EXPECT_EQ(view(w).completed, 1U);
    EXPECT_EQ(node(w, 2), "cancelled");
    EXPECT_EQ(f.job(view(w).nodes[2].job_id).state, job_state::cancelled);
    EXPECT_TRUE(nothing_in("q"));
}

TEST_P(Workflow, ATryThatIsNotTheLastFailsNothing) {
    const auto w = push(chain_of(2));
    ASSERT_TRUE(f.nack(f.fetch_one("q")));
    EXPECT_EQ(state(w), workflow_state::running);
    f.pass(2s);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(state(w), workflow_state::completed);
}

/// Both in one write: nobody can see the one without the other, whenever the power goes.
TEST_P(Workflow, TheEndOfAJobAndWhatItDoesToItsWorkflowAreOneWrite) {
    const auto w = push(chain_of(1));
    const auto held = f.fetch_one("q");
    f.manual = true;
    ASSERT_TRUE(f.ack(held));
    const auto batch = f.core().take_batch(f.clock.now);
    ASSERT_EQ(batch.workflows.size(), 1U);
    EXPECT_EQ(batch.workflows[0].record.state, workflow_state::completed);
    EXPECT_TRUE(batch.workflows[0].purge_at);
    ASSERT_EQ(batch.jobs.size(), 1U);
    EXPECT_EQ(batch.jobs[0].to, job_place::history);
    EXPECT_TRUE(batch.sync);
}

TEST_P(Workflow, AGroupFailsWhenAllHaveEnded) {
    const auto w = push(group_of(3));
    auto jobs = f.fetch("q", 3);
    ASSERT_EQ(jobs.size(), 3U);
    fail(jobs[0]);
    EXPECT_EQ(state(w), workflow_state::running);
    ASSERT_TRUE(f.ack(jobs[1]));
    ASSERT_TRUE(f.ack(jobs[2]));
    EXPECT_EQ(state(w), workflow_state::failed);
    EXPECT_EQ(view(w).failed, 1U);
}

TEST_P(Workflow, ABatchCallsBackWithTheResultsOfAll) {
    const auto w = push(batch_of(3));
    auto jobs = f.fetch("q", 3);
    ASSERT_TRUE(f.ack(jobs[2], "2"));
    fail(jobs[1]);
    EXPECT_TRUE(nothing_in("complete"));
    ASSERT_TRUE(f.ack(jobs[0], "0"));
    const auto complete = f.fetch_one("complete");
    EXPECT_EQ(complete.parent_results, "[0,null,2]");
    const auto failure = f.fetch_one("failure");
    EXPECT_EQ(failure.parent_results, "[0,null,2]");
    EXPECT_TRUE(nothing_in("success"));
    EXPECT_EQ(state(w), workflow_state::running);
    ASSERT_TRUE(f.ack(complete));
    ASSERT_TRUE(f.ack(failure));
    EXPECT_EQ(state(w), workflow_state::completed);
    EXPECT_EQ(view(w).callbacks.at(1).state, "cancelled");
}

TEST_P(Workflow, AGraphReleasesWhatAllItsParentsAllow) {
    auto made = group_of(4);
    made.type = workflow_type::dag;
    made.nodes[2].depends_on = {{1}, {0}};
    made.nodes[3].depends_on = {{0, failed_parent_policy::run}, {2, failed_parent_policy::run}};
    const auto w = push(made);
    auto jobs = f.fetch("q", 9);
    ASSERT_EQ(jobs.size(), 2U);
    ASSERT_TRUE(f.ack(jobs[0], "\"a\""));
    EXPECT_TRUE(nothing_in("q"));
    ASSERT_TRUE(f.ack(jobs[1], "\"b\""));
    const auto third = f.fetch_one("q");
    EXPECT_EQ(third.parent_results, R"(["b","a"])") << "in the order of depends_on";
    fail(third);
    const auto last = f.fetch_one("q");
    EXPECT_EQ(last.parent_results, R"(["a",null])");
    ASSERT_TRUE(f.ack(last));
    EXPECT_EQ(state(w), workflow_state::completed) << "its failure was minded";
}

TEST_P(Workflow, AStepIsDelayedFromItsTurnOnOnlyWhenItsTimeIsStillToCome) {
    auto made = chain_of(2);
    made.nodes[1].spec.scheduled_at = f.clock.now.wall + 1h;
    const auto w = push(made);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(f.job(view(w).nodes[1].job_id).state, job_state::scheduled);
    f.pass(1h);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(state(w), workflow_state::completed);
}

TEST(WorkflowResults, AreLeftOutWhereTheyTakeTooMuch) {
    engine_fixture f;
    auto made = chain_of(3);
    ASSERT_TRUE(f.core().push_workflow(made, std::nullopt, f.clock.now));
    f.settle();
    const std::string large =
        "\"" + std::string(limits::parent_results_bytes_max - 100, 'x') + "\"";
    ASSERT_TRUE(f.ack(f.fetch_one("q"), large));
    const auto second = f.fetch_one("q");
    EXPECT_EQ(second.parent_results, "[" + large + "]");
    ASSERT_TRUE(f.ack(second, large));
    EXPECT_EQ(f.fetch_one("q").parent_results, "[" + large + ",null]");
}

/// Each of many children is told the large result of their parent: no more of them at one time than
/// may wait for the disk.
TEST(WorkflowResults, AreNotMultipliedWithoutBound) {
    auto config = nothing_kept();
    config.uncommitted_bytes_max = 1'000'000;
    engine_fixture f(config);
    auto made = group_of(300);
    made.type = workflow_type::dag;
    for (std::size_t i = 1; i < made.nodes.size(); ++i) made.nodes[i].depends_on = {{0}};
    ASSERT_TRUE(f.core().push_workflow(std::move(made), std::nullopt, f.clock.now));
    f.settle();
    const auto held = f.fetch_one("q");
    f.manual = true;
    ASSERT_TRUE(f.ack(held, "\"" + std::string(100'000, 'x') + "\""));
    std::size_t most = 0;
    for (bool more = true; more;) {
        more = f.serve_loads();
        most = std::max(most, f.core().uncommitted_bytes());
        more = f.commit() || more;
    }
    EXPECT_LT(most, config.uncommitted_bytes_max + 200'000);
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 299U);
}

}  // namespace
}  // namespace sluice::test
