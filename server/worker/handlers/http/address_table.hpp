#pragma once

#include <boost/asio/ip/address.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Which addresses are on the public internet. Pure: an address goes in, a verdict comes out.
namespace sluice::worker::push {

/// A block of addresses: "10.0.0.0/8", "fc00::/7", or a single address.
class address_block {
public:
    /// Nothing for what is no block, a host part that is not zero included: "10.1.0.0/8" is more
    /// likely a mistake than a wish.
    static std::optional<address_block> parse(std::string_view text);

    /// An IPv4 address mapped into IPv6 (::ffff:a.b.c.d) counts as the IPv4 address it is.
    bool contains(const boost::asio::ip::address& address) const;

private:
    boost::asio::ip::address network_;
    unsigned bits_ = 0;
};

/// `address`, or the IPv4 address that is mapped into it.
boost::asio::ip::address without_mapping(const boost::asio::ip::address& address);

/// The block that makes an address not public, such as "127.0.0.0/8"; empty for a public one.
///
/// IPv4 by the special-purpose registries. IPv6 is public within 2000::/3 only, less the blocks
/// reserved there. An IPv4 address within an IPv6 one (mapped, NAT64, 6to4) is judged as well: it
/// is where the packet goes in the end.
std::string_view not_public(const boost::asio::ip::address& address);

}  // namespace sluice::worker::push
