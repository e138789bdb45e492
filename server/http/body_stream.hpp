#pragma once

#include "server/http/server_common.hpp"
#include "server/runtime/notifier.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::http {

/// How a body that is read while its handler runs has ended.
enum class body_end : std::uint8_t {
    open,     ///< it goes on
    whole,    ///< its last byte has come
    broken,   ///< the peer has gone, or what came is no body
    stalled,  ///< nothing has come for too long
};

/// The body of a request on its way from the session to a handler that runs already.
///
/// The session adds what has come and reads no more while there is no room, so that a handler that
/// takes its time holds back the peer. Everything on the connection's executor.
class body_stream {
public:
    /// What the session may add before the handler takes it, save the rest of one read.
    static constexpr std::size_t bytes_max = std::size_t{64} * 1024;

    /// `on_room` is called when the session may go on, or need not.
    body_stream(const boost::asio::any_io_executor& executor, body_charge charge,
                std::function<void()> on_room);

    // for the handler

    /// All that has come since it was asked last, waiting for the first byte of it. Nothing: no
    /// more will come, or it was closed.
    boost::asio::awaitable<std::optional<std::string>> next();
    body_end end() const { return end_; }
    /// The handler keeps this many bytes back for later. False when that is too much, together with
    /// what other streams hold.
    bool hold(std::size_t bytes);
    /// No more is wanted than what has come by now.
    void close();

    // for the session

    bool has_room() const { return arrived_.size() < bytes_max; }
    bool is_closed() const { return closed_; }
    /// Whether the handler does something else than wait for more: then the peer may well be
    /// silent.
    bool is_busy() const { return !awaited_; }
    void add(const std::string& bytes);
    void finish(body_end how);

private:
    body_charge charge_;
    std::function<void()> on_room_;
    notifier changed_;
    std::string arrived_;
    bool awaited_ = false;
    body_end end_ = body_end::open;
    bool closed_ = false;
};

}  // namespace sluice::http
