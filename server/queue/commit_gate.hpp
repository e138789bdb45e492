#pragma once

#include "server/runtime/suspended.hpp"

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace sluice {

/// Holds back coroutines until the batch they depend on is durable.
///
/// All on one executor, and `open` resumes the waiters inline, in the order they came: an answer
/// costs no trip through the executor's queue and no timer. A waiter must not be cancelled from
/// outside; every gate is opened in the end, by a commit or by a failure.
class commit_gate {
public:
    /// Completes once `open(n)` with n >= `batch` was called; at once when it was already.
    boost::asio::awaitable<void> wait(std::uint64_t batch) {
        if (batch <= opened_) co_return;
        auto keep = [this, batch](std::unique_ptr<suspended> waiter) {
            waiters_.emplace(batch, std::move(waiter));
        };
        auto opened = suspend(std::move(keep));
        co_await std::move(opened);
    }

    void open(std::uint64_t batch) {
        opened_ = std::max(opened_, batch);
        while (!waiters_.empty() && waiters_.begin()->first <= opened_) {
            auto first = waiters_.extract(waiters_.begin());
            first.mapped()->resume();
        }
    }

    std::size_t waiting() const { return waiters_.size(); }

private:
    std::uint64_t opened_ = 0;
    std::multimap<std::uint64_t, std::unique_ptr<suspended>> waiters_;
};

}  // namespace sluice
