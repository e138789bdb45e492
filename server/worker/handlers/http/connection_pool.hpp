#pragma once

#include "server/worker/handlers/http/connection.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace sluice::worker::push {

/// Who a connection leads to. The address is part of it: a connection is used again only by a
/// request whose host has just been found to have this very address, and been allowed.
struct peer {
    bool secure = false;
    std::string host;
    std::uint16_t port = 0;
    boost::asio::ip::address address;

    friend bool operator<(const peer& a, const peer& b) {
        return std::tie(a.port, a.secure, a.host, a.address) <
               std::tie(b.port, b.secure, b.host, b.address);
    }
};

/// Connections that wait for their next request; the youngest is used first. Bounded in number and
/// in time. On one executor; a timer runs only while something waits.
class connection_pool {
public:
    connection_pool(boost::asio::any_io_executor executor, std::size_t most,
                    std::chrono::milliseconds idle_time);
    ~connection_pool();
    connection_pool(const connection_pool&) = delete;
    connection_pool& operator=(const connection_pool&) = delete;

    /// Null when none waits. What turned out to be dead is closed on the way.
    std::shared_ptr<connection> take(const peer& whom);

    /// When there are too many already the one that has waited longest is closed.
    void put(peer whom, std::shared_ptr<connection> idle);

    void close_all();

    std::size_t size() const { return waiting_.size(); }

private:
    struct entry {
        peer whom;
        std::shared_ptr<connection> idle;
        std::chrono::steady_clock::time_point until;
    };
    using entries = std::list<entry>;  ///< oldest first

    void drop(entries::iterator which);
    void watch();
    void expire();

    const std::size_t most_;
    const std::chrono::milliseconds idle_time_;
    entries waiting_;
    std::map<peer, std::vector<entries::iterator>> by_peer_;  ///< youngest last
    boost::asio::steady_timer timer_;
    bool watching_ = false;
    std::shared_ptr<connection_pool*> self_;  ///< what the timer knows us by
};

}  // namespace sluice::worker::push
