#include "tests/client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <exception>

namespace sluice::client::test {

namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

namespace {

const tcp::endpoint any_loopback_port{asio::ip::address_v4::loopback(), 0};

http::response<http::string_body> make_response(const script& doing, unsigned version) {
    http::response<http::string_body> response;
    response.version(version);
    response.result(static_cast<unsigned>(doing.status));
    for (const auto& [name, value] : doing.fields) response.set(name, value);
    response.body() = doing.body;
    response.prepare_payload();
    return response;
}

/// What breaks the server breaks the test: it comes out of the context's run().
void rethrow(std::exception_ptr broken) {
    if (broken) std::rethrow_exception(broken);
}

}  // namespace

scripted_server::scripted_server(asio::any_io_executor executor, behaviour act)
    : act_(std::move(act)), acceptor_(executor, any_loopback_port) {
    asio::co_spawn(executor, accept(), rethrow);
}

settings scripted_server::settings_for_client() const {
    settings with;
    with.url.host = "127.0.0.1";
    with.url.port = std::to_string(acceptor_.local_endpoint().port());
    with.timeout = std::chrono::seconds{10};
    return with;
}

void scripted_server::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    for (auto& socket : open_) socket->close(ignored);
}

asio::awaitable<void> scripted_server::accept() {
    for (;;) {
        auto [ec, accepted] = co_await acceptor_.async_accept(nothrow_await);
        if (ec) co_return;
        ++connections;
        auto socket = std::make_shared<tcp::socket>(std::move(accepted));
        open_.push_back(socket);
        asio::co_spawn(acceptor_.get_executor(), serve(socket), rethrow);
    }
}

asio::awaitable<void> scripted_server::serve(std::shared_ptr<tcp::socket> socket) {
    boost::beast::flat_buffer buffer;
    boost::system::error_code ignored;
    for (;;) {
        request asked;
        auto [read_failed, read] = co_await http::async_read(*socket, buffer, asked, nothrow_await);
        if (read_failed) break;
        const script doing = act_(asked);
        const unsigned version = asked.version();
        requests.push_back(std::move(asked));
        if (doing.hangs) co_return;
        if (doing.delay.count() > 0) {
            asio::steady_timer pause{acceptor_.get_executor(), doing.delay};
            co_await pause.async_wait(nothrow_await);
        }
        if (doing.until != nullptr) co_await doing.until->async_wait(nothrow_await);
        if (!doing.answers) break;
        if (!doing.raw.empty()) {
            co_await asio::async_write(*socket, asio::buffer(doing.raw), nothrow_await);
            if (doing.lingers) co_return;
            break;
        }
        const auto response = make_response(doing, version);
        co_await http::async_write(*socket, response, nothrow_await);
        if (doing.closes) break;
    }
    socket->close(ignored);
}

unsigned short unused_port() {
    asio::io_context io;
    tcp::acceptor acceptor{io, any_loopback_port};
    return acceptor.local_endpoint().port();
}

}  // namespace sluice::client::test
