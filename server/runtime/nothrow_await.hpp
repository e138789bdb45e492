#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice {

/// Completion token for operations whose error the caller handles at once:
/// `auto [ec, n] = co_await socket.async_read_some(buffer, nothrow_await);`
inline constexpr auto nothrow_await = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace sluice
