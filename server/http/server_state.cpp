#include "server/http/server_state.hpp"

#include "proto/uuid.hpp"

#include <random>
#include <utility>

namespace sluice::http {

server_state::server_state(boost::asio::any_io_executor ex, const router& routes,
                           std::shared_ptr<server_common> shared,
                           const boost::asio::ip::address& bound_to)
    : executor(std::move(ex)),
      common(std::move(shared)),
      config(common->config),
      log(common->log),
      door(config, routes, common->failures, bound_to),
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

}  // namespace sluice::http
