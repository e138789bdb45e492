#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

/// Nothing stays in memory that need not: every job of a workflow is read when its turn comes.
engine_config nothing_kept() {
    engine_config config;
    config.window_jobs = 0;
    config.finished_cache = 0;
    return config;
}

workflow_definition chain_of(std::size_t steps) {
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

workflow_definition group_of(std::size_t jobs) {
    auto made = chain_of(jobs);
    made.type = workflow_type::group;
    for (auto& node : made.nodes) node.depends_on.clear();
    return made;
}

workflow_definition batch_of(std::size_t jobs) {
    auto made = group_of(jobs);
    made.type = workflow_type::batch;
    made.callbacks.on_complete = make_spec("complete");
    made.callbacks.on_success = make_spec("success");
    made.callbacks.on_failure = make_spec("failure");
    return made;
}

class Workflow : public testing::TestWithParam<bool> {
protected:
    Workflow() : f(GetParam() ? nothing_kept() : engine_config{}) {}

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

TEST_P(Workflow, ADeadLetterThatIsSentBackLetsThoseGoThatWait) {
    auto made = chain_of(2);
    made.type = workflow_type::dag;
    made.nodes[0].spec.retry.on_exhaustion = exhaustion::dead_letter;
    made.nodes[1].depends_on = {{0, failed_parent_policy::wait}};
    const auto w = push(made);
    const auto held = f.fetch_one("q");
    fail(held);
    EXPECT_EQ(state(w), workflow_state::running);
    f.crash();
    ASSERT_TRUE(f.retry_dead_letter(held.spec->id));
    ASSERT_TRUE(f.ack(f.fetch_one("q"), "7"));
    const auto second = f.fetch_one("q");
    EXPECT_EQ(second.parent_results, "[7]");
    ASSERT_TRUE(f.ack(second));
    EXPECT_EQ(state(w), workflow_state::completed);
}

TEST_P(Workflow, ADeadLetterThatIsDeletedKeepsNobodyWaiting) {
    auto made = chain_of(2);
    made.type = workflow_type::dag;
    made.nodes[0].spec.retry.on_exhaustion = exhaustion::dead_letter;
    made.nodes[1].depends_on = {{0, failed_parent_policy::wait}};
    const auto w = push(made);
    const auto held = f.fetch_one("q");
    fail(held);
    EXPECT_EQ(state(w), workflow_state::running);
    ASSERT_TRUE(f.delete_dead_letter(held.spec->id));
    EXPECT_EQ(state(w), workflow_state::failed);
    EXPECT_EQ(f.job(view(w).nodes[1].job_id).state, job_state::cancelled);
}

TEST_P(Workflow, NobodyWaitsForAJobThatIsNoDeadLetter) {
    auto made = chain_of(2);
    made.type = workflow_type::dag;
    made.nodes[1].depends_on = {{0, failed_parent_policy::wait}};
    const auto w = push(made);
    fail(f.fetch_one("q"));
    EXPECT_EQ(state(w), workflow_state::failed);
}

TEST_P(Workflow, CancelledLetsRunWhatRunsAndNothingElse) {
    const auto w = push(batch_of(3));
    const auto held = f.fetch_one("q");
    ASSERT_TRUE(f.core().cancel_workflow(w.id, f.clock.now));
    EXPECT_TRUE(f.fetch("q").empty()) << "not even before the others were read";
    f.settle();
    EXPECT_EQ(state(w), workflow_state::cancelled);
    ASSERT_TRUE(f.ack(held));
    for (const auto* queue : {"q", "complete", "success", "failure"})
        EXPECT_TRUE(nothing_in(queue)) << queue;
    EXPECT_EQ(state(w), workflow_state::cancelled);
    EXPECT_EQ(view(w).completed, 1U);
    EXPECT_EQ(node(w, 1), "cancelled");
    const auto again = f.core().cancel_workflow(w.id, f.clock.now);
    ASSERT_FALSE(again);
    EXPECT_TRUE(f.disk->image().live.empty());
}

TEST_P(Workflow, AJobThatRanWhenItWasCancelledDoesNotRunAgain) {
    for (const bool released : {false, true}) {
        const auto w = push(group_of(1));
        const auto held = f.fetch_one("q");
        ASSERT_TRUE(f.core().cancel_workflow(w.id, f.clock.now));
        f.settle();
        nack_request back;
        back.release = released;
        ASSERT_TRUE(f.nack(held, back));
        EXPECT_EQ(f.job(held.spec->id).state, job_state::cancelled);
        f.pass(1h);
        EXPECT_TRUE(nothing_in("q"));
        EXPECT_EQ(f.core().workflow_count(), 0U);
    }
}

TEST_P(Workflow, ADeadLetterThatIsSentBackAfterTheCancelRuns) {
    for (const bool crash : {false, true}) {
        auto made = group_of(2);
        for (auto& node : made.nodes) node.spec.retry.on_exhaustion = exhaustion::dead_letter;
        const auto w = push(made);
        const auto jobs = f.fetch("q", 2);
        ASSERT_EQ(jobs.size(), 2U);
        fail(jobs[0]);
        ASSERT_TRUE(f.core().cancel_workflow(w.id, f.clock.now));
        f.settle();
        ASSERT_TRUE(f.retry_dead_letter(jobs[0].spec->id));
        if (crash) f.crash();
        const auto again = f.fetch_one("q");
        EXPECT_EQ(again.spec->id, jobs[0].spec->id);
        ASSERT_TRUE(f.nack(again)) << "and is tried again like any other";
        f.pass(2s);
        ASSERT_TRUE(f.ack(f.fetch_one("q")));
        ASSERT_TRUE(f.ack(jobs[1]));
        EXPECT_EQ(state(w), workflow_state::cancelled);
    }
}

TEST_P(Workflow, AJobOfItThatIsCancelledByHandHasFailed) {
    const auto w = push(chain_of(3));
    ASSERT_TRUE(f.cancel(view(w).nodes[1].job_id));
    EXPECT_EQ(state(w), workflow_state::running);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_TRUE(nothing_in("q"));
    EXPECT_EQ(state(w), workflow_state::failed);
}

TEST_P(Workflow, AJobOfItExpiresLikeAnyOther) {
    auto made = chain_of(2);
    made.nodes[1].spec.expires_at = f.clock.now.wall + 1min;
    const auto w = push(made);
    f.pass(2min);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(state(w), workflow_state::failed);
}

TEST_P(Workflow, ItsJobsCannotBeActivatedOutOfTurn) {
    const auto w = push(chain_of(2));
    const auto refused = f.activate(view(w).nodes[1].job_id);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::conflict);
    EXPECT_EQ(f.job(view(w).nodes[1].job_id).state, job_state::pending);
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

TEST_P(Workflow, GoesOnAfterACrashAtAnyPoint) {
    for (int crash_at = 0; crash_at < 12; ++crash_at) {
        const auto w = push(batch_of(2));
        int step = 0;
        const auto maybe_crash = [&] {
            if (step++ == crash_at) f.crash();
        };
        maybe_crash();
        for (const auto* queue : {"q", "q", "complete", "success"}) {
            const auto held = f.fetch_one(queue);
            maybe_crash();
            f.manual = true;  // what follows from the ack may be lost, the ack is not
            ASSERT_TRUE(f.ack(held, "1"));
            f.commit();
            f.manual = false;
            maybe_crash();
            f.settle();
        }
        EXPECT_EQ(state(w), workflow_state::completed) << crash_at;
        EXPECT_TRUE(nothing_in("failure"));
        EXPECT_TRUE(f.disk->image().live.empty()) << crash_at;
    }
}

TEST_P(Workflow, ACancelThatACrashInterruptsIsFinishedAfterIt) {
    const auto w = push(group_of(3));
    f.manual = true;
    ASSERT_TRUE(f.core().cancel_workflow(w.id, f.clock.now));
    f.commit();
    f.crash();
    f.manual = false;
    f.settle();
    EXPECT_EQ(state(w), workflow_state::cancelled);
    EXPECT_TRUE(nothing_in("q"));
    EXPECT_TRUE(f.disk->image().live.empty());
}

TEST_P(Workflow, LetsGoOfOneWhoseJobsHaveAllEnded) {
    for (int i = 0; i < 100; ++i) {
        push(chain_of(1));
        ASSERT_TRUE(f.ack(f.fetch_one("q")));
    }
    EXPECT_EQ(f.core().workflow_count(), 0U);
    const auto w = push(chain_of(1));
    EXPECT_EQ(f.store().list_workflows_blocking({}).size(), 50U);
    EXPECT_EQ(f.store().find_workflow_blocking(w.id)->unfinished, 1U);
}

TEST(WorkflowLimit, HoldsForUnfinishedOnes) {
    engine_config config;
    config.workflows_max = 1;
    engine_fixture f(config);
    ASSERT_TRUE(f.core().push_workflow(chain_of(1), std::nullopt, f.clock.now));
    const auto refused = f.core().push_workflow(chain_of(1), std::nullopt, f.clock.now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::overloaded);
    f.settle();
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_TRUE(f.core().push_workflow(chain_of(1), std::nullopt, f.clock.now));
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

TEST(WorkflowGraph, OfTenThousandJobsIsReleasedFromOneAndCancelledAsAWhole) {
    engine_fixture f(nothing_kept());
    auto made = group_of(10'000);
    made.type = workflow_type::dag;
    for (std::size_t i = 1; i < made.nodes.size(); ++i) made.nodes[i].depends_on = {{0}};
    const auto w = f.core().push_workflow(std::move(made), std::nullopt, f.clock.now);
    f.settle();
    ASSERT_TRUE(f.ack(f.fetch_one("q"), "1"));
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 9'999U);
    EXPECT_EQ(f.fetch_one("q").parent_results, "[1]");
    ASSERT_TRUE(f.core().cancel_workflow(w->id, f.clock.now));
    f.settle();
    EXPECT_EQ(f.disk->image().live.size(), 1U) << "the one that runs";
}

}  // namespace
}  // namespace sluice::test
