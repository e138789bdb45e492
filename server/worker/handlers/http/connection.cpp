#include "server/worker/handlers/http/connection.hpp"

#include "server/runtime/nothrow_await.hpp"
#include "server/worker/handlers/http/bounded_body.hpp"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <utility>

namespace sluice::worker::push {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

fault make_fault(fault_kind kind, std::string message) {
    return {.kind = kind, .message = std::move(message)};
}

/// What the parser found wrong, or that the connection ended before the answer did.
fault explain(boost::system::error_code ec, bool began) {
    const bool parser = ec.category() == http::make_error_code(http::error::bad_version).category();
    const bool ended = ec == http::error::end_of_stream || ec == http::error::partial_message;
    if (parser && !ended) return make_fault(fault_kind::bad_response, ec.message());
    return make_fault(fault_kind::connection_lost,
                      began ? "the connection ended before the answer did"
                            : "the connection ended before an answer came");
}

}  // namespace

std::string_view to_string(fault_kind kind) {
    switch (kind) {
        case fault_kind::name_not_resolved:
            return "name_not_resolved";
        case fault_kind::egress_denied:
            return "egress_denied";
        case fault_kind::connect_failed:
            return "connect_failed";
        case fault_kind::tls_failed:
            return "tls_failed";
        case fault_kind::timed_out:
            return "timed_out";
        case fault_kind::connection_lost:
            return "connection_lost";
        case fault_kind::bad_response:
            return "bad_response";
        case fault_kind::stopped:
            return "stopped";
    }
    return "unknown";
}

connection::connection(asio::any_io_executor executor, asio::ssl::context& tls)
    : tls_(tls), socket_(std::move(executor)) {}

asio::awaitable<std::optional<fault>> connection::open(target_url url, asio::ip::address address) {
    const tcp::endpoint endpoint{address, url.port};
    auto [ec] = co_await socket_.async_connect(endpoint, nothrow_await);
    if (ec) {
        co_return make_fault(fault_kind::connect_failed, ec.message());
    }
    boost::system::error_code ignored;
    socket_.set_option(tcp::no_delay{true}, ignored);
    if (!url.secure) co_return std::nullopt;
    auto shaking = shake_hands(std::move(url));
    auto wrong = co_await std::move(shaking);
    co_return wrong;
}

asio::awaitable<std::optional<fault>> connection::shake_hands(target_url url) {
    secure_ = std::make_unique<tls_stream>(socket_, tls_);
    auto* handle = secure_->native_handle();
    // The name goes over the wire so that the server shows the right certificate; an address has
    // no place there.
    if (!url.literal && SSL_set_tlsext_host_name(handle, url.host.c_str()) != 1)
        co_return make_fault(fault_kind::tls_failed, "the host name does not fit into TLS");
    secure_->set_verify_callback(asio::ssl::host_name_verification(url.host));
    auto [ec] = co_await secure_->async_handshake(asio::ssl::stream_base::client, nothrow_await);
    if (!ec) co_return std::nullopt;
    const long verified = SSL_get_verify_result(handle);
    const std::string why =
        verified != X509_V_OK ? X509_verify_cert_error_string(verified) : ec.message();
    co_return make_fault(fault_kind::tls_failed, "TLS: " + why);
}

asio::awaitable<connection::sending> connection::send(std::string_view request) {
    const auto all = asio::buffer(request);
    boost::system::error_code ec;
    std::size_t sent = 0;
    if (secure_) {
        auto [failed, n] = co_await asio::async_write(*secure_, all, nothrow_await);
        ec = failed;
        // Records may be on their way that no complete write accounts for.
        sent = failed ? request.size() : n;
    } else {
        auto [failed, n] = co_await asio::async_write(socket_, all, nothrow_await);
        ec = failed;
        sent = n;
    }
    sending end;
    end.failed = ec.failed();
    end.sent = sent;
    co_return end;
}

asio::awaitable<connection::receiving> connection::receive(bool head) {
    auto reading = secure_ ? receive_from(*secure_, head) : receive_from(socket_, head);
    auto end = co_await std::move(reading);
    co_return end;
}

template <class Stream>
asio::awaitable<connection::receiving> connection::receive_from(Stream& stream, bool head) {
    receiving out;
    for (int interim = 0; interim <= interim_replies_max; ++interim) {
        http::response_parser<bounded_body> parser;
        parser.header_limit(reply_head_bytes_max);
        parser.body_limit(boost::none);  // bounded_body has its own
        parser.skip(head);
        auto [ec, n] = co_await http::async_read(stream, buffer_, parser, nothrow_await);
        out.began = out.began || parser.got_some();
        auto& message = parser.get();
        if (ec && !message.body().cut) {
            out.end = explain(ec, out.began);
            co_return out;
        }
        const unsigned status = message.result_int();
        if (status == 101) break;
        if (status < 200) continue;
        reply answer;
        answer.status = status;
        answer.cut = message.body().cut;
        answer.body = std::move(message.body().text);
        answer.retry_after = std::string(message[http::field::retry_after]);
        answer.job_lease = std::string(message["Job-Lease"]);
        answer.location = std::string(message[http::field::location].substr(0, url_bytes_max));
        // Bytes beyond the answer were never asked for: nothing after them can be trusted.
        answer.keep_alive = !answer.cut && parser.keep_alive() && buffer_.size() == 0;
        out.end = std::move(answer);
        co_return out;
    }
    out.end = make_fault(fault_kind::bad_response, "too many interim answers, or an upgrade");
    co_return out;
}

bool connection::is_quiet() {
    if (!socket_.is_open()) return false;
    if (secure_) {
        auto* handle = secure_->native_handle();
        if (SSL_has_pending(handle) != 0 || BIO_pending(SSL_get_rbio(handle)) > 0) return false;
    }
    boost::system::error_code ec;
    if (!socket_.non_blocking()) socket_.non_blocking(true, ec);
    if (ec) return false;
    char byte = 0;
    socket_.receive(asio::buffer(&byte, 1), asio::socket_base::message_peek, ec);
    return ec == asio::error::would_block;
}

void connection::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace sluice::worker::push
