#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice::client {

namespace asio = boost::asio;

/// Completion token: errors of the network come back as a value beside the result.
inline constexpr auto nothrow_await = asio::as_tuple(asio::use_awaitable);

}  // namespace sluice::client
