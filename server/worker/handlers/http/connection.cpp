#include "server/worker/handlers/http/connection.hpp"

#include "server/runtime/nothrow_await.hpp"
#include "server/worker/handlers/http/reply_reader.hpp"

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <utility>

namespace sluice::worker::push {

namespace asio = boost::asio;

namespace {

/// Asked for at one time, when there is room.
constexpr std::size_t read_bytes = std::size_t{4} * 1024;

fault make_fault(fault_kind kind, std::string message) {
    return {.kind = kind, .message = std::move(message)};
}

}  // namespace

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

connection::sending connection::send_at_once(std::string_view request) {
    sending out;
    if (secure_) return out;
    boost::system::error_code ec;
    if (!socket_.non_blocking()) socket_.non_blocking(true, ec);
    if (!ec) out.sent = socket_.write_some(asio::buffer(request), ec);
    out.failed = ec.failed() && ec != asio::error::would_block;
    return out;
}

asio::awaitable<connection::sending> connection::send_rest(std::string_view request,
                                                           sending so_far) {
    const auto rest = asio::buffer(request) + so_far.sent;
    if (secure_) {
        auto [ec, n] = co_await asio::async_write(*secure_, rest, nothrow_await);
        // Records may be on their way that no complete write accounts for.
        co_return sending{.failed = ec.failed(), .sent = request.size()};
    }
    auto [ec, n] = co_await asio::async_write(socket_, rest, nothrow_await);
    co_return sending{.failed = ec.failed(), .sent = so_far.sent + n};
}

asio::awaitable<connection::receiving> connection::receive(bool head) {
    return secure_ ? receive_from(*secure_, head) : receive_from(socket_, head);
}

template <class Stream>
asio::awaitable<connection::receiving> connection::receive_from(Stream& stream, bool head) {
    using step = reply_reader::step;
    reply_reader reader(head);
    receiving out;
    step how = reader.read(buffer_);
    while (how == step::need_more) {
        const auto room = std::min(std::max(read_bytes, buffer_.capacity() - buffer_.size()),
                                   buffer_.max_size() - buffer_.size());
        if (room == 0) {
            out.end = make_fault(fault_kind::bad_response, "a line of the answer is too long");
            break;
        }
        auto [ec, n] = co_await stream.async_read_some(buffer_.prepare(room), nothrow_await);
        buffer_.commit(n);
        if (!ec) {
            how = reader.read(buffer_);
        } else {
            how = ec == asio::error::eof ? reader.end() : reader.lost();
        }
    }
    out.began = reader.began();
    if (how == step::failed) out.end = reader.take_fault();
    if (how == step::done) {
        auto answer = reader.take_reply();
        // Bytes beyond the answer were never asked for: nothing after them can be trusted.
        answer.keep_alive = answer.keep_alive && buffer_.size() == 0;
        out.end = std::move(answer);
    }
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
