#pragma once

#include "server/runtime/task_group.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace sluice::worker::push::test {

/// What the receiver does once it has read a request.
struct script {
    std::string raw = {};                ///< sent as it is, first
    std::string repeat = {};             ///< then this, without end
    std::chrono::milliseconds pause{0};  ///< between repetitions, and between the bytes of `raw`
    enum class ending { keep, close, reset, hang } end = ending::keep;
};

/// A raw server on a loopback port and the test's own context that does as told. It reads heads
/// byte for byte up to the empty line and bodies by Content-Length; it checks nothing.
class receiver {
public:
    using behaviour = std::function<script(const std::string& request)>;

    /// With `tls` it speaks TLS; that must outlive it.
    receiver(boost::asio::any_io_executor executor, behaviour act,
             boost::asio::ssl::context* tls = nullptr);

    std::string url() const;  ///< of 127.0.0.1, ends in "/"
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    void stop();

    std::size_t connections = 0;
    std::vector<std::string> requests;

private:
    using tcp = boost::asio::ip::tcp;

    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> serve(std::shared_ptr<tcp::socket> socket);
    template <class Stream>
    boost::asio::awaitable<void> talk(Stream& stream, std::shared_ptr<tcp::socket> socket);
    template <class Stream>
    boost::asio::awaitable<bool> play(Stream& stream, std::shared_ptr<tcp::socket> socket,
                                      script doing);

    behaviour act_;
    boost::asio::ssl::context* tls_;
    tcp::acceptor acceptor_;
    std::list<std::weak_ptr<tcp::socket>> open_;
    bool stopped_ = false;
    task_group tasks_;
};

}  // namespace sluice::worker::push::test
