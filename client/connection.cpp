#include "client/connection.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <charconv>

namespace sluice::client {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr std::size_t read_buffer_bytes = 64 * 1024;
constexpr std::uint64_t answer_bytes_max = 64 * 1024 * 1024;

http::request<http::string_body> make_request(const call& from, const settings& with) {
    http::request<http::string_body> request{from.method, with.url.prefix + from.target, 11};
    request.set(http::field::host, with.url.host_field());
    request.set(http::field::user_agent, with.user_agent);
    request.set(http::field::accept, "application/openjobspec+json");
    if (!with.token.empty()) request.set(http::field::authorization, "Bearer " + with.token);
    for (const auto& [name, value] : from.fields) request.set(name, value);
    if (!from.body.empty()) {
        request.set(http::field::content_type, "application/openjobspec+json");
        request.body() = from.body;
    }
    request.prepare_payload();
    return request;
}

reply make_reply(http::response<http::string_body> response) {
    reply answer;
    answer.status = response.result_int();
    answer.retry_after = std::string{response[http::field::retry_after]};
    answer.request_id = std::string{response["X-Request-Id"]};
    answer.replayed = response["Idempotency-Replayed"] == "true";
    answer.body = std::move(response.body());
    return answer;
}

tcp::resolver::results_type literal_endpoint(const base_url& url) {
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(url.host, ec);
    unsigned short port = 0;
    std::from_chars(url.port.data(), url.port.data() + url.port.size(), port);
    if (ec) return {};
    return tcp::resolver::results_type::create(tcp::endpoint{address, port}, url.host, url.port);
}

}  // namespace

struct connection::body_reader {
    http::response_parser<http::buffer_body> parser;
};

connection::connection(asio::any_io_executor executor, settings with)
    : settings_(std::move(with)),
      lookup_(executor, settings_.url.host, settings_.url.port),
      stream_(executor),
      buffer_(read_buffer_bytes) {}

connection::~connection() = default;

asio::awaitable<outcome<reply>> connection::exchange(call request) {
    hurried_ = false;
    const bool kept = open_ && !peer_has_closed();
    if (open_ && !kept) drop();
    for (bool again = false;; again = true) {
        if (!open_) {
            auto problem = co_await open();
            if (problem) co_return std::move(*problem);
        }
        bool answer_began = false;
        auto answer = co_await attempt(request, answer_began);
        if (answer.has_value()) co_return answer;
        drop();
        const bool stale = kept && !again && !hurried_ && !answer_began &&
                           answer.error().kind == failure_kind::lost;
        if (!stale || !request.repeatable) co_return answer;
    }
}

asio::awaitable<std::optional<failure>> connection::open() {
    if (closed_ || hurried_) co_return explain(asio::error::operation_aborted, false);
    auto endpoints = literal_endpoint(settings_.url);
    if (endpoints.empty()) {
        const auto deadline = wakeup::clock::now() + settings_.timeout;
        auto looked_up = co_await lookup_.find(deadline);
        if (closed_ || hurried_ || looked_up.problem) co_return explain(looked_up.problem, false);
        endpoints = std::move(looked_up.found);
    }
    stream_.expires_after(settings_.timeout);
    auto [ec, where] = co_await stream_.async_connect(endpoints, nothrow_await);
    if (ec || closed_ || hurried_) co_return explain(ec, false);
    boost::system::error_code ignored;
    stream_.socket().set_option(tcp::no_delay{true}, ignored);
    buffer_.clear();
    open_ = true;
    co_return std::nullopt;
}

asio::awaitable<outcome<reply>> connection::attempt(const call& request, bool& answer_began) {
    const auto message = make_request(request, settings_);
    stream_.expires_after(settings_.timeout + request.wait);
    sent_ = true;
    auto [write_failed, written] = co_await http::async_write(stream_, message, nothrow_await);
    if (write_failed) sent_ = false;
    if (write_failed) co_return explain(write_failed, true);

    http::response_parser<http::string_body> parser;
    parser.body_limit(answer_bytes_max);
    auto [read_failed, read] = co_await http::async_read(stream_, buffer_, parser, nothrow_await);
    sent_ = false;
    answer_began = parser.got_some();
    if (read_failed) co_return explain(read_failed, true);
    if (!parser.keep_alive() || hurried_) drop();
    co_return make_reply(parser.release());
}

