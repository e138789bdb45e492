#pragma once

#include <boost/asio/ssl/context.hpp>

#include <optional>
#include <string>

namespace sluice::worker::push {

/// Our side of TLS: 1.2 or later, peers must prove themselves by the system's certificates or those
/// in `ca_file`, a PEM file; empty: the system's alone. Throws boost::system::system_error when the
/// file cannot be used.
boost::asio::ssl::context make_client_tls(const std::string& ca_file);

/// Why `ca_file` cannot be used, with its name; nothing when it can, or is empty. Reads it.
std::optional<std::string> fault_of_ca_file(const std::string& ca_file);

}  // namespace sluice::worker::push
