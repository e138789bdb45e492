#pragma once

#include "server/http/auth.hpp"
#include "server/http/head_check.hpp"
#include "server/http/http_config.hpp"
#include "server/http/router.hpp"

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sluice::http {

/// The door: decides from a checked head whether a request comes in. Host, cross-site rules, route,
/// media type, token and scope, size; never the body.
class admission {
public:
    /// Throws std::invalid_argument for a malformed token digest or host name.
    ///
    /// All calls on one thread; `failures` may be shared with others. Both references must outlive
    /// this.
    admission(const http_config& config, const router& routes, failure_limiter& failures,
              const boost::asio::ip::address& bound_to);

    /// Nothing: the request may go on, with `route` its handler and `out.queue_patterns` set.
    std::optional<refusal> admit(head_facts& facts, request& out, router::match& route,
                                 const boost::asio::ip::address& peer,
                                 std::chrono::steady_clock::time_point now);

private:
    bool is_own_host(std::string_view host) const;
    std::optional<refusal> authenticate(const head_facts& facts, request& out, scope needed,
                                        const boost::asio::ip::address& peer,
                                        std::chrono::steady_clock::time_point now);

    const router& routes_;
    bool any_host_ = false;
    std::vector<std::string> hosts_;  ///< lower case, without ports; a handful
    authenticator tokens_;
    failure_limiter& failures_;
};

}  // namespace sluice::http
