#include "server/queue/local_backend_impl.hpp"

#include <stdexcept>

namespace sluice {
namespace {

error no_such_workflow(const uuid& id) {
    const auto text = to_string(id);
    return {errc::not_found, "Workflow '" + text + "' not found.",
            "\"resource_type\":\"workflow\",\"resource_id\":\"" + text + "\""};
}

}  // namespace

/// The workflow as it is in memory, or at rest. Errors: not_found, store_failed.
asio::awaitable<result<workflow_record>> local_backend::read_workflow(uuid id) {
    const bool usable = co_await past_reset();
    if (!usable) co_return failure();
    auto known = engine_.workflow(id);
    if (known) co_return known;
    // One that has gone to rest was committed before.
    auto read = [this, &id] { return store_->find_workflow_blocking(id); };
    auto found = co_await read_store(read);
    if (!found) co_return failure();
    if (!*found) co_return no_such_workflow(id);
    co_return std::move(**found);
}

asio::awaitable<result<workflow_view>> local_backend::workflow(uuid id) {
    if (failed_) co_return failure();
    auto found = co_await read_workflow(id);
    std::vector<std::size_t> active;
    if (found) active = engine_.active_nodes(*found);
    // What is told of a workflow in memory must not be lost again.
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    if (!found) co_return found.error();
    co_return view_of(*found, active);
}

asio::awaitable<result<workflow_answer>> local_backend::push_workflow(workflow_request request) {
    if (failed_) co_return failure();
    const auto begun = std::chrono::steady_clock::now();
    workflow_answer made;
    if (request.key) {
        auto known = co_await find_replay(*request.key);
        if (!known) co_return known.error();
        if (!known->empty()) {
            auto first = co_await workflow(known->front());
            if (!first) co_return first.error();
            made.workflow = std::move(*first);
            made.replayed = true;
            co_return made;
        }
    }
    if (request.check) {
        if (auto refused = request.check(request.definition)) co_return *std::move(refused);
    }
    const auto jobs = request.definition.nodes.size();
    auto stored =
        engine_.push_workflow(std::move(request.definition), std::move(request.key), now());
    const auto batch = engine_.gate();
    after_command();
    if (!stored) {
        if (stored.error().code == errc::disk_low) recheck_disk();
        co_return stored.error();
    }
    const bool ok = co_await durable(batch);
    if (!ok) co_return failure();
    pushed_ += jobs;
    made.commit = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begun);
    const std::vector<std::size_t> none_runs;
    made.workflow = view_of(*stored, none_runs);
    co_return made;
}

asio::awaitable<result<workflow_view>> local_backend::cancel_workflow(uuid id) {
    if (failed_) co_return failure();
    auto found = co_await read_workflow(id);
    if (!found) co_return found.error();
    auto cancelled = engine_.cancel_workflow(id, now());
    std::vector<std::size_t> active;
    if (cancelled) active = engine_.active_nodes(*cancelled);
    const auto batch = engine_.gate();
    after_command();
    const bool ok = co_await durable(batch);
    if (!ok) co_return failure();
    if (!cancelled && cancelled.error().code == errc::not_found) co_return not_cancellable(*found);
    if (!cancelled) co_return cancelled.error();
    engine_.evict_idle(now());
    co_return view_of(*cancelled, active);
}

asio::awaitable<result<workflow_page>> local_backend::workflows(workflow_query query) {
    if (failed_) co_return failure();
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    // Their jobs may be many; what is not shown does not leave the reader's thread.
    auto read = [this, &query] {
        workflow_page page;
        const auto records = store_->list_workflows_blocking(query);
        for (const auto& record : records) {
            auto& view = page.workflows.emplace_back(view_of(record, {}));
            view.nodes = {};
            view.callbacks = {};
        }
        if (records.size() == query.limit && !records.empty())
            page.next_before_seq = records.back().seq;
        return page;
    };
    auto page = co_await read_store(read);
    const bool seen = co_await durable(engine_.gate());  // see list()
    if (!page || !seen) co_return failure();
    co_return std::move(*page);
}

}  // namespace sluice
