#pragma once

#include "client/asio.hpp"
#include "client/failure.hpp"
#include "client/name_lookup.hpp"
#include "client/url.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/verb.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client {

struct settings {
    base_url url;
    std::string token;  ///< bearer token; empty: none is sent
    /// For connecting, and for each answer beyond the time the call itself asks the server to wait.
    std::chrono::milliseconds timeout{30'000};
    std::string user_agent = "sluice";
};

struct call {
    boost::beast::http::verb method = boost::beast::http::verb::get;
    std::string target;  ///< path and query below the URL's prefix, such as "/ojs/v1/health"
    std::string body;    ///< sent with a JSON content type when not empty
    std::vector<std::pair<std::string, std::string>> fields;
    std::chrono::milliseconds wait{0};  ///< how long the server may hold its answer back
    bool repeatable = true;             ///< sending it twice does no more than sending it once
};

struct reply {
    int status = 0;
    std::string body;
    std::string retry_after;  ///< header fields the client looks at; empty when absent
    std::string request_id;
    bool replayed = false;  ///< `Idempotency-Replayed: true`
};

/// One connection to the server, opened when first needed, kept alive between calls, opened anew
/// after it broke. Serves one call at a time; everything happens on one executor.
class connection {
public:
    connection(asio::any_io_executor executor, settings with);
    ~connection();

    /// Sends one request and reads the answer, whatever its status. A call that is `repeatable` is
    /// sent once more when a kept connection turns out to be dead before any answer.
    /// Errors: unreachable, lost, timed_out, closed, bad_answer.
    asio::awaitable<outcome<reply>> exchange(call request);

    /// Sends one request over a new connection whose answer goes on for as long as it likes. With a
    /// status of 200 the body is to be read with `read_more`; with another one it is in the reply.
    /// Errors as of `exchange`.
    asio::awaitable<outcome<reply>> begin_stream(call request);
    /// The next bytes of the body; none once it has ended. Fails with timed_out when nothing comes
    /// for as long as `silence`.
    asio::awaitable<outcome<std::string>> read_more(std::chrono::milliseconds silence);

    /// Ends the call under way, and all later ones, with `closed`.
    void close();

    /// Asks the server to answer the call under way at once instead of holding its answer back:
    /// ends our side of the connection, which the server takes for the end of our patience. What it
    /// has granted by then still arrives. A call whose request was not sent yet ends with `closed`.
    /// Later calls go over a new connection.
    void hurry();

    const settings& configured() const { return settings_; }
    /// From the next call on.
    void set_timeout(std::chrono::milliseconds timeout) { settings_.timeout = timeout; }

private:
    struct body_reader;

    asio::awaitable<std::optional<failure>> open();
    asio::awaitable<outcome<reply>> attempt(const call& request, bool& answer_began);
    bool peer_has_closed();
    void drop();
    failure explain(boost::system::error_code ec, bool connected) const;

    settings settings_;
    name_lookup lookup_;
    boost::beast::tcp_stream stream_;
    boost::beast::flat_buffer buffer_;
    std::unique_ptr<body_reader> body_;  ///< of the answer that goes on
    bool open_ = false;
    bool sent_ = false;     ///< the request of the call under way, or nearly
    bool hurried_ = false;  ///< the call under way is to end
    bool closed_ = false;
};

}  // namespace sluice::client
