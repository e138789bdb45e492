#pragma once

#include "tests/bench/load.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench {

/// One connection to a peer on this machine: a request goes out, the bytes of its answer come back.
/// Throws boost::system::system_error when the connection breaks, and what the peer's `answer_size`
/// throws.
class wire {
public:
    explicit wire(boost::asio::io_context& context) : socket_(context) {}

    boost::asio::awaitable<void> open(std::uint16_t port, std::vector<exchange> greeting) {
        const boost::asio::ip::tcp::endpoint where(boost::asio::ip::address_v4::loopback(), port);
        co_await socket_.async_connect(where, boost::asio::use_awaitable);
        socket_.set_option(boost::asio::ip::tcp::no_delay(true));
        for (const auto& step : greeting) co_await ask(step.request, &step.answer);
    }

    /// Sends `request`, nothing when it is empty, and waits for a whole answer. What is returned is
    /// good until the next call; bytes after the answer are kept for that.
    boost::asio::awaitable<std::string_view> ask(std::string request, const answer_size* answer) {
        std::memmove(buffer_.data(), buffer_.data() + taken_, have_ - taken_);
        have_ -= taken_;
        taken_ = 0;
        if (!request.empty())
            co_await boost::asio::async_write(socket_, boost::asio::buffer(request),
                                              boost::asio::use_awaitable);
        for (;;) {
            if (have_ > 0) taken_ = (*answer)({buffer_.data(), have_});
            if (taken_ > 0) break;
            if (have_ == buffer_.size()) buffer_.resize(2 * buffer_.size());
            const auto room = boost::asio::buffer(buffer_.data() + have_, buffer_.size() - have_);
            have_ += co_await socket_.async_read_some(room, boost::asio::use_awaitable);
        }
        co_return std::string_view(buffer_.data(), taken_);
    }

private:
    boost::asio::ip::tcp::socket socket_;
    std::vector<char> buffer_ = std::vector<char>(65536);
    std::size_t have_ = 0;
    std::size_t taken_ = 0;
};

}  // namespace sluice::bench
