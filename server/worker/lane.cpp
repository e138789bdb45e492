#include "server/worker/lane.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/runtime/nothrow_await.hpp"
#include "server/runtime/run_blocking.hpp"
#include "server/worker/watched_executor.hpp"

#include <boost/asio/post.hpp>

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

failed bad_result(std::string code, std::string message) {
    failed how;
    how.failure.type = "sluice.invalid_result";
    how.failure.code = std::move(code);
    how.failure.message = std::move(message);
    how.retryable = false;
    return how;
}

/// What a handler returned, held to the bounds of the wire: what is stored must be what can be
/// shown.
outcome checked(outcome how) {
    const auto* done = std::get_if<completed>(&how);
    if (done == nullptr || done->result.empty()) return how;
    if (done->result.size() > limits::body_bytes_max)
        return bad_result("result_too_large", "The result is larger than 1 MiB.");
    if (check_json(done->result, limits::json_depth_max))
        return bad_result("invalid_result", "The result is not JSON.");
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
        request.hold_limit = failure->hold_limit;
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
    cut_text(request.failure.type, limits::error_type_bytes_max);
    cut_text(request.failure.code, limits::error_type_bytes_max);
    cut_text(request.failure.message, limits::error_message_bytes_max);
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

delegate_request delegation_of(const uuid& id, const lease_token& lease, delegated how) {
    delegate_request request;
    request.job_id = id;
    request.lease = lease;
    request.holder = std::move(how.holder);
    request.visibility_timeout = how.visibility_timeout;
    return request;
}

}  // namespace

task_group::fault_handler log_fault(logger& log) {
    return [&log](std::exception_ptr fault) {
        const failed how = failure_of(std::move(fault));
        log.error("worker coroutine ended by an exception", {{"reason", how.failure.message}});
    };
}

lane::lane(lane_services& services, std::string queue, std::size_t concurrency)
    : services_(services),
      queue_(std::move(queue)),
      concurrency_(concurrency),
      marks_(concurrency, stall_watch::mark{services.watch, nullptr}),
      room_(services.runs.executor),
      channel_(services.runs.executor, concurrency),
      dispatcher_(services.runs.executor, log_fault(services.log)),
      workers_(services.runs.executor, log_fault(services.log)) {
    runs_.reserve(std::min(concurrency, limits::fetch_count_max));
}

void lane::start() {
    for (auto& mark : marks_) workers_.spawn(watched(services_.runs.executor, mark), work(mark));
    dispatcher_.spawn(dispatch());  // after the workers: all of them wait when it sends
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
        auto fetching = services_.runs.store.fetch(next_request(), fetching_.get_token());
        auto jobs = co_await std::move(fetching);
        if (!jobs) {
            services_.log.error("in-server workers cannot fetch",
                                {{"reason", jobs.error().message}});
        } else {
            for (job_record& job : *jobs)
                send(std::make_shared<active_run>(std::move(job), services_.runs));
        }
        const bool idle = !jobs || (jobs->empty() && clock::now() - asked < rest);
        if (idle && !draining_) co_await room_.wait_for(rest);
    }
}

void lane::send(message job) {
    if (job) {
        ++leased_;
        runs_.emplace(job->job().lease.counter, job.get());
    }
    [[maybe_unused]] const bool sent =
        channel_.try_send(boost::system::error_code{}, std::move(job));
    assert(sent);  // never more jobs, nor more end markers, than there are workers
}

/// An exception is the end of its run and of nothing else, one for lack of memory included.
asio::awaitable<outcome> lane::run_handler(message run) {
    const registered_handler* how = services_.handlers.find(run->job().spec->type);
    if (how == nullptr) co_return interrupted{};
    std::exception_ptr fault;
    try {
        if (how->run) {
            auto running = how->run(run);
            outcome end = co_await std::move(running);
            co_return end;
        }
        auto work = [how, run]() -> outcome {
            if (run->stop().stop_requested()) return interrupted{};  // it waited for a thread
            return how->run_blocking(*run);
        };
        auto running = run_blocking(services_.threads.of(*how), std::move(work));
        outcome end = co_await std::move(running);
        co_return end;
    } catch (...) {
        fault = std::current_exception();
    }
    co_return failure_of(std::move(fault));
}

/// Gives the outcome of a run that did not complete its job to the backend. A run that lost its job
/// has none to give.
asio::awaitable<void> lane::report(message run, outcome how) {
    if (run->lost()) co_return;
    const uuid id = run->job().spec->id;
    const lease_token lease = run->job().lease;
    auto& store = services_.runs.store;
    auto* away = std::get_if<delegated>(&how);
    auto answering = away ? store.delegate(delegation_of(id, lease, std::move(*away)))
                          : store.nack(nack_of(id, lease, std::move(how)));
    const auto answer = co_await std::move(answering);
    note_answer(services_.log, id, answer);
}

/// Whatever goes wrong with the answer, somebody answers for the job: nobody else ever would.
asio::awaitable<void> lane::answer(message run, outcome how) {
    std::exception_ptr fault;
    try {
        auto reporting = report(run, std::move(how));
        co_await std::move(reporting);
    } catch (...) {
        fault = std::current_exception();
    }
    if (!fault) co_return;
    log_fault(services_.log)(fault);
    auto reporting = report(run, interrupted{});
    co_await std::move(reporting);
}

