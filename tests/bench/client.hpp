#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace sluice::bench {

namespace asio = boost::asio;

/// One request after the other on one connection. Throws on an answer that says no.
class client {
public:
    explicit client(std::uint16_t port) : socket_(context_) {
        socket_.connect({asio::ip::address_v4::loopback(), port});
    }

    nlohmann::json call(const std::string& method, const std::string& path,
                        const std::string& body = {}) {
        const auto request =
            method + ' ' + path +
            " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
            (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
            "\r\n" + body;
        asio::write(socket_, asio::buffer(request));
        const auto head = asio::read_until(socket_, asio::dynamic_buffer(buffer_), "\r\n\r\n");
        const auto at = buffer_.find("Content-Length: ");
        if (!buffer_.starts_with("HTTP/1.1 20") || at > head)
            throw std::runtime_error("refused: " + buffer_);
        const auto whole = head + std::strtoul(buffer_.c_str() + at + 16, nullptr, 10);
        if (buffer_.size() < whole)
            asio::read(socket_, asio::dynamic_buffer(buffer_),
                       asio::transfer_exactly(whole - buffer_.size()));
        auto answer = nlohmann::json::parse(buffer_.substr(head, whole - head));
        buffer_.erase(0, whole);
        return answer;
    }

private:
    asio::io_context context_;
    asio::ip::tcp::socket socket_;
    std::string buffer_;
};

}  // namespace sluice::bench
