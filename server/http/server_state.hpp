#pragma once

#include "server/http/admission.hpp"
#include "server/http/response_writer.hpp"
#include "server/http/server_common.hpp"
#include "server/runtime/notifier.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

namespace sluice::http {

class session;

/// What the connections of one thread share. On the thread of `executor` only; `common` is that of
/// all threads of the server.
struct server_state {
    server_state(boost::asio::any_io_executor ex, const router& routes,
                 std::shared_ptr<server_common> shared, const boost::asio::ip::address& bound_to);

    /// "req_" and a UUID.
    std::string new_request_id();

    void warn_of_limit(std::string_view limit, const boost::asio::ip::address& peer) {
        common->warn_of_limit(limit, peer);
    }

    boost::asio::any_io_executor executor;
    std::shared_ptr<server_common> common;
    const http_config& config;
    logger& log;
    admission door;
    date_cache dates;
    bool draining = false;
    /// For the answers that are being made: most are sent at once, and what every request uses
    /// stays in the cache. Whoever cannot send all keeps it.
    std::string spare_output;
    std::unordered_set<session*> sessions;  ///< each inserts and removes itself
    notifier session_ended;

private:
    std::int64_t request_sequence_ = 0;
    std::uint32_t request_salt_;
};

}  // namespace sluice::http
