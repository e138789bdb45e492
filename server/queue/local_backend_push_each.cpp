#include "server/queue/local_backend_impl.hpp"
#include "server/rules/unique.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

/// Stores one job, which comes after others of the same request, in the open batch.
result<pushed_job> local_backend::store_one(job_spec spec, const push_each_request& request,
                                            durability_class& asked) {
    const bool known = spec.client_id && engine_.resident(spec.id);
    if (request.check && !known)
        if (auto refused = request.check(spec)) return *std::move(refused);
    push_request single;
    single.jobs.push_back(std::move(spec));
    single.may_touch = request.may_touch;
    auto stored = engine_.push(std::move(single), now());
    if (!stored) return stored.error();
    asked = std::max(asked, stored->asked);
    const auto& job = stored->jobs.front();
    return pushed_job{job.spec->id, job.state, !stored->deduplicated.empty(),
                      durability_class::memory};
}

/// Whether the job has to wait for others: of a queue that is full, or with a line before it.
bool local_backend::has_to_wait(const job_spec& spec) const {
    if (spec.client_id && engine_.resident(spec.id)) return false;  // it is there already
    return engine_.may_wait(spec.queue, 1, true) &&
           (engine_.room(spec.queue) == 0 || room_line_.crowded(spec.queue));
}

/// Most of a batch is on its way to the disk already; the rest of a large one waits its turn.
asio::awaitable<bool> local_backend::until_less_waits() {
    while (!failed_ && engine_.overloaded()) {
        const auto batch = engine_.gate();
        after_command();
        const bool ok = co_await durable(batch);
        if (!ok) co_return false;
    }
    co_return !failed_;
}

asio::awaitable<result<push_each_answer>> local_backend::push_each(push_each_request request) {
    if (failed_) co_return failure();
    auto& jobs = request.jobs;
    std::vector<std::optional<error>> wrong;
    for (auto& spec : jobs) {
        wrong.push_back(rules::set_unique_key(spec));
        if (wrong.back()) spec.unique.reset();
    }
    auto found = co_await load_known(jobs);
    if (!found) co_return found.error();
    const auto load = *found;
    push_each_answer made;
    std::vector<std::uint64_t> batches;  // of each answer
    auto asked = durability_class::memory;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (wrong[i]) {
            made.jobs.emplace_back(*std::move(wrong[i]));
            batches.push_back(0);
            continue;
        }
        if (engine_.overloaded()) {
            const bool ok = co_await until_less_waits();
            if (!ok) co_return failure();
        }
        if (has_to_wait(jobs[i])) {  // after the wait: others may have filled the queue meanwhile
            made.left.assign(std::make_move_iterator(jobs.begin() + static_cast<std::ptrdiff_t>(i)),
                             std::make_move_iterator(jobs.end()));
            break;
        }
        made.jobs.push_back(store_one(std::move(jobs[i]), request, asked));
        batches.push_back(engine_.gate());
        const auto& last = made.jobs.back();
        if (!last && last.error().code == errc::duplicate)
            asked = std::max(asked, durability_class::written);
        if (!last && last.error().code == errc::disk_low) recheck_disk();
    }
    if (load) engine_.end_load(*load);
    const auto batch = engine_.gate();
    after_command();
    if (request.accepted) request.accepted(std::exchange(made.left, {}));
    const auto begun = std::chrono::steady_clock::now();
    if (asked != durability_class::memory || engine_.crowded()) {
        const bool ok = co_await durable(batch);
        if (!ok) co_return failure();
    }
    made.commit = since(begun);
    for (std::size_t i = 0; i < made.jobs.size(); ++i) {
        auto& job = made.jobs[i];
        if (!job) continue;
        job->durability = engine_.reached(batches[i]);
        if (!job->deduplicated) ++pushed_;
    }
    engine_.evict_idle(now());
    co_return made;
}

}  // namespace sluice
