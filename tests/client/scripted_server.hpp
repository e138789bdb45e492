#pragma once

#include "client/asio.hpp"
#include "client/connection.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::client::test {

using request = boost::beast::http::request<boost::beast::http::string_body>;

/// What the server does with one request.
struct script {
    int status = 200;
    std::string body;
    std::vector<std::pair<std::string, std::string>> fields;
    std::chrono::milliseconds delay{0};   ///< before it answers
    asio::steady_timer* until = nullptr;  ///< answers when its wait is over, if there is one
    bool answers = true;                  ///< false: closes without a byte
    bool closes = false;                  ///< after the answer, without saying so before
    bool hangs = false;                   ///< neither answers nor closes
    std::string raw;                      ///< sent as it is instead of an HTTP answer
    bool lingers = false;                 ///< does not close after `raw`
};

/// A real HTTP server on a loopback port, on the io_context of the test, that does as told.
class scripted_server {
public:
    using behaviour = std::function<script(const request&)>;

    scripted_server(asio::any_io_executor executor, behaviour act);

    settings settings_for_client() const;
    /// No more connections; those that are open end with their sockets.
    void stop();

    std::size_t connections = 0;
    std::vector<request> requests;

private:
    asio::awaitable<void> accept();
    asio::awaitable<void> serve(std::shared_ptr<asio::ip::tcp::socket> socket);

    behaviour act_;
    asio::ip::tcp::acceptor acceptor_;
    std::vector<std::shared_ptr<asio::ip::tcp::socket>> open_;
};

/// A port nobody listens on.
unsigned short unused_port();

}  // namespace sluice::client::test
