// How what the engine has changed gets to the disk, and who is told then.

#include "server/queue/local_backend_impl.hpp"

#include <boost/asio/post.hpp>

namespace sluice {
namespace {

/// A commit in place is for those who are nearly alone; more waiters are better served by a batch
/// that fills while the disk works, unless all of them wait. Chosen, not tuned.
constexpr std::size_t lone_waiters_max = 2;
constexpr std::size_t lone_bytes_max = 64 * 1024;  // of memory, as the engine counts them
constexpr std::chrono::milliseconds lone_latency_max{1};
/// Some 100 jobs. Of larger batches the commit thread had better write one while the next gathers.
constexpr std::size_t gathered_bytes_max = 128 * 1024;
/// Well below the patience of relay_loop, and above what a batch of that size takes.
constexpr std::chrono::milliseconds gathered_latency_max{3};

}  // namespace

journal_batch local_backend::take_batch() {
    auto batch = engine_.take_batch(now());
    under_way_ = batch.number;
    collect_grants();  // jobs that closing the batch made may have their taker already
    return batch;
}

void local_backend::start_commit() {
    if (under_way_ != 0 || failed_ || closed_ || !engine_.has_changes()) return;
    auto guard = asio::prefer(executor_, asio::execution::outstanding_work.tracked);
    auto batch = take_batch();
    const auto expired = purge_along(batch);
    asio::post(commit_thread_, [this, self = self_, guard, batch = std::move(batch), expired,
                                begun = std::chrono::steady_clock::now()]() {
        auto report = commit(batch, expired);
        asio::post(guard, [this, self, report = std::move(report), begun] {
            if (*self) on_committed(report, begun);
        });
    });
}

/// A commit by this thread would be short: there is little to write, the disk has been fast, and
/// the commit thread does not use the store for something else.
bool local_backend::can_commit_in_place(std::size_t bytes_max,
                                        std::chrono::microseconds latency_max) const {
    return options_.loop != nullptr && options_.loop->can_block() && under_way_ == 0 && !failed_ &&
           !closed_ && !commit_thread_busy_ && commit_latency_ <= latency_max &&
           engine_.uncommitted_bytes() + engine_.uncommitted_log_bytes() <= bytes_max;
}

/// The commit thread would only cost two wake-ups.
bool local_backend::commits_alone() const {
    return engine_.has_changes() && gate_.waiting() <= lone_waiters_max &&
           can_commit_in_place(lone_bytes_max, lone_latency_max);
}

/// Whether a commit for all who wait would be short.
bool local_backend::can_gather() const {
    return options_.few_processors && can_commit_in_place(gathered_bytes_max, gathered_latency_max);
}

/// Gives those who are just being answered the time to come back, then commits for them all.
void local_backend::gather() {
    asio::post(executor_, [this, self = self_] {
        if (!*self) return;
        commit_posted_ = false;
        const bool fits = can_gather();
        if (fits && gathering_.look(gate_.waiting(), std::chrono::steady_clock::now()))
            return gather();
        const bool all = fits && engine_.has_changes() && gathering_.complete();
        if (all || commits_alone())
            commit_in_place();
        else
            start_commit();
    });
    commit_posted_ = true;
}

void local_backend::commit_in_place() {
    const auto begun = std::chrono::steady_clock::now();
    const auto batch = take_batch();
    options_.loop->block(
        [this, &batch, expired = purge_along(batch)] { return commit(batch, expired); },
        [this, self = self_, begun](const commit_report& report) {
            if (*self) on_committed(report, begun);
        });
}

/// On the thread of the commit. A full disk is waited out: nothing was written, and jobs in memory
/// are safe there.
commit_outcome local_backend::commit_with_patience(const journal_batch& batch) {
    constexpr std::chrono::milliseconds pause{100};
    bool told = false;
    for (;;) {
        auto outcome = store_->commit_blocking(batch);
        if (outcome.status != commit_status::no_space) return outcome;
        if (store_->make_room_blocking()) continue;
        if (!told) {
            told = true;
            asio::post(executor_, [this, self = self_] {
                if (!*self) return;
                disk_full_ = true;
                engine_.set_disk_low(true);
            });
        }
        std::unique_lock lock(room_mutex_);
        if (room_wanted_.wait_for(lock, pause, [this] { return closing_; }))
            return {commit_status::failed, true, "The disk was full when the server stopped."};
    }
}

void local_backend::on_committed(const commit_report& report,
                                 std::chrono::steady_clock::time_point begun) {
    commit_latency_ = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begun);
    const auto& outcome = report.outcome;
    if (outcome.status != commit_status::ok) {
        fail(outcome.message);
        return;
    }
    const auto batch = std::exchange(under_way_, 0);
    const auto awaited = gate_.waiting();
    // What has just been committed still counts, for as much will come again.
    const bool gathers = awaited > lone_waiters_max && can_gather() && gathering_.wanted();
    const auto time = now();
    disk_full_ = false;
    engine_.set_disk_low(outcome.disk_low);
    committed_at_ = engine_.stamp(time);
    ++commits_;
    const auto ended = engine_.committed(time);
    finished_ += ended.size();
    // Sending an answer takes as long as the way to a handler. Of one job the run begins first;
    // where many wait, answers keep the other processors busy meanwhile.
    const bool run_first = deliver_grants() && awaited <= lone_waiters_max;
    if (run_first) {
        asio::post(executor_, [this, self = self_, batch] {
            if (*self) gate_.open(batch);
        });
    }
    if (gathers) {
        gathering_.begin(awaited, std::chrono::steady_clock::now());
        gather();
    } else {
        start_commit();  // the next batch gathered meanwhile; let the disk have it before the
                         // answers go out
    }
    if (!run_first) gate_.open(batch);
    for (const auto& id : ended) {
        if (const auto it = job_waits_.find(id); it != job_waits_.end()) it->second->notify_all();
        wake(log_readers_, id);
    }
    for (const auto& id : engine_.logged()) wake(log_readers_, id);
    if (report.purged) end_purge();
    after_command();
}

}  // namespace sluice
