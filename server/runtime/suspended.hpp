#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <utility>

namespace sluice {

/// A coroutine that waits, in the hands of what it waits for. Resumes inline: no trip through the
/// executor's queue. Destroyed unresumed, it takes the coroutine along.
class suspended {
public:
    virtual ~suspended() = default;
    /// Once at most, on the coroutine's executor.
    virtual void resume() = 0;
};

namespace detail {

template <class Handler>
class suspended_handler final : public suspended {
public:
    explicit suspended_handler(Handler handler) : handler_(std::move(handler)) {}
    void resume() override { std::move(handler_)(); }

private:
    Handler handler_;
};

}  // namespace detail

/// Suspends the caller and calls `keep(std::unique_ptr<suspended>)`, which must not resume it yet.
/// Await it at once. The wait cannot be cancelled from outside.
template <class Keep>
auto suspend(Keep keep) {
    auto initiation = [keep = std::move(keep)](auto handler) mutable {
        using waiter = detail::suspended_handler<decltype(handler)>;
        keep(std::unique_ptr<suspended>(std::make_unique<waiter>(std::move(handler))));
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        std::move(initiation), boost::asio::use_awaitable);
}

}  // namespace sluice
