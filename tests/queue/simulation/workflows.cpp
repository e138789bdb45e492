#include "tests/queue/simulation/world.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace sluice::test {

bool world::is_of_workflow(const job_spec& spec) {
    return spec.workflow.has_value();
}

workflow_definition world::random_workflow() {
    workflow_definition made;
    made.type = any(std::vector{workflow_type::chain, workflow_type::group, workflow_type::batch,
                                workflow_type::dag});
    const auto job = [this] {
        auto spec = make_spec(one_in(2) ? "a" : "b");
        spec.type = one_in(2) ? "x" : "y";
        spec.args = R"(["of a workflow"])";
        spec.retry.max_attempts = static_cast<std::uint32_t>(1 + below(2));
        spec.retry.initial_interval = up_to(50);
        if (one_in(8)) spec.scheduled_at = clock_.now.wall + up_to(100);
        if (one_in(8)) spec.expires_at = clock_.now.wall + up_to(500);
        return spec;
    };
    const auto jobs = static_cast<std::uint32_t>(1 + below(5));
    for (std::uint32_t i = 0; i < jobs; ++i) {
        auto& node = made.nodes.emplace_back();
        node.ref = std::to_string(i);
        node.spec = job();
        if (made.type == workflow_type::chain && i > 0) node.depends_on.push_back({i - 1});
        for (std::uint32_t parent = 0; made.type == workflow_type::dag && parent < i; ++parent)
            if (one_in(2))
                node.depends_on.push_back(
                    {parent, any(std::vector{failed_parent_policy::fail, failed_parent_policy::skip,
                                             failed_parent_policy::run})});
    }
    if (made.type == workflow_type::batch || (made.type == workflow_type::dag && one_in(2))) {
        made.callbacks.on_complete = job();
        if (one_in(2)) made.callbacks.on_success = job();
        if (one_in(2)) made.callbacks.on_failure = job();
    }
    return made;
}

void world::workflow_step() {
    if (one_in(5) && !known_workflows_.empty()) {
        engine_->cancel_workflow(any(known_workflows_), clock_.now);
        return;
    }
    const auto made = engine_->push_workflow(random_workflow(), std::nullopt, clock_.now);
    if (!made) return;
    hold(engine_->gate(), [this, id = made->id] { known_workflows_.push_back(id); });
}

/// New ones are stored in time; how far they are comes a batch too late.
void world::delay_workflows(journal_batch& batch) {
    std::swap(batch.workflows, late_workflows_);
    const auto fresh = std::stable_partition(late_workflows_.begin(), late_workflows_.end(),
                                             [](const auto& write) { return !write.fresh; });
    std::move(fresh, late_workflows_.end(), std::back_inserter(batch.workflows));
    late_workflows_.erase(fresh, late_workflows_.end());
}

/// What is on disk of a workflow and of its jobs is of one moment, whenever the power goes.
void world::look_at_workflows(bool at_rest) {
    const auto image = disk_->image();
    const auto wrong = [this](const std::string& what) {
        seen_.miscounts.push_back("C16 workflow: " + what);
    };
    std::set<uuid> there;
    for (const auto& [seq, record] : image.workflows) {
        there.insert(record.id);
        const auto progress =
            rules::workflow_progress::restore(record.plan, record.nodes, record.state);
        std::size_t unfinished = 0;
        for (std::size_t i = 0; i < record.jobs; ++i) {
            const auto job = seq + 1 + static_cast<std::int64_t>(i);
            const auto live = image.live.find(job);
            const auto ended = image.history.find(job);
            if (live != image.live.end()) ++unfinished;
            const auto node = progress.node(i);
            const bool completed =
                ended != image.history.end() && ended->second.record->state == job_state::completed;
            if (completed != (node == rules::node_state::completed))
                wrong("a job and its workflow tell different stories of its end");
            const bool runs =
                live != image.live.end() && live->second.record->state != job_state::pending;
            if (runs && node == rules::node_state::waiting) wrong("a job did not wait its turn");
        }
        if (unfinished != record.unfinished) wrong("its unfinished jobs are miscounted");
        if (at_rest && (unfinished > 0 || record.state == workflow_state::running))
            wrong("it never ended");
    }
    for (const auto& id : known_workflows_)
        if (at_rest && !there.contains(id)) wrong("one that was stored is gone");
}

}  // namespace sluice::test
