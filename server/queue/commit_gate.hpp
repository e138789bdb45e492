#pragma once

#include "server/runtime/suspended.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
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
    bool is_open(std::uint64_t batch) const { return batch <= opened_; }

    /// Resumes `waiter` once `open(n)` with n >= `batch` is called; the gate must not be open for
    /// it already.
    void keep(std::uint64_t batch, std::unique_ptr<suspended> waiter) {
        // Hardly ever before the end: who waits for a batch has mostly just changed it.
        const auto behind = std::find_if(waiters_.rbegin(), waiters_.rend(),
                                         [&](const auto& w) { return w.first <= batch; });
        waiters_.emplace(behind.base(), batch, std::move(waiter));
    }

    void open(std::uint64_t batch) {
        opened_ = std::max(opened_, batch);
        while (!waiters_.empty() && waiters_.front().first <= opened_) {
            const auto first = std::move(waiters_.front().second);
            waiters_.pop_front();
            first->resume();
        }
    }

    std::size_t waiting() const { return waiters_.size(); }

private:
    std::uint64_t opened_ = 0;
    /// By batch, then by arrival.
    std::deque<std::pair<std::uint64_t, std::unique_ptr<suspended>>> waiters_;
};

}  // namespace sluice
