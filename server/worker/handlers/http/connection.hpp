#pragma once

#include "server/worker/handlers/http/reply.hpp"
#include "server/worker/handlers/http/target_url.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::worker::push {

/// One connection to one checked address, plain or TLS, for one request at a time. Everything on
/// its executor, which one thread runs.
///
/// It has no clock of its own: whoever uses it calls `close` when the time is over or the job is to
/// stop; what is under way then ends with an error, and the caller knows why.
class connection {
public:
    using tcp = boost::asio::ip::tcp;

    /// `tls` must outlive the connection and already verify peers.
    connection(boost::asio::any_io_executor executor, boost::asio::ssl::context& tls);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Connects to `address` and, for https, proves that the other side is `url.host`.
    boost::asio::awaitable<std::optional<fault>> open(target_url url,
                                                      boost::asio::ip::address address);

    struct sending {
        bool failed = false;
        std::size_t sent = 0;  ///< bytes handed to the system, all in all
    };
    /// Hands the system what it takes without waiting: nearly always all of a request, and then
    /// nothing has to wait. With TLS nothing.
    sending send_at_once(std::string_view request);
    /// The rest; `so_far` is what `send_at_once` returned, and has not failed. `request` must stay
    /// until this completes.
    boost::asio::awaitable<sending> send_rest(std::string_view request, sending so_far);

    struct receiving {
        std::variant<reply, fault> end;
        bool began = false;  ///< a byte of an answer came in
    };
    /// Reads one answer, within the limits of reply.hpp. `head`: it was a HEAD request.
    boost::asio::awaitable<receiving> receive(bool head);

    /// Whether it is open and nothing has come in since the last answer: neither its end nor an
    /// answer nobody asked for.
    bool is_quiet();

    void close();

private:
    using tls_stream = boost::asio::ssl::stream<tcp::socket&>;

    boost::asio::awaitable<std::optional<fault>> shake_hands(target_url url);
    template <class Stream>
    boost::asio::awaitable<receiving> receive_from(Stream& stream, bool head);

    boost::asio::ssl::context& tls_;
    tcp::socket socket_;
    std::unique_ptr<tls_stream> secure_;  ///< null for http
    boost::beast::flat_buffer buffer_{reply_buffer_bytes_max};
};

}  // namespace sluice::worker::push
