#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace sluice {

namespace detail {

/// Posts `body` to `pool` and completes on the executor of the handler. `body` must not throw.
template <class Body, class Token>
auto async_run_on(boost::asio::thread_pool& pool, Body body, Token&& token) {
    auto initiation = [](auto handler, boost::asio::thread_pool* where, Body work) {
        auto executor = boost::asio::get_associated_executor(handler);
        auto guard = boost::asio::make_work_guard(executor);
        boost::asio::post(*where, [handler = std::move(handler), guard = std::move(guard),
                                   work = std::move(work)]() mutable {
            work();
            auto back = guard.get_executor();
            boost::asio::post(back, std::move(handler));
        });
    };
    return boost::asio::async_initiate<Token, void()>(std::move(initiation), token, &pool,
                                                      std::move(body));
}

}  // namespace detail

/// Runs `work()` on a thread of `pool`, while the caller's thread carries on; gives what it returns
/// and throws what it throws, back on the caller's executor.
///
/// Blocking work is posted and reports back. It is never a coroutine spawned onto the pool: one
/// that is cancelled before it starts throws out of the pool's thread, and that ends the process.
/// `pool` must be joined before the caller's context is destroyed.
template <class F>
boost::asio::awaitable<std::invoke_result_t<F&>> run_blocking(boost::asio::thread_pool& pool,
                                                              F work) {
    using value_type = std::invoke_result_t<F&>;
    std::exception_ptr fault;
    if constexpr (std::is_void_v<value_type>) {
        auto body = [&work, &fault] {
            try {
                work();
            } catch (...) {
                fault = std::current_exception();
            }
        };
        co_await detail::async_run_on(pool, body, boost::asio::use_awaitable);
        if (fault) std::rethrow_exception(fault);
    } else {
        std::optional<value_type> value;
        auto body = [&work, &fault, &value] {
            try {
                value.emplace(work());
            } catch (...) {
                fault = std::current_exception();
            }
        };
        co_await detail::async_run_on(pool, body, boost::asio::use_awaitable);
        if (fault) std::rethrow_exception(fault);
        co_return std::move(*value);
    }
}

}  // namespace sluice
