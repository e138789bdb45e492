#include "client/wakeup.hpp"

#include <utility>

namespace sluice::client {

/// A waiter's place in the list, for as long as its frame lives.
struct wakeup::place {
    place(std::list<waiter*>& list, waiter& w) : in(list), at(list.insert(list.end(), &w)) {}
    ~place() { in.erase(at); }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    std::list<waiter*>& in;
    std::list<waiter*>::iterator at;
};

wakeup::wakeup(asio::any_io_executor executor) : executor_(std::move(executor)) {}

asio::awaitable<void> wakeup::wait() {
    co_await wait_until(clock::time_point::max());
}

asio::awaitable<bool> wakeup::wait_until(clock::time_point deadline) {
    waiter self{asio::steady_timer{executor_, deadline}};
    const place here{waiters_, self};
    co_await self.timer.async_wait(nothrow_await);
    co_return self.notified;
}

void wakeup::notify_all() {
    for (auto* each : waiters_) {
        each->notified = true;
        each->timer.cancel();
    }
}

}  // namespace sluice::client
