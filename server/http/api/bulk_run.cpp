#include "server/http/api/bulk_run.hpp"

#include "server/http/api/answers.hpp"
#include "server/runtime/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace sluice::http {
namespace {

/// Jobs that are changed side by side.
constexpr std::size_t page_jobs = 100;
/// Looks into the store in one request: a filter may leave out nearly all there is.
constexpr std::size_t pages_max = 100;
constexpr std::size_t failures_told_max = 20;

bool applies(bulk_action action, const job_record& job) {
    switch (action) {
        case bulk_action::retry:
            return job.dead_letter;
        case bulk_action::cancel:
            return !is_terminal(job.state);
        case bulk_action::remove:
            break;
    }
    return is_terminal(job.state);
}

}  // namespace

std::string_view to_string(bulk_action action) {
    switch (action) {
        case bulk_action::retry:
            return "retry";
        case bulk_action::cancel:
            return "cancel";
        case bulk_action::remove:
            break;
    }
    return "delete";
}

bulk_run::bulk_run(services_ptr services, request r, bulk_action action, bulk_request asked)
    : services_(std::move(services)), r_(std::move(r)), action_(action), asked_(std::move(asked)) {}

asio::awaitable<result<bulk_outcome>> bulk_run::run() {
    auto running = asked_.filter.ids.empty() ? run_pages() : run_ids();
    auto problem = co_await std::move(running);
    if (problem) co_return std::move(*problem);
    co_return std::move(outcome_);
}

/// Without a state the filter means the jobs that the action is for; to be deleted, dead letters.
job_query bulk_run::first_query() const {
    const auto& filter = asked_.filter;
    job_query query;
    query.queue = filter.queue;
    if (!filter.type.ends_with('*')) query.type = filter.type;
    query.state = filter.state;
    query.dead_letter = filter.dead_letter.value_or(false);
    if (!filter.state && !filter.dead_letter) {
        query.dead_letter = action_ != bulk_action::cancel;
        query.unfinished = action_ == bulk_action::cancel;
    }
    query.limit = page_jobs;
    query.before_seq = asked_.before_seq;
    return query;
}

asio::awaitable<std::optional<error>> bulk_run::run_pages() {
    job_query query = first_query();
    for (std::size_t pages = 0; pages < pages_max && !r_.stop.stop_requested(); ++pages) {
        auto page = co_await services_->queue->list(query);
        if (!page) co_return page.error();
        std::vector<uuid> chosen;
        bool full = false;
        for (const auto& job : page->jobs) {
            full = !choose(job, chosen);
            if (full) break;
            query.before_seq = job.seq;
        }
        auto problem = co_await change_all(std::move(chosen));
        if (problem) co_return problem;
        if (full) break;
        if (!page->next_before_seq) co_return std::nullopt;
        query.before_seq = page->next_before_seq;
    }
    outcome_.more = true;
    outcome_.next_cursor = query.before_seq;
    co_return std::nullopt;
}

asio::awaitable<std::optional<error>> bulk_run::run_ids() {
    // Named twice it would be refused the second time.
    auto& ids = asked_.filter.ids;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    std::vector<uuid> chosen;
    for (const auto& id : ids) {
        if (r_.stop.stop_requested()) outcome_.more = true;
        if (outcome_.more) break;
        auto job = co_await services_->queue->info(id);
        if (!job && job.error().code != errc::not_found) co_return job.error();
        if (!job || !queue_allowed(r_, job->spec->queue)) {
            note_failure(id, not_found("job", to_string(id)));
            continue;
        }
        outcome_.more = !choose(*job, chosen);
        if (chosen.size() < page_jobs) continue;
        auto problem = co_await change_all(std::exchange(chosen, {}));
        if (problem) co_return problem;
    }
    auto problem = co_await change_all(std::move(chosen));
    co_return problem;
}

/// Counts a job, and adds it to those to be changed if it is one. False: that would be one too
/// many.
bool bulk_run::choose(const job_record& job, std::vector<uuid>& chosen) {
    if (!fits(asked_.filter, job) || !queue_allowed(r_, job.spec->queue)) return true;
    const bool applicable = applies(action_, job);
    if (applicable && chosen_ == asked_.limit) return false;
    ++outcome_.matched;
    if (!applicable) {
        ++outcome_.skipped;
        return true;
    }
    ++chosen_;
    if (!asked_.dry_run) chosen.push_back(job.spec->id);
    return true;
}

asio::awaitable<std::optional<error>> bulk_run::change_all(std::vector<uuid> chosen) {
    if (chosen.empty()) co_return std::nullopt;
    const auto executor = co_await asio::this_coro::executor;
    task_group tasks(executor, [this](std::exception_ptr fault) { fault_ = std::move(fault); });
    for (const auto& id : chosen) tasks.spawn(change(id));
    co_await tasks.join();
    if (fault_) std::rethrow_exception(fault_);
    co_return store_failure_;
}

asio::awaitable<void> bulk_run::change(uuid id) {
    auto refused = co_await try_change(id);
    const bool left_state = asked_.filter.state && action_ == bulk_action::cancel && refused &&
                            refused->code == errc::conflict;
    if (left_state) {
        ++outcome_.skipped;
    } else if (refused) {
        note_failure(id, named(std::move(*refused), "job", to_string(id)));
    } else {
        ++outcome_.succeeded;
    }
}

asio::awaitable<std::optional<error>> bulk_run::try_change(uuid id) {
    if (action_ == bulk_action::cancel) {
        // One that has been started meanwhile is none of those that were meant.
        const auto& only = asked_.filter.state;
        auto cancelling =
            only ? services_->queue->cancel_in(id, *only) : services_->queue->cancel(id);
        auto cancelled = co_await std::move(cancelling);
        if (!cancelled) co_return cancelled.error();
    } else if (action_ == bulk_action::retry) {
        auto revived = co_await services_->queue->retry_dead_letter(id);
        if (!revived) co_return revived.error();
    } else {
        auto deleted = co_await services_->queue->delete_job(id);
        if (!deleted) co_return deleted.error();
    }
    co_return std::nullopt;
}

void bulk_run::note_failure(const uuid& id, error why) {
    if (why.code == errc::store_failed) store_failure_ = why;
    ++outcome_.failed;
    if (outcome_.failures.size() < failures_told_max)
        outcome_.failures.push_back({id, std::move(why)});
}

}  // namespace sluice::http
