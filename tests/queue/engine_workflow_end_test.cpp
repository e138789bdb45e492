#include "tests/queue/workflow_fixture.hpp"

namespace sluice::test {
namespace {

class WorkflowEnd : public workflow_fixture {};

INSTANTIATE_TEST_SUITE_P(Jobs, WorkflowEnd, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(WorkflowEnd, ADeadLetterThatIsSentBackLetsThoseGoThatWait) {
    const auto w = push(second_waits());
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

TEST_P(WorkflowEnd, ADeadLetterThatIsDeletedKeepsNobodyWaiting) {
    const auto w = push(second_waits());
    const auto held = f.fetch_one("q");
    fail(held);
    EXPECT_EQ(state(w), workflow_state::running);
    ASSERT_TRUE(f.delete_dead_letter(held.spec->id));
    EXPECT_EQ(state(w), workflow_state::failed);
    EXPECT_EQ(f.job(view(w).nodes[1].job_id).state, job_state::cancelled);
}

TEST_P(WorkflowEnd, NobodyWaitsForAJobThatIsNoDeadLetter) {
    auto made = chain_of(2);
    made.type = workflow_type::dag;
    made.nodes[1].depends_on = {{0, failed_parent_policy::wait}};
    const auto w = push(made);
    fail(f.fetch_one("q"));
    EXPECT_EQ(state(w), workflow_state::failed);
}

TEST_P(WorkflowEnd, CancelledLetsRunWhatRunsAndNothingElse) {
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

TEST_P(WorkflowEnd, AJobThatRanWhenItWasCancelledDoesNotRunAgain) {
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

TEST_P(WorkflowEnd, ADeadLetterThatIsSentBackAfterTheCancelRuns) {
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

TEST_P(WorkflowEnd, AJobOfItThatIsCancelledByHandHasFailed) {
    const auto w = push(chain_of(3));
    ASSERT_TRUE(f.cancel(view(w).nodes[1].job_id));
    EXPECT_EQ(state(w), workflow_state::running);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_TRUE(nothing_in("q"));
    EXPECT_EQ(state(w), workflow_state::failed);
}

TEST_P(WorkflowEnd, AJobOfItExpiresLikeAnyOther) {
    auto made = chain_of(2);
    made.nodes[1].spec.expires_at = f.clock.now.wall + 1min;
    const auto w = push(made);
    f.pass(2min);
    ASSERT_TRUE(f.ack(f.fetch_one("q")));
    EXPECT_EQ(state(w), workflow_state::failed);
}

TEST_P(WorkflowEnd, ItsJobsCannotBeActivatedOutOfTurn) {
    const auto w = push(chain_of(2));
    const auto refused = f.activate(view(w).nodes[1].job_id);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::conflict);
    EXPECT_EQ(f.job(view(w).nodes[1].job_id).state, job_state::pending);
}

TEST_P(WorkflowEnd, GoesOnAfterACrashAtAnyPoint) {
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

TEST_P(WorkflowEnd, ACancelThatACrashInterruptsIsFinishedAfterIt) {
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

TEST_P(WorkflowEnd, LetsGoOfOneWhoseJobsHaveAllEnded) {
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
