#pragma once

#include "proto/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a session hands to a handler and gets back. The session owns the wire (parsing, limits,
/// deadlines, pipelining, framing); a handler sees only checked, bounded values.
namespace sluice::http {

namespace asio = boost::asio;

/// What a bearer token may do. `admin` includes the others.
enum class scope : std::uint8_t { none, enqueue, work, read, admin };

class body_stream;  // server/http/body_stream.hpp

struct request {
    std::string method;                                      ///< upper case
    std::string path;                                        ///< percent-decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
    std::vector<std::pair<std::string, std::string>>
        fields;  ///< names in lower case; header only, never trailers
    std::string body;
    /// Set when the body is lines of JSON that come while the handler runs; `body` is empty then.
    std::shared_ptr<body_stream> stream;
    std::string request_id;                          ///< ours, or the client's when well formed
    std::chrono::steady_clock::time_point received;  ///< last byte of the request came in
    std::stop_token stop;  ///< requested when the peer has gone or the server drains
    /// Queues the caller's token is good for, with "*" for any run of characters; empty: every
    /// queue.
    std::vector<std::string> queue_patterns;
    bool may_enqueue = true;  ///< the token is good for new jobs too

    /// First value of a header field (lower-case name); empty when absent.
    std::string_view field(std::string_view name) const;
    std::optional<std::string_view> query_value(std::string_view name) const;
};

/// Makes the next piece of a body whose end is not known when its answer begins; nothing: the body
/// has ended. Asked for a piece only when all before it was handed to the system, so that a peer
/// that does not read keeps one piece waiting and no more; a piece is not empty, and bounded by who
/// makes it. Must end soon once the request's `stop` is requested. Dropped only when it is not
/// being asked.
using body_source = std::function<asio::awaitable<std::optional<std::string>>()>;

struct response {
    int status = 200;
    std::string body;                                                ///< no body when empty
    std::string_view content_type = "application/openjobspec+json";  ///< static text
    /// Beyond those the session writes itself (Date, Content-Length, Content-Type, OJS-Version,
    /// X-Request-Id, Connection). Checked for CR, LF and NUL when written.
    std::vector<std::pair<std::string, std::string>> fields;
    bool close = false;
    body_source stream;  ///< set: it makes the body, and the connection closes at its end
    /// Awaited when `stream` has ended or nobody is there for it any more; only if it was ever
    /// asked. The exchange lasts until then.
    std::function<asio::awaitable<void>()> after_stream;
};

/// Values taken from the path by the route's pattern, in order: "/ojs/v1/jobs/{id}" gives one.
using path_values = std::vector<std::string>;
using handler = std::function<asio::awaitable<response>(request, path_values)>;

/// `{"error":...}` with the status of its code, and Retry-After where the code has one.
response error_response(const error& e, const request& r);

/// Whether `Accept` names text/event-stream.
bool wants_event_stream(const request& r);

/// Whether the caller may touch `queue`.
bool queue_allowed(const request& r, std::string_view queue);

}  // namespace sluice::http
