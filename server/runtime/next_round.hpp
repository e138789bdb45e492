#pragma once

#include "server/runtime/suspended.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace sluice {

/// Gathers coroutines that are about to do the same thing, so that they do it one right after the
/// other: each goes on once all that is ready to run now has run.
///
/// On `executor`, which one thread runs. May be destroyed while some wait; they go on all the same.
class next_round {
public:
    explicit next_round(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// Await it at once.
    auto wait() {
        return suspend([this](std::unique_ptr<suspended> waiter) { add(std::move(waiter)); });
    }

    /// For one that waits already.
    void add(std::unique_ptr<suspended> waiter);

private:
    using waiters = std::vector<std::unique_ptr<suspended>>;

    boost::asio::any_io_executor executor_;
    // Owned by what is posted: were it owned from here, a coroutine that owns this would own
    // itself when its context never runs again.
    std::weak_ptr<waiters> gathering_;
};

}  // namespace sluice
