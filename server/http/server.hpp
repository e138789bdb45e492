#pragma once

#include "server/http/http_config.hpp"
#include "server/http/router.hpp"
#include "server/observe/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace sluice::http {

/// One thread's part of a server: the context that it runs, and the routes that answer there.
struct server_part {
    boost::asio::io_context& context;
    const router& routes;
};

/// Accepts connections and answers requests through a router, on one thread or on several. Each
/// connection stays on the thread that accepted it; limits hold for all of them together.
///
/// All calls on the thread that runs the context of the server, `home`; `listen` and the
/// destructor while no other context runs. Contexts, routes and `log` must outlive the server.
class server {
public:
    /// On one thread.
    server(boost::asio::io_context& home, const router& routes, http_config config, logger& log);
    /// On the thread of each part, of which there is at least one; that of `home` may be among
    /// them. A request's handler, `stop` and stream are called on its part's thread.
    server(boost::asio::io_context& home, const std::vector<server_part>& parts, http_config config,
           logger& log);
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

    /// From any thread.
    std::size_t connections() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

}  // namespace sluice::http
