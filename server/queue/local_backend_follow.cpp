#include "server/queue/local_backend_impl.hpp"

#include <boost/asio/post.hpp>

/// Those who wait for what happens to one job.
namespace sluice {

asio::awaitable<result<job_record>> local_backend::watch(
    uuid id, std::function<bool(const job_record&)> enough, std::chrono::milliseconds wait,
    std::stop_token stop) {
    const auto deadline = std::chrono::steady_clock::now() + wait;
    // Known before the first look: what changes during a read is not slept over.
    const auto watcher = std::make_shared<follower>(executor_);
    const auto place = watchers_.emplace(id, watcher);
    const std::stop_callback on_stop(stop, waker(watcher));
    for (;;) {
        watcher->changed = false;
        auto job = co_await info(id);
        const bool over = stop.stop_requested() || engine_.draining() || failed_ ||
                          std::chrono::steady_clock::now() >= deadline;
        if (!job || over || enough(*job)) {
            watchers_.erase(place);
            co_return job;
        }
        while (!watcher->changed) {
            const auto reason = co_await watcher->woken.wait_until(deadline);
            if (reason == wake_reason::timed_out) break;
        }
    }
}

/// For a stop_token, which may be told on any thread.
std::function<void()> local_backend::waker(std::shared_ptr<follower> one) const {
    return [executor = executor_, one = std::move(one)] {
        asio::post(executor, [one] { one->wake(); });
    };
}

void local_backend::wake(const followers& those, const uuid& id) {
    const auto [first, last] = those.equal_range(id);
    for (auto it = first; it != last; ++it) it->second->wake();
}

void local_backend::wake_all(const followers& those) {
    for (const auto& [id, one] : those) one->wake();
}

void local_backend::wake_all_followers() {
    wake_all(log_readers_);
    wake_all(watchers_);
}

}  // namespace sluice
