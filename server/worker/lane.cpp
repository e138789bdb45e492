#include "server/worker/lane.hpp"

#include "proto/limits.hpp"
#include "server/runtime/nothrow_await.hpp"
#include "server/runtime/run_blocking.hpp"

#include <algorithm>
#include <cassert>
#include <exception>
#include <utility>
#include <variant>

namespace sluice::worker {

using namespace std::chrono_literals;

namespace {

/// How long the dispatcher rests after the backend failed, or had nothing although it was to wait:
/// it drains, and our own stop is about to come.
constexpr auto rest = 100ms;

/// How often a long run is compared with the state of its job. Only while something runs.
constexpr auto watch_period = 1s;

failed failure_of(std::exception_ptr fault) {
    failed how;
    how.failure.type = "sluice.exception";
    how.failure.code = "handler_error";
    try {
        std::rethrow_exception(std::move(fault));
    } catch (const std::exception& e) {
        how.failure.message = e.what();
    } catch (...) {
        how.failure.message = "the handler threw something that is no std::exception";
    }
    return how;
}

ack_request ack_of(const uuid& id, const lease_token& lease, completed how) {
    ack_request request;
    request.job_id = id;
    request.worker_id = in_server_worker_id;
    request.lease = lease;
    request.result = std::move(how.result);
    return request;
}

nack_request nack_of(const uuid& id, const lease_token& lease, outcome how) {
    nack_request request;
    request.job_id = id;
    request.worker_id = in_server_worker_id;
    request.lease = lease;
    if (auto* failure = std::get_if<failed>(&how)) {
        request.failure = std::move(failure->failure);
        request.retryable = failure->retryable;
        request.retry_after = failure->retry_after;
    } else if (auto* gone = std::get_if<discarded>(&how)) {
        request.failure = std::move(gone->failure);
        request.retryable = false;
        request.end = exhaustion::discard;
    } else if (auto* dead = std::get_if<dead_lettered>(&how)) {
        request.failure = std::move(dead->failure);
        request.retryable = false;
        request.end = exhaustion::dead_letter;
    } else if (const auto* later = std::get_if<snoozed>(&how)) {
        request.snooze = later->delay;
    } else {
        request.release = true;
    }
    return request;
}

/// A job that was cancelled or timed out meanwhile is no longer ours; that is not worth a warning.
void note_answer(logger& log, const uuid& id, const result<change_answer>& answer) {
    if (answer) return;
    const errc code = answer.error().code;
    const bool taken = code == errc::lease_lost || code == errc::conflict ||
                       code == errc::not_found || code == errc::already_finished;
    const std::string job = to_string(id);
    log.write(taken ? log_level::debug : log_level::error, "job outcome not accepted",
              {{"job", job}, {"code", to_string(code)}, {"reason", answer.error().message}});
}

task_group::fault_handler log_fault(logger& log) {
    return [&log](std::exception_ptr fault) {
        const failed how = failure_of(std::move(fault));
        log.error("worker coroutine ended by an exception", {{"reason", how.failure.message}});
    };
}

}  // namespace

lane::lane(asio::any_io_executor executor, backend& store, const handler_registry& handlers,
           asio::thread_pool& threads, std::string queue, std::size_t concurrency, logger& log)
    : store_(store),
      handlers_(handlers),
      threads_(threads),
      log_(log),
      queue_(std::move(queue)),
      concurrency_(concurrency),
      slots_(concurrency),
      room_(executor),
      work_begins_(executor),
      drain_begins_(executor),
      channel_(executor, concurrency),
      dispatcher_(executor, log_fault(log)),
      workers_(executor, log_fault(log)) {}

void lane::start() {
    for (run_slot& slot : slots_) workers_.spawn(work(slot));
    dispatcher_.spawn(dispatch());  // after the workers: all of them wait when it sends
    dispatcher_.spawn(watch());
}

fetch_request lane::next_request() const {
    fetch_request request;
    request.worker_id = in_server_worker_id;
    request.queues = {queue_};
    request.handled_only = true;
    request.count = std::min(concurrency_ - leased_, limits::fetch_count_max);
    request.wait = limits::wait_max;
    return request;
}

asio::awaitable<void> lane::dispatch() {
    using clock = std::chrono::steady_clock;
    while (!draining_) {
        if (leased_ == concurrency_) {
            co_await room_.wait();
            continue;
        }
        const auto asked = clock::now();
        auto fetching = store_.fetch(next_request(), fetching_.get_token());
        auto jobs = co_await std::move(fetching);
        if (!jobs) {
            log_.error("in-server workers cannot fetch", {{"reason", jobs.error().message}});
        } else {
            for (job_record& job : *jobs)
                send(std::make_shared<active_run>(std::move(job), store_));
        }
        const bool idle = !jobs || (jobs->empty() && clock::now() - asked < rest);
        if (idle && !draining_) co_await room_.wait_for(rest);
    }
}

void lane::send(message job) {
    if (job && leased_++ == 0) work_begins_.notify_all();
    [[maybe_unused]] const bool sent =
        channel_.try_send(boost::system::error_code{}, std::move(job));
    assert(sent);  // never more jobs, nor more end markers, than there are workers
}

/// Stops handlers whose job was cancelled, or ran out of its execution timeout, so that they do not
/// keep a worker busy. A job is looked at once it has run for a whole round.
asio::awaitable<void> lane::watch() {
    while (!draining_) {
        if (leased_ == 0) {
            co_await work_begins_.wait();
            continue;
        }
        co_await drain_begins_.wait_for(watch_period);
        for (run_slot& slot : slots_) {
            const message run = slot.run;
            if (!run || draining_) continue;
            if (!std::exchange(slot.seen, true)) continue;
            const bool ours = co_await run->still_ours();
            if (!ours) run->request_stop();
        }
    }
}

asio::awaitable<outcome> lane::run_handler(message run) {
    const registered_handler* how = handlers_.find(run->job().spec->type);
    if (how == nullptr) co_return interrupted{};
    std::exception_ptr fault;
    try {
        if (how->run) {
            auto running = how->run(run);
            outcome end = co_await std::move(running);
            co_return end;
        }
        auto work = [how, run] { return how->run_blocking(*run); };
        auto running = run_blocking(threads_, std::move(work));
        outcome end = co_await std::move(running);
        co_return end;
    } catch (...) {
        fault = std::current_exception();
    }
    co_return failure_of(std::move(fault));
}

asio::awaitable<void> lane::report(message run, outcome how) {
    const uuid id = run->job().spec->id;
    const lease_token lease = run->job().lease;
    try {
        auto* done = std::get_if<completed>(&how);
        auto answering = done != nullptr ? store_.ack(ack_of(id, lease, std::move(*done)))
                                         : store_.nack(nack_of(id, lease, std::move(how)));
        const auto answer = co_await std::move(answering);
        note_answer(log_, id, answer);
    } catch (const std::exception& e) {
        log_.error("job outcome not accepted", {{"reason", std::string_view(e.what())}});
    }
}

asio::awaitable<void> lane::work(run_slot& mine) {
    while (true) {
        auto received = co_await channel_.async_receive(nothrow_await);
        auto& [ec, run] = received;
        if (ec || !run) co_return;

        outcome how = interrupted{};
        if (!draining_) {
            mine.run = run;
            mine.seen = false;
            how = co_await run_handler(run);
            mine.run.reset();
        }
        run->end();
        co_await report(std::move(run), std::move(how));
        --leased_;
        room_.notify_one();
    }
}

asio::awaitable<void> lane::drain() {
    draining_ = true;
    fetching_.request_stop();
    room_.notify_all();
    work_begins_.notify_all();
    drain_begins_.notify_all();
    co_await dispatcher_.join();
    // Behind every job: a worker gives back what it still receives before its marker.
    for (std::size_t i = 0; i < concurrency_; ++i) send(nullptr);
}

void lane::interrupt() {
    for (run_slot& slot : slots_) {
        if (slot.run) slot.run->request_stop();
    }
}

asio::awaitable<bool> lane::join_until(std::chrono::steady_clock::time_point deadline) {
    return workers_.join_until(deadline);
}

}  // namespace sluice::worker
