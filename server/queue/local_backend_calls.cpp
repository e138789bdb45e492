#include "server/queue/local_backend_impl.hpp"

#include <algorithm>

namespace sluice {
// -- one job -------------------------------------------------------------------------------------

asio::awaitable<result<job_record>> local_backend::info(uuid id) {
    if (failed_) co_return failure();
    const bool ok = co_await load(id);
    if (!ok) co_return failure();
    auto job = engine_.info(id);
    const bool settled = co_await durable(engine_.gate(id));
    if (!settled) co_return failure();
    if (!job) co_return missing(id);
    if (auto fresh = engine_.info(id); fresh && engine_.gate(id) == 0) job = std::move(fresh);
    engine_.evict_idle(now());
    co_return job;
}

asio::awaitable<result<job_record>> local_backend::wait(uuid id, std::chrono::milliseconds wait,
                                                        std::stop_token stop) {
    const auto deadline = std::chrono::steady_clock::now() + wait;
    for (;;) {
        auto job = co_await info(id);
        if (!job || is_terminal(job->state)) co_return job;
        if (stop.stop_requested() || engine_.draining() || failed_) co_return job;
        auto& slot = job_waits_[id];
        if (!slot) slot = std::make_shared<notifier>(executor_);
        const auto waiters = slot;
        auto wake = [this, waiters] {
            asio::post(executor_, [waiters] { waiters->notify_all(); });
        };
        const std::stop_callback on_stop(stop, wake);
        const auto reason = co_await waiters->wait_until(deadline);
        const auto kept = job_waits_.find(id);
        if (kept != job_waits_.end() && kept->second == waiters && !waiters->has_waiters())
            job_waits_.erase(kept);
        if (reason == wake_reason::timed_out) {
            auto last = co_await info(id);
            co_return last;
        }
    }
}

asio::awaitable<result<change_answer>> local_backend::cancel(uuid id) {
    return cancel_if(id, std::nullopt);
}

asio::awaitable<result<change_answer>> local_backend::cancel_in(uuid id, job_state state) {
    return cancel_if(id, state);
}

asio::awaitable<result<change_answer>> local_backend::cancel_if(uuid id,
                                                                std::optional<job_state> only) {
    if (failed_) co_return failure();
    const bool ok = co_await load(id);
    if (!ok) co_return failure();
    auto answer = engine_.cancel(id, now(), only);
    if (!answer && answer.error().code == errc::not_found) answer = missing(id);
    auto settled = co_await settle(std::move(answer), id);
    co_return settled;
}

asio::awaitable<result<job_explanation>> local_backend::explain(uuid id, queue_filter may_see) {
    if (failed_) co_return failure();
    const bool ok = co_await load(id);
    if (!ok) co_return failure();
    auto made = engine_.explain(id, now(), may_see);
    auto settled = co_await settle_all(std::move(made));
    if (!settled && settled.error().code == errc::not_found) co_return missing(id);
    co_return settled;
}

asio::awaitable<result<change_answer>> local_backend::activate(uuid id) {
    if (failed_) co_return failure();
    const bool ok = co_await load(id);
    if (!ok) co_return failure();
    auto answer = engine_.activate(id, now());
    if (!answer && answer.error().code == errc::not_found) answer = missing(id);
    auto settled = co_await settle(std::move(answer), id);
    co_return settled;
}

asio::awaitable<result<job_record>> local_backend::retry_dead_letter(uuid id) {
    if (failed_) co_return failure();
    const bool ok = co_await load(id);
    if (!ok) co_return failure();
    auto job = engine_.retry_dead_letter(id, now());
    const auto batch = engine_.gate(id);
    after_command();
    const bool settled = co_await durable(batch);
    if (!settled) co_return failure();
    engine_.evict_idle(now());
    if (!job) co_return missing(id);
    co_return job;
}

asio::awaitable<result<void>> local_backend::delete_dead_letter(uuid id) {
    return remove(id, &engine::delete_dead_letter);
}

asio::awaitable<result<void>> local_backend::delete_job(uuid id) {
    return remove(id, &engine::delete_job);
}

asio::awaitable<result<void>> local_backend::remove(uuid id, removal how) {
    if (failed_) co_return failure();
    const bool ok = co_await load(id);
    if (!ok) co_return failure();
    auto gone = (engine_.*how)(id, now());
    const auto batch = engine_.gate(id);
    after_command();
    const bool settled = co_await durable(batch);
    if (!settled) co_return failure();
    engine_.evict_idle(now());
    if (!gone && gone.error().code == errc::not_found) co_return missing(id);
    co_return gone;
}

// -- workers -------------------------------------------------------------------------------------

asio::awaitable<result<std::vector<job_record>>> local_backend::fetch(fetch_request request,
                                                                      std::stop_token stop) {
    if (failed_) co_return failure();
    auto outcome = engine_.fetch(request, now());
    auto jobs = co_await await_grant(std::move(outcome), std::move(stop));
    co_return jobs;
}

asio::awaitable<result<change_answer>> local_backend::report_progress(progress_request request) {
    if (failed_) co_return failure();
    const bool ok = co_await load(request.job_id);
    if (!ok) co_return failure();
    auto answer = engine_.report_progress(request, now());
    if (!answer && answer.error().code == errc::not_found) answer = missing(request.job_id);
    const bool changed = answer.has_value();
    auto settled = co_await settle(std::move(answer), request.job_id);
    if (changed) wake(watchers_, request.job_id);
    co_return settled;
}

asio::awaitable<result<change_answer>> local_backend::delegate(delegate_request request) {
    if (failed_) co_return failure();
    const bool ok = co_await load(request.job_id);
    if (!ok) co_return failure();
    auto answer = engine_.delegate(request, now());
    if (!answer && answer.error().code == errc::not_found) answer = missing(request.job_id);
    auto settled = co_await settle(std::move(answer), request.job_id);
    co_return settled;
}

void local_backend::run_returned(const lease_token& lease) {
    if (failed_) return;
    if (engine_.run_returned(lease, now())) after_command();
}

asio::awaitable<result<heartbeat_answer>> local_backend::heartbeat(heartbeat_request request) {
    if (failed_) co_return failure();
    ids named;
    for (const auto& beat : request.jobs) named.push_back(beat.job_id);
    const bool ok = co_await make_resident(std::move(named));
    if (!ok) co_return failure();
    auto answer = engine_.heartbeat(request, now());
    const auto batch = engine_.gate();
    after_command();
    const bool settled = co_await durable(batch);
    if (!settled) co_return failure();
    engine_.evict_idle(now());
    co_return answer;
}

// -- events and reset -----------------------------------------------------------------------------

asio::awaitable<result<event_page>> local_backend::events(event_query query, std::stop_token stop) {
    const auto deadline = std::chrono::steady_clock::now() + query.wait;
    auto wake = [this, self = self_] {
        asio::post(executor_, [this, self] {
            if (*self) new_events_.notify_all();
        });
    };
    const std::stop_callback on_stop(stop, wake);
    for (;;) {
        if (failed_) co_return failure();
        auto page = engine_.events().query(query);
        const bool enough =
            !page.events.empty() || page.gap || !query.after || query.wait.count() == 0;
        if (enough || stop.stop_requested() || engine_.draining()) co_return page;
        if (std::chrono::steady_clock::now() >= deadline) co_return page;
        query.after = page.last_id;
        co_await new_events_.wait_until(deadline);
    }
}

asio::awaitable<result<void>> local_backend::reset() {
    if (failed_) co_return failure();
    engine_.reset(now());
    for (const auto& [id, waiters] : job_waits_) waiters->notify_all();
    wake_all_followers();
    room_line_.wake_all();
    const auto batch = engine_.gate();
    after_command();
    const bool ok = co_await durable(batch);
    if (!ok) co_return failure();
    co_return result<void>{};
}

}  // namespace sluice
