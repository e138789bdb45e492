#include "client/worker_impl.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <random>

namespace sluice::client {
namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

/// Between two reports of what one run says.
constexpr auto report_pause = 250ms;
/// For a job that the server gave to us although nobody here handles its type; one that does not
/// know patterns may do so.
constexpr auto unknown_type_snooze = 30s;

bool definite(const failure& f) {
    return f.kind == failure_kind::refused && f.status < 500 && f.status != 408 &&
           f.status != 429 && !f.retryable;
}

/// The lease's length by the server's clock alone: ours may be another.
std::chrono::milliseconds length_of(const job_info& job, std::chrono::milliseconds asked) {
    if (!job.lease_expires_at || !job.times.started_at) return asked;
    const auto length = *job.lease_expires_at - *job.times.started_at;
    return std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(length), 1ms, asked);
}

/// A result that is no JSON would be refused, and the job left without an answer.
job_outcome checked(job_outcome how) {
    const auto* done = std::get_if<completed>(&how);
    if (done == nullptr || done->result.empty()) return how;
    if (!check_json(done->result, limits::json_depth_max)) return how;
    failed bad;
    bad.message = "the handler's result is not JSON";
    bad.type = "bad_result";
    return bad;
}

job_outcome invoke_blocking(const blocking_handler& work, job_run& run) {
    try {
        return work(run);
    } catch (const std::exception& e) {
        if (run.why() != stop_reason::none) return released{};
        failed f;
        f.message = e.what();
        return f;
    } catch (...) {
        failed f;
        f.message = "the handler threw something that is no std::exception";
        return f;
    }
}

}  // namespace

/// One job, and those that come with the answers, one after the other. Whatever is thrown on the
/// way: a run that is over is held no longer, and its room is free.
asio::awaitable<void> worker::impl::serve(job_info job) {
    std::optional<job_info> next = std::move(job);
    std::exception_ptr broken;
    while (next && !broken) {
        const auto run = begin(std::move(*next));
        next.reset();
        try {
            next = co_await carry_out(run);
        } catch (...) {
            broken = std::current_exception();
        }
        heart_->drop(run->lease.lease);
        runs_.erase(run->lease.lease);
    }
    ++room_;
    changed_.notify_all();
    if (broken) std::rethrow_exception(broken);  // run() throws it, when all else has ended
}

worker::impl::run_ptr worker::impl::begin(job_info job) {
    auto run = std::make_shared<active_run>();
    run->lease = {job.id, job.lease};
    const auto length = length_of(job, options_.visibility_timeout);
    const std::weak_ptr<active_run> weak = run;
    run->run = std::make_shared<job_run>(std::move(job), [this, weak] {
        asio::post(io_, [this, weak] {
            const auto still = weak.lock();
            if (!still || still->reporting || still->outcome) return;
            still->reporting = true;
            runs_group_.spawn(report(still));
        });
    });
    runs_.emplace(run->lease.lease, run);
    heart_->hold(run->lease, length);
    return run;
}

/// Runs the handler and answers. The next job, if one came along.
asio::awaitable<std::optional<job_info>> worker::impl::carry_out(run_ptr run) {
    // What arrives while the worker leaves goes back untouched.
    if (phase_ == phase::working) {
        if (options_.events.started) options_.events.started(run->run->job());
        co_await execute(run);
    } else {
        run->outcome = released{};
    }
    run->answering = true;
    changed_.notify_all();
    while (run->reporting) co_await changed_.wait();
    auto next = co_await answer(run);
    co_return next;
}

/// Returns when the handler has ended, or was given up.
asio::awaitable<void> worker::impl::execute(run_ptr run) {
    const auto* found = find(run->run->job().type);
    if (found == nullptr) {
        run->outcome = snoozed{unknown_type_snooze};
        co_return;
    }
    if (const auto* blocking = std::get_if<blocking_handler>(found)) {
        asio::post(*threads_, [this, run, blocking] {
            auto how = invoke_blocking(*blocking, *run->run);
            asio::post(io_, [this, run, how = std::move(how)]() mutable {
                settle(run, nullptr, std::move(how));
            });
        });
    } else {
        std::exception_ptr broken;
        try {
            auto work = std::get<handler>(*found)(run->run);
            asio::co_spawn(io_, std::move(work),
                           [this, run](std::exception_ptr problem, job_outcome how) {
                               settle(run, problem, std::move(how));
                           });
        } catch (...) {
            broken = std::current_exception();
        }
        if (broken) settle(run, broken, released{});
    }
    while (!run->outcome) co_await changed_.wait();
}

