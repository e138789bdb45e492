#pragma once

#include "server/worker/handlers/http/address_table.hpp"
#include "server/worker/handlers/http/target_url.hpp"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::worker::push {

/// Where requests may go. Everything public may be reached, and what is on the list besides.
///
/// The list has blocks of addresses ("10.1.0.0/16", "127.0.0.1"), names ("hooks.internal.example")
/// and names with all below them ("*.internal.example"). A listed name may have any address. Ports
/// are 80, 443 and 1024 or more, whatever the list says. The server's own port is closed, so that
/// no job calls the server that runs it; a listed address of another machine may be called on it.
class egress_rules {
public:
    using is_own_address = std::function<bool(const boost::asio::ip::address&)>;

    /// `own` tells the addresses of this machine; without it only loopback ones are known.
    explicit egress_rules(const std::vector<std::string>& allow, is_own_address own = {});

    /// What is wrong with an entry of the list; nothing when it can be used.
    static std::optional<std::string> fault_of(std::string_view entry);

    /// Whether the list has this host, by name or address.
    bool lists(const target_url& url) const;

    void own_port(std::uint16_t port) { own_port_ = port; }

    /// Why this URL may not be called, as far as that can be told without a look-up; nothing when
    /// it may.
    std::optional<std::string> refuse(const target_url& url) const;

    /// Why this address of the URL's host may not be called. The one question that counts, asked
    /// for every address of every attempt.
    std::optional<std::string> refuse(const target_url& url,
                                      const boost::asio::ip::address& address) const;

private:
    bool name_is_listed(const target_url& url) const;
    bool is_listed(const target_url& url, const boost::asio::ip::address& address) const;

    std::vector<address_block> blocks_;
    std::vector<std::string> names_;     ///< exact
    std::vector<std::string> suffixes_;  ///< ".internal.example"
    is_own_address own_;
    std::uint16_t own_port_ = 0;
};

/// Whether an address belongs to this machine, loopback included. Asks the system each time.
bool is_address_of_this_machine(const boost::asio::ip::address& address);

}  // namespace sluice::worker::push