/// Completed jobs go to the backend together, all that end before the next turn of the loop: one
/// coroutine and one wait for the commit instead of one each (P6 of bench_field: 1.5 µs a job).
void lane::complete(message run, completed how) {
    if (run->lost()) return;
    completed_.push_back(ack_of(run->job().spec->id, run->job().lease, std::move(how)));
    if (!gathering_) workers_.spawn(hand_in());
}

asio::awaitable<void> lane::hand_in() {
    gathering_ = true;
    try {
        co_await asio::post(asio::use_awaitable);
    } catch (...) {  // there was no memory to wait: at once then
        log_fault(services_.log)(std::current_exception());
    }
    gathering_ = false;
    answers_request request;
    request.worker_id = in_server_worker_id;
    std::vector<std::pair<uuid, lease_token>> runs;
    runs.reserve(completed_.size());
    for (const auto& ack : completed_) runs.emplace_back(ack.job_id, *ack.lease);
    request.acks = std::exchange(completed_, {});
    std::exception_ptr fault;
    try {
        auto answering = services_.runs.store.answer_many(std::move(request));
        const auto made = co_await std::move(answering);
        for (std::size_t i = 0; i < runs.size(); ++i) {
            if (made)
                note_answer(services_.log, runs[i].first, made->acks[i]);
            else
                note_answer(services_.log, runs[i].first, made.error());
        }
    } catch (...) {
        fault = std::current_exception();
    }
    if (!fault) co_return;
    log_fault(services_.log)(fault);
    // As with `answer`.
    answers_request back;
    back.worker_id = in_server_worker_id;
    for (const auto& [id, lease] : runs) back.nacks.push_back(nack_of(id, lease, interrupted{}));
    auto giving_back = services_.runs.store.answer_many(std::move(back));
    [[maybe_unused]] const auto given_back = co_await std::move(giving_back);
}

/// One run, from its start to its end, and what came of it.
asio::awaitable<outcome> lane::serve(message run, stall_watch::mark& mark) {
    outcome how = interrupted{};
    if (!draining_ && !run->lost()) {
        if (mark.watch) mark.watch->begin(mark, run->job().spec);
        how = co_await run_handler(run);
        if (mark.watch) mark.watch->end(mark);
        how = checked(std::move(how));
    }
    const bool talks = run->end();
    if (talks) co_await run->passed_on();
    co_return how;
}

asio::awaitable<void> lane::work(stall_watch::mark& mark) {
    while (true) {
        auto received = co_await channel_.async_receive(nothrow_await);
        auto& [ec, run] = received;
        if (ec || !run) co_return;

        outcome how = interrupted{};
        std::exception_ptr fault;
        try {
            auto serving = serve(run, mark);
            how = co_await std::move(serving);
        } catch (...) {
            fault = std::current_exception();
        }
        // Whatever came of it: the run is over, and this worker takes the next one. The answer
        // waits for its commit without it; when many wait, so do grants.
        if (fault) log_fault(services_.log)(fault);
        try {
            if (auto* done = std::get_if<completed>(&how))
                complete(run, std::move(*done));
            else
                workers_.spawn(answer(run, std::move(how)));
        } catch (...) {
            log_fault(services_.log)(std::current_exception());
        }
        const auto lease = run->job().lease;
        runs_.erase(lease.counter);
        run.reset();
        --leased_;
        services_.runs.store.run_returned(lease);
        room_.notify_one();
    }
}

asio::awaitable<void> lane::drain() {
    draining_ = true;
    fetching_.request_stop();
    room_.notify_all();
    co_await dispatcher_.join();
    if (!completed_.empty() && !gathering_) workers_.spawn(hand_in());  // it could not be before
    // Behind every job: a worker gives back what it still receives before its marker.
    for (std::size_t i = 0; i < concurrency_; ++i) send(nullptr);
}

void lane::interrupt() {
    for (const auto& run : alive()) run->request_stop();
}

void lane::lose(const lease_token& lease) {
    const auto it = runs_.find(lease.counter);
    if (it == runs_.end() || it->second->job().lease != lease) return;
    const auto run = it->second->shared_from_this();
    run->lose();
}

/// Copies: whoever is asked to stop may end at once.
std::vector<std::shared_ptr<active_run>> lane::alive() const {
    std::vector<std::shared_ptr<active_run>> runs;
    runs.reserve(runs_.size());
    for (const auto& [grant, run] : runs_) runs.push_back(run->shared_from_this());
    return runs;
}

std::vector<std::shared_ptr<const job_spec>> lane::running() const {
    std::vector<std::shared_ptr<const job_spec>> jobs;
    for (const auto& [grant, run] : runs_) jobs.push_back(run->job().spec);
    return jobs;
}

asio::awaitable<bool> lane::join_until(std::chrono::steady_clock::time_point deadline) {
    return workers_.join_until(deadline);
}

}  // namespace sluice::worker
