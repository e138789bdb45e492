#include "server/http/server_state.hpp"

#include "proto/uuid.hpp"

#include <random>

namespace sluice::http {

server_state::server_state(boost::asio::any_io_executor ex, const router& routes, http_config c,
                           logger& l, const boost::asio::ip::address& bound_to)
    : executor(std::move(ex)),
      config(std::move(c)),
      log(l),
      door(config, routes, bound_to),
      session_ended(executor),
      request_salt_(std::random_device{}()) {}

std::string server_state::new_request_id() {
    const auto now =
        std::chrono::time_point_cast<timestamp::duration>(std::chrono::system_clock::now());
    std::string id = "req_";
    append_uuid(id, make_uuid(now, request_sequence_, request_salt_));
    request_sequence_ = (request_sequence_ + 1) & uuid_sequence_max;
    return id;
}

void server_state::warn_of_limit(std::string_view limit, const boost::asio::ip::address& peer) {
    const auto now = std::chrono::steady_clock::now();
    if (now - warned_ < std::chrono::seconds{1}) {
        ++unreported_;
        return;
    }
    warned_ = now;
    const std::string address = peer.to_string();
    log.warning("a limit was hit", {{"limit", limit},
                                    {"peer", std::string_view{address}},
                                    {"unreported", std::exchange(unreported_, 0)}});
}

}  // namespace sluice::http
