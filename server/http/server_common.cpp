#include "server/http/server_common.hpp"

#include <string>

namespace sluice::http {

std::string_view connection_book::enter(const boost::asio::ip::address& peer) {
    const std::lock_guard lock(mutex_);
    if (open_ >= max_) return "connections";
    const auto known = per_address_.find(peer);
    const std::size_t of_peer = known == per_address_.end() ? 0 : known->second;
    if (of_peer >= per_address_max_) return "connections_per_address";
    ++per_address_[peer];
    ++open_;
    return {};
}

void connection_book::leave(const boost::asio::ip::address& peer) {
    const std::lock_guard lock(mutex_);
    --open_;
    const auto entry = per_address_.find(peer);
    if (--entry->second == 0) per_address_.erase(entry);
}

std::size_t connection_book::size() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

server_common::server_common(http_config c, logger& l)
    : config(std::move(c)),
      log(l),
      connections(config.connections_max, config.connections_per_address_max) {}

void server_common::warn_of_limit(std::string_view limit, const boost::asio::ip::address& peer) {
    const auto now = std::chrono::steady_clock::now();
    std::int64_t unreported = 0;
    {
        const std::lock_guard lock(warning_mutex_);
        if (now - warned_ < std::chrono::seconds{1}) {
            ++unreported_;
            return;
        }
        warned_ = now;
        unreported = std::exchange(unreported_, 0);
    }
    const std::string address = peer.to_string();
    log.warning(
        "a limit was hit",
        {{"limit", limit}, {"peer", std::string_view{address}}, {"unreported", unreported}});
}

}  // namespace sluice::http