asio::awaitable<outcome<reply>> connection::begin_stream(call request) {
    hurried_ = false;
    drop();
    auto problem = co_await open();
    if (problem) co_return std::move(*problem);
    const auto message = make_request(request, settings_);
    stream_.expires_after(settings_.timeout + request.wait);
    auto [write_failed, written] = co_await http::async_write(stream_, message, nothrow_await);
    http::response_parser<http::empty_body> head;
    head.body_limit(boost::none);
    auto ec = write_failed;
    if (!ec) {
        auto [failed, read] =
            co_await http::async_read_header(stream_, buffer_, head, nothrow_await);
        ec = failed;
    }
    if (!ec && head.get().result_int() == 200) {
        body_.reset(new body_reader{http::response_parser<http::buffer_body>{std::move(head)}});
        reply begun;
        begun.status = 200;
        co_return begun;
    }
    http::response_parser<http::string_body> whole{std::move(head)};
    whole.body_limit(answer_bytes_max);
    if (!ec) {
        auto [failed, read] = co_await http::async_read(stream_, buffer_, whole, nothrow_await);
        ec = failed;
    }
    drop();
    if (ec) co_return explain(ec, true);
    co_return make_reply(whole.release());
}

asio::awaitable<outcome<std::string>> connection::read_more(std::chrono::milliseconds silence) {
    std::string bytes;
    // The reader stays until the next stream begins: close() may come while it is in use.
    while (bytes.empty() && open_ && body_ && !body_->parser.is_done()) {
        bytes.resize(read_buffer_bytes);
        auto& body = body_->parser.get().body();
        body.data = bytes.data();
        body.size = bytes.size();
        body.more = true;
        stream_.expires_after(silence);
        auto [ec, read] =
            co_await http::async_read_some(stream_, buffer_, body_->parser, nothrow_await);
        bytes.resize(bytes.size() - body.size);
        if (ec && ec != http::error::need_buffer) {
            drop();
            co_return explain(ec, true);
        }
    }
    if (closed_) co_return explain(asio::error::operation_aborted, true);
    if (bytes.empty()) drop();
    co_return bytes;
}

// A server closes idle connections; to notice before sending spares a request whose outcome would
// be unknown.
bool connection::peer_has_closed() {
    boost::system::error_code ec;
    auto& socket = stream_.socket();
    socket.non_blocking(true, ec);
    if (ec) return true;
    char byte = 0;
    socket.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, ec);
    return ec != asio::error::would_block;
}

void connection::drop() {
    boost::system::error_code ignored;
    stream_.socket().close(ignored);
    open_ = false;
}

void connection::close() {
    closed_ = true;
    lookup_.cancel();
    stream_.cancel();
    drop();
}

void connection::hurry() {
    hurried_ = true;
    boost::system::error_code ignored;
    if (sent_) {
        stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    } else {
        lookup_.cancel();
        stream_.cancel();
        drop();
    }
}

failure connection::explain(boost::system::error_code ec, bool connected) const {
    const std::string where = settings_.url.text();
    failure f;
    if (closed_ || (hurried_ && !connected)) {
        f.kind = failure_kind::closed;
        f.message = "the call to " + where + " was given up";
    } else if (ec == beast::error::timeout && connected) {
        f.kind = failure_kind::timed_out;
        f.message = "no answer from " + where + " within " +
                    std::to_string(settings_.timeout.count()) + " ms";
    } else if (!connected) {
        f.kind = failure_kind::unreachable;
        f.message = "cannot reach " + where + ": " +
                    (ec == asio::error::timed_out  ? "the name's address was not found in time"
                     : ec == beast::error::timeout ? "no answer"
                                                   : ec.message());
    } else if (ec.category() == make_error_code(http::error::bad_version).category() &&
               ec != http::error::end_of_stream && ec != http::error::partial_message) {
        f.kind = failure_kind::bad_answer;
        f.message = where + " does not answer like an HTTP server: " + ec.message();
    } else {
        f.kind = failure_kind::lost;
        f.message = "the connection to " + where + " broke before the answer came";
    }
    return f;
}

}  // namespace sluice::client
