#include "server/rules/workflow.hpp"
#include "server/store/sqlite/salvage.hpp"
#include "tests/store/store_fixture.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

rules::workflow_progress chain_of(std::size_t steps) {
    workflow_definition made;
    for (std::size_t i = 0; i < steps; ++i) {
        made.nodes.emplace_back();
        if (i > 0) made.nodes[i].depends_on.push_back({static_cast<std::uint32_t>(i - 1)});
    }
    return rules::workflow_progress(made);
}

/// A record with every member set, of two steps.
workflow_record full_workflow(std::int64_t seq = 5) {
    auto progress = chain_of(2);
    progress.start();
    workflow_record record;
    record.seq = seq;
    record.id = make_uuid(noon, seq, 9);
    record.type = workflow_type::chain;
    record.name = "nightly \"run\"";
    record.meta = R"({"a": 1})";
    record.jobs = 2;
    record.created_at = noon;
    record.plan = progress.plan();
    record.outline = R"([["0","a","q"],["1","b","q"]])";
    record.unfinished = 2;
    record.nodes = progress.nodes();
    return record;
}

class WorkflowStore : public StoreTest {
protected:
    void write(std::vector<workflow_write> workflows, std::vector<job_write> jobs = {}) {
        journal_batch batch;
        batch.number = ++batches;
        batch.workflows = std::move(workflows);
        batch.jobs = std::move(jobs);
        ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    }
    std::uint64_t batches = 1'000;
};

TEST_F(WorkflowStore, GivesBackEveryMember) {
    write({{full_workflow(), true, {}}});
    reopen();
    const auto all = restore(*store);
    EXPECT_EQ(all.workflows, std::vector{full_workflow()});
    EXPECT_GT(all.summary.next_seq, 5);
    EXPECT_EQ(store->find_workflow_blocking(full_workflow().id), full_workflow());
    EXPECT_FALSE(store->find_workflow_blocking(make_uuid(noon, 5, 8)));
    EXPECT_FALSE(store->find_workflow_blocking(make_uuid(noon, 6, 9)));
}

TEST_F(WorkflowStore, AStepChangesOnlyHowFarItIs) {
    write({{full_workflow(), true, {}}});
    workflow_write step;
    step.record.seq = 5;
    step.record.state = workflow_state::failed;
    step.record.ended_at = noon + 5s;
    step.record.nodes = "\x03\x05";
    step.purge_at = noon + 1h;
    write({step});
    auto expected = full_workflow();
    expected.state = workflow_state::failed;
    expected.unfinished = 0;
    expected.ended_at = noon + 5s;
    expected.nodes = "\x03\x05";
    reopen();
    EXPECT_EQ(store->find_workflow_blocking(expected.id), expected);
    EXPECT_TRUE(restore(*store).workflows.empty()) << "none of its jobs is left";
}

TEST_F(WorkflowStore, ListsNewestFirstAndByState) {
    for (const std::int64_t seq : {10, 20, 30}) write({{full_workflow(seq), true, {}}});
    workflow_write step;
    step.record = full_workflow(20);
    step.record.state = workflow_state::completed;
    write({step});
    workflow_query query;
    query.limit = 2;
    const auto page = store->list_workflows_blocking(query);
    ASSERT_EQ(page.size(), 2U);
    EXPECT_EQ(page[0].seq, 30);
    query.before_seq = page[1].seq;
    EXPECT_EQ(store->list_workflows_blocking(query).at(0).seq, 10);
    workflow_query running;
    running.state = workflow_state::running;
    EXPECT_EQ(store->list_workflows_blocking(running).size(), 2U);
}

TEST_F(WorkflowStore, DeletesWhatHasExpired) {
    write({{full_workflow(5), true, {}}, {full_workflow(15), true, noon + 1h}});
    EXPECT_EQ(store->purge_blocking(noon + 1h - 1us, 10).gone, 0U);
    EXPECT_EQ(store->purge_blocking(noon + 1h, 10).gone, 1U);
    EXPECT_TRUE(store->find_workflow_blocking(full_workflow(5).id));
    EXPECT_FALSE(store->find_workflow_blocking(full_workflow(15).id));
}

TEST_F(WorkflowStore, TellsTheResultsOfJobsWhereverTheyAre) {
    auto live = make_job(6);
    live.result = "1";
    auto ended = make_job(7);
    ended.state = job_state::completed;
    ended.finished_at = noon;
    ended.result = "{\"x\":2}";
    ended.parent_results = "[1]";
    put(job_place::nowhere, job_place::live, live);
    put(job_place::nowhere, job_place::history, ended);
    const std::vector<std::int64_t> seqs{7, 6, 99};
    const auto results = store->load_results_blocking(seqs);
    ASSERT_EQ(results.size(), 3U);
    EXPECT_EQ(results[0].seq, 7);
    EXPECT_EQ(results[0].result, "{\"x\":2}");
    EXPECT_EQ(results[0].parent_results, "[1]");
    EXPECT_EQ(results[1].result, "1");
    EXPECT_EQ(results[2].seq, 99);
    EXPECT_EQ(results[2].result, "");
}

TEST_F(WorkflowStore, AResetEmptiesItToo) {
    write({{full_workflow(), true, {}}});
    journal_batch batch;
    batch.number = ++batches;
    batch.reset = true;
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    EXPECT_FALSE(store->find_workflow_blocking(full_workflow().id));
}

TEST_F(WorkflowStore, SalvageKeepsThemAndFailsWhatWasLost) {
    auto second = make_job(7);
    second.state = job_state::pending;
    auto nonsense = full_workflow(20);
    nonsense.plan = "?";
    auto foreign = full_workflow(30);
    foreign.id = full_workflow(31).id;
    // The first step of the one, job 6, is lost; the others make no sense.
    write({{full_workflow(5), true, {}}, {nonsense, true, {}}, {foreign, true, {}}},
          {{job_place::nowhere, job_place::live, second, {}}});
    store->close_blocking();
    store.reset();
    const auto rescued = config.directory / "rescued";
    const auto report = salvage_store(config.directory, rescued);
    EXPECT_EQ(report.workflows, 1U);
    EXPECT_EQ(report.problems.size(), 2U);
    config.directory = rescued;
    reopen();
    const auto all = restore(*store);
    ASSERT_EQ(all.workflows.size(), 1U);
    const auto& kept = all.workflows.front();
    EXPECT_EQ(kept.unfinished, 1U) << "job 7, which is to be cancelled";
    EXPECT_EQ(kept.state, workflow_state::failed);
    EXPECT_TRUE(kept.ended_at);
    const auto progress = rules::workflow_progress::restore(kept.plan, kept.nodes, kept.state);
    EXPECT_EQ(progress.node(0), rules::node_state::failed);
    EXPECT_EQ(progress.node(1), rules::node_state::cancelled);
}

}  // namespace
}  // namespace sluice::test
