#pragma once

#include "server/http/server_state.hpp"
#include "server/runtime/task_group.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace sluice::http {

/// Accepts the connections of one thread and owns them until they end.
///
/// All calls on the thread that runs `context`, `open` and `begin` before it does so.
class listener {
public:
    /// Who else listens at the same port.
    enum class sharing : std::uint8_t {
        none,
        first,   ///< others of this process will; nobody may be there yet
        joined,  ///< others of this process do
    };

    listener(boost::asio::io_context& context, const router& routes,
             std::shared_ptr<server_common> common);

    /// Binds and listens. Throws boost::system::system_error.
    void open(const boost::asio::ip::tcp::endpoint& endpoint, sharing how);
    /// The addresses bound, in the order in which they were opened.
    std::vector<boost::asio::ip::tcp::endpoint> bound() const;
    /// Begins to accept; at least one address is bound.
    void begin();

    /// See server.
    void begin_drain();
    boost::asio::awaitable<void> stop(std::chrono::milliseconds grace);

    boost::asio::io_context& context() { return context_; }

private:
    boost::asio::awaitable<void> accept(boost::asio::ip::tcp::acceptor& acceptor);
    void welcome(boost::asio::ip::tcp::socket socket, const boost::asio::ip::address& peer);
    void turn_away(boost::asio::ip::tcp::socket socket);
    std::vector<std::shared_ptr<session>> open_sessions() const;

    boost::asio::io_context& context_;
    const router& routes_;
    std::shared_ptr<server_common> common_;
    std::shared_ptr<server_state> state_;
    std::vector<boost::asio::ip::tcp::acceptor> acceptors_;
    task_group tasks_;  ///< last, see there
};

}  // namespace sluice::http
