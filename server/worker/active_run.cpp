#include "server/worker/active_run.hpp"

#include "proto/job_log.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

namespace sluice::worker {
namespace {

std::uint64_t lines_in(std::string_view text) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    return 1 + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

active_run::active_run(job_record job, run_services& services)
    : job_(std::move(job)), services_(services) {}

/// Adds to what is unsaid; the first word has it fetched.
template <class Add>
void active_run::say(Add add) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        add();
        if (std::exchange(talking_, true)) return;
    }
    // The lane waits for the words of a run that talks, so the services are still there.
    asio::post(services_.executor, [self = shared_from_this()] {
        if (!self->wake_) self->wake_ = std::make_unique<notifier>(self->services_.executor);
        self->services_.reports.spawn(self->pass_on(self));
    });
}

void active_run::progress(double fraction, std::string message) {
    progress_request request;
    request.job_id = job_.spec->id;
    request.lease = job_.lease;
    request.fraction = std::isnan(fraction) ? 0.0 : std::clamp(fraction, 0.0, 1.0);
    cut_text(message, limits::progress_message_bytes_max);
    request.message = std::move(message);
    say([&] { unsaid_.progress = std::move(request); });
}

void active_run::log(log_stream stream, std::string_view text) {
    if (!services_.keep_log) return;
    say([&] {
        auto& log = unsaid_.log;
        // Once something was dropped the rest waits for its turn too: no gap goes unnoticed.
        const bool note = stream == log_stream::note;
        const auto bytes_max = log_bytes_max + (note ? log_note_reserve : 0);
        if ((log.dropped > 0 && !note) || log_bytes_ + log_cost(text) > bytes_max) {
            log.dropped += lines_in(text);
            return;
        }
        log_bytes_ += log_cost(text);
        log.pieces.push_back({stream, std::string(text), std::chrono::steady_clock::now()});
    });
}

active_run::words active_run::take() {
    const std::lock_guard lock(mutex_);
    log_bytes_ = 0;
    if (unsaid_.empty()) talking_ = false;
    unsaid_.log.last = ended_;
    return std::exchange(unsaid_, {});
}

asio::awaitable<void> active_run::pass_on([[maybe_unused]] std::shared_ptr<active_run> self) {
    std::exception_ptr fault;
    try {
        while (true) {
            words said = take();
            if (said.empty()) break;
            co_await report(std::move(said));
            if (!ended_) co_await wake_->wait_for(services_.report_every);
        }
    } catch (...) {
        fault = std::current_exception();
    }
    if (fault) give_up();
    wake_->notify_all();
    if (fault) std::rethrow_exception(fault);
}

/// The run must not wait for what will never be passed on.
void active_run::give_up() {
    const std::lock_guard lock(mutex_);
    unsaid_ = {};
    log_bytes_ = 0;
    talking_ = false;
}

/// What is refused is lost: a job that is not ours any more does not want it.
asio::awaitable<void> active_run::report(words said) {
    if (said.progress) {
        auto reporting = services_.store.report_progress(std::move(*said.progress));
        co_await std::move(reporting);
    }
    if (said.log.pieces.empty() && said.log.dropped == 0) co_return;
    said.log.job_id = job_.spec->id;
    said.log.lease = job_.lease;
    auto keeping = services_.keep_log(std::move(said.log));
    co_await std::move(keeping);
}

bool active_run::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    return talking_;
}

asio::awaitable<void> active_run::passed_on() {
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (!talking_) co_return;
        }
        if (!wake_) {
            co_await asio::post(asio::use_awaitable);  // its first word is just being fetched
            continue;
        }
        wake_->notify_all();  // no more pauses
        co_await wake_->wait();
    }
}

asio::awaitable<bool> active_run::heartbeat() {
    if (lost_ || ended_) co_return false;
    const auto known = co_await services_.store.info(job_.spec->id);
    co_return known && known->state == job_state::active && known->lease == job_.lease;
}

}  // namespace sluice::worker
