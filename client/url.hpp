#pragma once

#include "client/failure.hpp"

#include <string>
#include <string_view>

namespace sluice::client {

/// Where the server is.
struct base_url {
    std::string host;  ///< without brackets
    std::string port = "80";
    std::string prefix;  ///< path before "/ojs/v1", without a slash at the end; usually empty

    std::string host_field() const;  ///< value of the `Host` field
    std::string text() const;        ///< the whole URL again
};

/// Reads "http://host[:port][/prefix]".
boost::system::result<base_url, complaint> parse_base_url(std::string_view text);

/// Percent-encodes what may not stand in one path segment or query value.
std::string encode_component(std::string_view text);

}  // namespace sluice::client
