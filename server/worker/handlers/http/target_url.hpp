#pragma once

#include "proto/error.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::worker::push {

/// Where a request goes, taken apart.
struct target_url {
    bool secure = false;  ///< https
    std::string host;     ///< lower case, without brackets, without the dot of the root
    /// When the host is an address and no name. One that is mapped into IPv6 is the IPv4 address.
    std::optional<boost::asio::ip::address> literal;
    std::uint16_t port = 0;
    std::string target;      ///< path and query as they were written; at least "/"
    std::string host_field;  ///< for the Host field
};

inline constexpr std::size_t url_bytes_max = 4096;

/// Takes http and https URLs. The fragment is left out, for it is never sent.
///
/// Refused, each with a sentence that says why: other schemes, a user or password, an address in
/// any form but the usual (127.1, 0x7f000001 and 2130706433 would be taken for 127.0.0.1 by the
/// resolver), percent-encoding in the host, names that DNS would not take, port 0, and more than
/// `url_bytes_max` bytes. What the address is does not matter here.
result<target_url> parse_target_url(std::string_view text);

}  // namespace sluice::worker::push