void worker::impl::settle(const run_ptr& run, std::exception_ptr broken, job_outcome how) {
    if (run->outcome) return;  // given up before
    if (!broken) {
        run->outcome = checked(std::move(how));
    } else {
        run->outcome = invoke_blocking(
            [&](job_run&) -> job_outcome { std::rethrow_exception(broken); }, *run->run);
    }
    changed_.notify_all();
}

asio::awaitable<std::optional<job_info>> worker::impl::answer(run_ptr run) {
    backoff pause{100ms, 5s, std::random_device{}()};
    std::optional<job_info> next;
    const auto fetch_id = next_fetch_id();
    if (run->lost) {
        failure lost;
        lost.kind = failure_kind::refused;
        lost.code = "lease_lost";
        lost.message = run->run->why() == stop_reason::cancelled ? "the job was cancelled"
                                                                 : "the lease was lost";
        conclude(run, lost);
        co_return next;
    }
    for (bool last_try = false;;) {
        const bool heard = co_await pass_on(run);
        const bool more = heard && may_fetch() && reserve(1) == 1;
        auto order = more ? std::optional{order_for(1, fetch_id)} : std::nullopt;
        auto said = co_await send_answer(run, std::move(order));
        if (said.has_value()) {
            note_answer();
            const bool came = !said->jobs.empty();
            if (came) next = std::move(said->jobs.front());
            if (more && !came) --taken_;
            conclude(run, said);
            co_return next;
        }
        if (more) --taken_;
        const auto& f = said.error();
        if (definite(f) && (f.status == 400 || f.status == 413 || f.status == 422) &&
            std::holds_alternative<completed>(*run->outcome)) {
            failed bad;
            bad.message = "the server refused the result: " + f.message;
            bad.type = "bad_result";
            run->outcome = std::move(bad);
            continue;
        }
        if (definite(f) || phase_ == phase::over || last_try) {
            conclude(run, said);
            co_return next;
        }
        note_trouble(f);
        const auto time =
            std::max<std::chrono::milliseconds>(pause.next(), f.retry_after.value_or(0ms));
        const bool called = co_await retry_.wait_until(steady::now() + time);
        last_try = called && phase_ != phase::working;
    }
}

asio::awaitable<outcome<answer_info>> worker::impl::send_answer(run_ptr run,
                                                                std::optional<fetch_order> next) {
    auto through = co_await pool_.borrow();
    auto said = co_await through->answer(run->lease, options_.id, *run->outcome, std::move(next));
    co_return said;
}

/// Sends what the run has said so far. False when it could not; then it is kept for later, as far
/// as the server may want to hear it at all.
asio::awaitable<bool> worker::impl::pass_on(run_ptr run) {
    for (auto said = run->run->take(); !said.empty(); said = run->run->take()) {
        auto through = co_await pool_.borrow();
        if (said.progress) {
            auto told = co_await through->report_progress(run->lease, options_.id, *said.progress);
            if (told.has_error() && !definite(told.error())) {
                run->run->take_back(std::move(said));
                co_return false;
            }
            said.progress.reset();
        }
        if (said.lines.empty()) continue;
        auto told = co_await through->append_log(run->lease, options_.id, said.lines);
        if (told.has_error() && !definite(told.error())) {
            run->run->take_back(std::move(said));
            co_return false;
        }
    }
    co_return true;
}

asio::awaitable<void> worker::impl::report(run_ptr run) {
    backoff pause{report_pause, 5s, std::random_device{}()};
    while (!run->answering && run->run->has_words()) {
        const bool passed = co_await pass_on(run);
        if (passed) pause.reset();
        const auto until = steady::now() + (passed ? report_pause : pause.next());
        bool notified = true;
        while (!run->answering && notified) notified = co_await changed_.wait_until(until);
    }
    run->reporting = false;
    changed_.notify_all();
}

void worker::impl::conclude(const run_ptr& run, const outcome<answer_info>& said) {
    if (said.has_value()) {
        count(*run->outcome);
    } else if (definite(said.error()) || run->lost) {
        ++totals_.lost;
    } else {
        ++totals_.unanswered;
    }
    if (!options_.events.ended) return;
    run_report told{run->run->job(), *run->outcome, std::nullopt, std::nullopt};
    if (said.has_value()) {
        told.answer = *said;
    } else {
        told.problem = said.error();
    }
    options_.events.ended(told);
}

void worker::impl::count(const job_outcome& how) {
    if (std::holds_alternative<completed>(how)) {
        ++totals_.completed;
    } else if (std::holds_alternative<snoozed>(how) || std::holds_alternative<released>(how)) {
        ++totals_.returned;
    } else {
        ++totals_.failed;
    }
}

}  // namespace sluice::client
