#include "server/queue/local_backend_impl.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

/// Retention: what has been kept long enough goes.
namespace sluice {
namespace {

constexpr std::chrono::minutes purge_interval{1};
/// So long nothing must have been committed before retention takes the commit thread for itself.
constexpr std::chrono::milliseconds idle{100};
constexpr std::size_t step_rows = 500;
/// So many go with one commit, so that most have none.
constexpr std::size_t rows_with_commit = 32;

}  // namespace

void local_backend::arm_purge(std::chrono::steady_clock::duration delay) {
    purge_timer_.expires_after(delay);
    purge_timer_.async_wait([this, self = self_](const boost::system::error_code& ec) {
        if (!ec && *self) purge();
    });
}

/// Retention goes along with the commits, a few rows with some of them, so that none waits for it.
/// Only when there are none it makes steps of its own.
void local_backend::purge() {
    if (failed_ || closed_) return;
    const bool busy =
        !std::exchange(purging_, true) || std::exchange(purge_seen_, commits_) != commits_;
    // A commit in place that has lost its turn is still with the store, on the other thread.
    if (busy || (options_.loop && !options_.loop->can_block())) return arm_purge(idle);
    commit_thread_busy_ = true;
    asio::post(commit_thread_, [this, self = self_, wall = now().wall] {
        bool more = false;
        std::string fault;
        try {
            more = store_->purge_blocking(wall, step_rows).more;
        } catch (const std::exception& e) {
            fault = e.what();
        }
        asio::post(executor_, [this, self, more, fault = std::move(fault)] {
            if (!*self) return;
            commit_thread_busy_ = false;
            if (!fault.empty()) return fail(fault);
            if (more) return purge();
            end_purge();
        });
    });
}

/// What has expired by then is to go with this batch; nothing: no row.
local_backend::expiry local_backend::purge_along(const journal_batch& batch) {
    if (!purging_) return {};
    // A job is written twice or more in its life, and expires once: so rows go faster than they
    // come.
    written_since_purge_ += std::max<std::size_t>(batch.jobs.size(), 1);
    if (written_since_purge_ < rows_with_commit) return {};
    const auto rows = std::min(written_since_purge_, std::max(step_rows, batch.jobs.size()));
    written_since_purge_ -= rows;
    return {now().wall, rows};
}

/// On the thread of the commit. What goes is written right before the batch, whose sync takes both
/// to the disk.
local_backend::commit_report local_backend::commit(const journal_batch& batch, expiry expired) {
    commit_report report;
    if (expired.rows_max > 0) {
        try {
            report.purged = !store_->purge_blocking(expired.by, expired.rows_max).more;
        } catch (const std::exception& e) {
            report.outcome = {commit_status::failed, true, e.what()};
            return report;
        }
    }
    report.outcome = commit_with_patience(batch);
    return report;
}

void local_backend::end_purge() {
    if (std::exchange(purging_, false)) arm_purge(purge_interval);
}

void local_backend::arm_expiry(std::chrono::steady_clock::duration delay) {
    expiry_timer_.expires_after(delay);
    expiry_timer_.async_wait([this, self = self_](const boost::system::error_code& ec) {
        if (!ec && *self) expire_dead_letters();
    });
}

/// Dead letters go as if somebody removed them: they may be in memory, and are counted there.
void local_backend::expire_dead_letters() {
    constexpr std::size_t step = 100;
    const auto keep = engine_.config().retention_dead_letters;
    if (keep.count() == 0 || failed_ || closed_) return;
    const auto load = engine_.begin_load();
    asio::post(reader_thread_, [this, self = self_, load, before = now().wall - keep] {
        std::vector<job_record> found;
        std::string fault;
        try {
            found = store_->old_dead_letters_blocking(before, step);
        } catch (const std::exception& e) {
            fault = e.what();
        }
        asio::post(executor_, [this, self, load, found = std::move(found),
                               fault = std::move(fault)]() mutable {
            if (!*self) return;
            if (!fault.empty()) return fail(fault);
            const bool more = !found.empty();
            drop_dead_letters(std::move(found), load);
            // The next step finds the rest once these are gone from the disk.
            arm_expiry(more ? std::chrono::seconds{1} : purge_interval);
        });
    });
}

void local_backend::drop_dead_letters(std::vector<job_record> found, std::uint64_t load) {
    for (auto& each : found) {
        const auto id = each.spec->id;
        engine_.admit(job_store::found_job{job_place::history, std::move(each)}, load);
        engine_.delete_dead_letter(id, now());
    }
    engine_.end_load(load);
    after_command();
    engine_.evict_idle(now());
}

}  // namespace sluice
