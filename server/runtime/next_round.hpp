#pragma once

#include "server/runtime/suspended.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <vector>

namespace sluice {

/// Gathers coroutines that are about to do the same thing, so that they do it one right after the
/// other: each goes on once all that is ready to run now has run.
///
/// On `executor`, which one thread runs. May be destroyed while some wait; they go on all the same.
class next_round {
public:
    explicit next_round(boost::asio::any_io_executor executor);

    /// Await it at once.
    auto wait() {
        return suspend([this](std::unique_ptr<suspended> waiter) { add(std::move(waiter)); });
    }

private:
    struct state;

    void add(std::unique_ptr<suspended> waiter);

    std::shared_ptr<state> state_;  // shared with what is posted
};

}  // namespace sluice
