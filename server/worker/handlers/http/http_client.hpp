#pragma once

#include "server/runtime/next_round.hpp"
#include "server/worker/handlers/http/connection_pool.hpp"
#include "server/worker/handlers/http/cutoff.hpp"
#include "server/worker/handlers/http/egress.hpp"
#include "server/worker/handlers/http/name_lookup.hpp"
#include "server/worker/handlers/http/reply.hpp"

#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace sluice::worker::push {

/// One request, written and ready.
struct outgoing {
    target_url url;
    std::string bytes;
    bool idempotent = false;
    bool head = false;
    std::chrono::milliseconds connect_timeout{5000};  ///< look-up, connect and TLS
    std::chrono::milliseconds timeout{30'000};        ///< in all
};

/// Carries requests to where the rules let them go.
///
/// Each exchange looks the name up once, checks every address it got, and connects to one of those
/// very addresses; what a name leads to later does not matter. Redirects are answers like any
/// other. Connections are kept and used again; a request is sent a second time, on a new
/// connection, only when the kept one turned out to be closed before a byte of an answer came, and
/// only if nothing was sent or sending twice does no harm.
///
/// Everything on `executor`, which one thread runs. References must outlive the client.
class http_client {
public:
    struct options {
        std::string ca_file;  ///< trusted beside the system's; empty: none
        std::size_t idle_most = 256;
        std::chrono::milliseconds idle_time{30'000};
    };

    /// Throws boost::system::system_error when `ca_file` cannot be used.
    http_client(boost::asio::any_io_executor executor, name_lookup& names,
                const egress_rules& rules, const options& with);

    /// Ends within the request's timeout, and promptly after `stop` was requested.
    boost::asio::awaitable<exchanged> exchange(outgoing request, std::stop_token stop);

    /// Closes what is kept.
    void close_idle() { idle_.close_all(); }

    std::size_t idle() const { return idle_.size(); }

private:
    using time_point = std::chrono::steady_clock::time_point;

    struct kept {
        std::shared_ptr<connection> via;
        peer whom;
    };
    struct attempted {
        exchanged end;
        bool may_repeat = false;
    };

    std::optional<fault> check(const target_url& url, const addresses& where) const;
    kept take_idle(const target_url& url, const addresses& where);
    boost::asio::awaitable<std::variant<kept, fault>> connect(const outgoing& request,
                                                              const addresses& where,
                                                              time_point deadline, cutoff& limit);
    boost::asio::awaitable<attempted> attempt(const outgoing& request, kept& on, cutoff& limit);

    boost::asio::any_io_executor executor_;
    name_lookup& names_;
    const egress_rules& rules_;
    boost::asio::ssl::context tls_;
    next_round rounds_;  ///< in which calls do together what they do next
    connection_pool idle_;
};

}  // namespace sluice::worker::push
