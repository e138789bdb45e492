#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

workflow_request chain_of(int steps) {
    workflow_request request;
    request.definition.type = workflow_type::chain;
    for (int i = 0; i < steps; ++i) {
        auto& node = request.definition.nodes.emplace_back();
        node.ref = std::to_string(i);
        node.spec = contract_job("q");
        node.spec.args = "[" + std::to_string(i) + "]";
        if (i > 0) node.depends_on.push_back({static_cast<std::uint32_t>(i - 1)});
    }
    return request;
}

workflow_request batch_of(int jobs) {
    auto request = chain_of(jobs);
    request.definition.type = workflow_type::batch;
    for (auto& node : request.definition.nodes) node.depends_on.clear();
    request.definition.callbacks.on_complete = contract_job("complete");
    request.definition.callbacks.on_success = contract_job("success");
    return request;
}

/// The job of `queue`, which may take a read of the store to become available.
asio::awaitable<job_record> next_of(backend_contract& t, std::string_view queue) {
    auto wanted = contract_fetch(std::string(queue), 5s);
    const auto jobs = co_await t.fetch(wanted);
    EXPECT_EQ(jobs.size(), 1U);
    co_return jobs.empty() ? job_record{} : jobs.front();
}

asio::awaitable<void> complete(backend_contract& t, std::string_view queue,
                               std::string_view result) {
    const auto held = co_await next_of(t, queue);
    auto answer = backend_contract::ack_of(held);
    answer.result = result;
    const auto acked = co_await t.queue().ack(answer);
    EXPECT_TRUE(acked);
}

CONTRACT(AChainGoesOnWithTheResultsOfItsSteps) {
    auto request = chain_of(3);
    const auto made = co_await t.queue().push_workflow(request);
    EXPECT_TRUE(made && made->workflow.state == workflow_state::running);
    co_await complete(t, "q", "1");
    co_await t.reopen();
    co_await complete(t, "q", "{\"b\": 2}");
    const auto last = co_await next_of(t, "q");
    EXPECT_EQ(last.parent_results, "[1,{\"b\": 2}]");
    EXPECT_EQ(last.spec->workflow, made->workflow.id);
    EXPECT_EQ(last.spec->id, made->workflow.nodes.at(2).job_id);
    auto answer = backend_contract::ack_of(last);
    const auto acked = co_await t.queue().ack(answer);
    EXPECT_TRUE(acked);
    for (int i = 0; i < 2; ++i) {
        const auto seen = co_await t.queue().workflow(made->workflow.id);
        EXPECT_TRUE(seen && seen->state == workflow_state::completed && seen->completed == 3);
        EXPECT_TRUE(seen->ended_at);
        co_await t.reopen();
    }
}

CONTRACT(ABatchIsCalledBackOnce) {
    auto request = batch_of(2);
    const auto made = co_await t.queue().push_workflow(request);
    EXPECT_TRUE(made);
    co_await complete(t, "q", "1");
    co_await complete(t, "q", "2");
    co_await complete(t, "success", "");
    co_await t.reopen();
    co_await complete(t, "complete", "");
    const auto seen = co_await t.queue().workflow(made->workflow.id);
    EXPECT_TRUE(seen && seen->state == workflow_state::completed);
    for (const auto* queue : {"q", "complete", "success"}) {
        const auto wanted = contract_fetch(queue);
        const auto more = co_await t.fetch(wanted);
        EXPECT_TRUE(more.empty()) << queue;
    }
}

CONTRACT(AWorkflowThatIsCancelledHandsOutNothingAnyMore) {
    auto request = chain_of(3);
    const auto made = co_await t.queue().push_workflow(request);
    const auto cancelled = co_await t.queue().cancel_workflow(made->workflow.id);
    EXPECT_TRUE(cancelled && cancelled->state == workflow_state::cancelled);
    const auto wanted = contract_fetch("q");
    const auto none = co_await t.fetch(wanted);
    EXPECT_TRUE(none.empty());
    co_await t.reopen();
    const auto still_none = co_await t.fetch(wanted);
    EXPECT_TRUE(still_none.empty());
    const auto again = co_await t.queue().cancel_workflow(made->workflow.id);
    EXPECT_EQ(code_of(again), errc::conflict);
    const auto job = co_await t.info(made->workflow.nodes.at(2).job_id);
    EXPECT_EQ(job.state, job_state::cancelled);
}

CONTRACT(AWorkflowNobodyMadeIsNotFound) {
    const auto seen = co_await t.queue().workflow(make_uuid(timestamp{} + 400'000h, 7, 7));
    EXPECT_EQ(code_of(seen), errc::not_found);
    const auto gone = co_await t.queue().cancel_workflow(make_uuid(timestamp{} + 400'000h, 7, 7));
    EXPECT_EQ(code_of(gone), errc::not_found);
    // Its number is that of a job.
    const auto spec = contract_job("q");
    const auto job = co_await t.push(spec);
    const auto other = co_await t.queue().workflow(job.spec->id);
    EXPECT_EQ(code_of(other), errc::not_found);
}

CONTRACT(WorkflowsAreListedNewestFirstAndByState) {
    auto request = chain_of(1);
    std::vector<uuid> ids;
    for (int i = 0; i < 3; ++i) {
        const auto made = co_await t.queue().push_workflow(request);
        ids.push_back(made->workflow.id);
    }
    co_await complete(t, "q", "1");
    workflow_query query;
    query.limit = 2;
    const auto page = co_await t.queue().workflows(query);
    EXPECT_TRUE(page && page->workflows.size() == 2 && page->next_before_seq);
    EXPECT_EQ(page->workflows.at(0).id, ids[2]);
    query.before_seq = page->next_before_seq;
    const auto rest = co_await t.queue().workflows(query);
    EXPECT_TRUE(rest && rest->workflows.size() == 1 && !rest->next_before_seq);
    EXPECT_EQ(rest->workflows.at(0).id, ids[0]);
    workflow_query done;
    done.state = workflow_state::completed;
    const auto ended = co_await t.queue().workflows(done);
    EXPECT_TRUE(ended && ended->workflows.size() == 1 && ended->workflows[0].id == ids[0]);
}

CONTRACT(AnIdempotencyKeyMakesOneWorkflow) {
    auto request = chain_of(2);
    request.key = idempotency_key{"w", {}};
    const auto first = co_await t.queue().push_workflow(request);
    EXPECT_TRUE(first && !first->replayed);
    for (int i = 0; i < 2; ++i) {
        const auto again = co_await t.queue().push_workflow(request);
        EXPECT_TRUE(again && again->replayed && again->workflow.id == first->workflow.id);
        co_await t.reopen();
    }
    request.key->body_hash[0] = 1;
    const auto other = co_await t.queue().push_workflow(request);
    EXPECT_EQ(code_of(other), errc::key_reused);
}

CONTRACT(AResetForgetsWorkflows) {
    auto request = chain_of(2);
    const auto made = co_await t.queue().push_workflow(request);
    const auto reset = co_await t.queue().reset();
    EXPECT_TRUE(reset);
    const auto seen = co_await t.queue().workflow(made->workflow.id);
    EXPECT_EQ(code_of(seen), errc::not_found);
    const auto wanted = contract_fetch("q");
    const auto none = co_await t.fetch(wanted);
    EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace sluice::test
