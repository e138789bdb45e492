#pragma once

#include "server/http/http_config.hpp"
#include "server/http/router.hpp"
#include "server/observe/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace sluice::http {

/// Accepts connections and answers requests through a router.
///
/// All calls on the thread that runs `context`. `routes` and `log` must outlive the server.
class server {
public:
    server(boost::asio::io_context& context, const router& routes, http_config config, logger& log);
    ~server();
    server(const server&) = delete;
    server& operator=(const server&) = delete;

    /// Binds, listens and begins to accept. Returns the bound endpoint. Throws
    /// boost::system::system_error.
    boost::asio::ip::tcp::endpoint listen();

    /// Stops accepting, requests `stop` of every request under way, and closes each connection
    /// after its current answer. Idempotent.
    void begin_drain();

    /// Completes when every connection has ended; after `grace` those that are left are cut.
    boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

    std::size_t connections() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace sluice::http
