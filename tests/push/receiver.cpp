#include "tests/push/receiver.hpp"

#include "server/runtime/nothrow_await.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <cstdlib>
#include <exception>

namespace sluice::worker::push::test {

namespace asio = boost::asio;

namespace {

std::size_t body_length(const std::string& head) {
    const auto at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10);
}

}  // namespace

receiver::receiver(asio::any_io_executor executor, behaviour act, asio::ssl::context* tls)
    : act_(std::move(act)),
      tls_(tls),
      acceptor_(executor, tcp::endpoint{asio::ip::address_v4::loopback(), 0}),
      tasks_(executor, [](std::exception_ptr) { std::abort(); }) {
    tasks_.spawn(accept());
}

std::string receiver::url() const {
    return (tls_ != nullptr ? "https" : "http") + std::string("://127.0.0.1:") +
           std::to_string(port()) + '/';
}

void receiver::stop() {
    stopped_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    for (auto& weak : open_)
        if (const auto socket = weak.lock()) socket->close(ignored);
}

asio::awaitable<void> receiver::accept() {
    for (;;) {
        auto [ec, accepted] = co_await acceptor_.async_accept(nothrow_await);
        if (ec) co_return;
        ++connections;
        auto socket = std::make_shared<tcp::socket>(std::move(accepted));
        open_.push_back(socket);
        tasks_.spawn(serve(std::move(socket)));
    }
}

asio::awaitable<void> receiver::serve(std::shared_ptr<tcp::socket> socket) {
    if (tls_ == nullptr) {
        auto talking = talk(*socket, socket);
        co_await std::move(talking);
        co_return;
    }
    asio::ssl::stream<tcp::socket&> secure(*socket, *tls_);
    auto [ec] = co_await secure.async_handshake(asio::ssl::stream_base::server, nothrow_await);
    if (ec) co_return;
    auto talking = talk(secure, socket);
    co_await std::move(talking);
}

template <class Stream>
asio::awaitable<void> receiver::talk(Stream& stream, std::shared_ptr<tcp::socket> socket) {
    std::string buffer;
    for (;;) {
        auto [ec, head] = co_await asio::async_read_until(stream, asio::dynamic_buffer(buffer),
                                                          "\r\n\r\n", nothrow_await);
        if (ec) co_return;
        const std::size_t length = head + body_length(buffer.substr(0, head));
        if (buffer.size() < length) {
            auto [failed, n] = co_await asio::async_read(
                stream, asio::dynamic_buffer(buffer),
                asio::transfer_exactly(length - buffer.size()), nothrow_await);
            if (failed) co_return;
        }
        requests.push_back(buffer.substr(0, length));
        buffer.erase(0, length);
        auto doing = act_(requests.back());
        auto playing = play(stream, socket, std::move(doing));
        const bool go_on = co_await std::move(playing);
        if (!go_on) co_return;
    }
}

template <class Stream>
asio::awaitable<bool> receiver::play(Stream& stream, std::shared_ptr<tcp::socket> socket,
                                     script doing) {
    asio::steady_timer timer(acceptor_.get_executor());
    const std::size_t step = doing.pause.count() > 0 ? 1 : doing.raw.size();
    for (std::size_t at = 0; at < doing.raw.size(); at += step) {
        const auto part = asio::buffer(doing.raw.data() + at, step);
        auto [ec, n] = co_await asio::async_write(stream, part, nothrow_await);
        if (ec) co_return false;
        if (doing.pause.count() == 0) continue;
        timer.expires_after(doing.pause);
        co_await timer.async_wait(nothrow_await);
    }
    while (!doing.repeat.empty() && !stopped_) {
        auto [ec, n] =
            co_await asio::async_write(stream, asio::buffer(doing.repeat), nothrow_await);
        if (ec) co_return false;
        if (doing.pause.count() == 0) continue;
        timer.expires_after(doing.pause);
        co_await timer.async_wait(nothrow_await);
    }
    boost::system::error_code ignored;
    switch (doing.end) {
        case script::ending::keep:
            co_return true;
        case script::ending::reset:
            socket->set_option(asio::socket_base::linger{true, 0}, ignored);
            socket->close(ignored);
            co_return false;
        case script::ending::close:
            socket->close(ignored);
            co_return false;
        case script::ending::hang: {
            char byte = 0;
            co_await asio::async_read(stream, asio::buffer(&byte, 1), nothrow_await);
            co_return false;
        }
    }
    co_return false;
}

}  // namespace sluice::worker::push::test
