#include "server/runtime/notifier.hpp"

#include "server/runtime/nothrow_await.hpp"

#include <utility>

namespace sluice {

namespace asio = boost::asio;

notifier::notifier(asio::any_io_executor executor) : executor_(std::move(executor)) {}

asio::awaitable<void> notifier::wait() {
    co_await wait_until(std::chrono::steady_clock::time_point::max());
}

asio::awaitable<wake_reason> notifier::wait_until(std::chrono::steady_clock::time_point deadline) {
    waiter self(executor_, deadline);
    waiters_.push_back(self);
    co_await self.timer.async_wait(nothrow_await);
    co_return self.reason;
}

asio::awaitable<wake_reason> notifier::wait_for(std::chrono::steady_clock::duration time) {
    return wait_until(std::chrono::steady_clock::now() + time);
}

bool notifier::notify_one() {
    if (waiters_.empty()) return false;
    waiter& first = waiters_.front();
    waiters_.pop_front();
    first.reason = wake_reason::notified;
    first.timer.cancel();
    return true;
}

void notifier::notify_all() {
    while (notify_one()) {
    }
}

}  // namespace sluice
