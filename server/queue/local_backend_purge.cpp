#include "server/queue/local_backend_impl.hpp"

#include <boost/asio/post.hpp>

/// Retention: what has been kept long enough goes.
namespace sluice {
namespace {

constexpr std::chrono::minutes purge_interval{10};

}  // namespace

void local_backend::arm_purge(std::chrono::steady_clock::duration delay) {
    purge_timer_.expires_after(delay);
    purge_timer_.async_wait([this, self = self_](const boost::system::error_code& ec) {
        if (!ec && *self) purge();
    });
}

/// Retention, in small steps between commits.
void local_backend::purge() {
    constexpr std::size_t step = 500;
    if (failed_ || closed_) return;
    // A commit in place that has lost its turn is still with the store, on the other thread.
    if (options_.loop && !options_.loop->can_block()) return arm_purge(std::chrono::seconds{1});
    commit_thread_busy_ = true;
    asio::post(commit_thread_, [this, self = self_, wall = now().wall] {
        bool more = false;
        std::string fault;
        try {
            more = store_->purge_blocking(wall, step).more;
        } catch (const std::exception& e) {
            fault = e.what();
        }
        asio::post(executor_, [this, self, more, fault = std::move(fault)] {
            if (!*self) return;
            commit_thread_busy_ = false;
            if (!fault.empty())
                fail(fault);
            else if (more)
                purge();
            else
                expire_dead_letters();
        });
    });
}

/// Dead letters go as if somebody removed them: they may be in memory, and are counted there.
void local_backend::expire_dead_letters() {
    constexpr std::size_t step = 100;
    const auto keep = engine_.config().retention_dead_letters;
    if (keep.count() == 0 || failed_ || closed_) return arm_purge(purge_interval);
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
            arm_purge(more ? std::chrono::seconds{1} : purge_interval);
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
