#include "server/worker/handlers/http/address_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace sluice::worker::push {

namespace {

namespace ip = boost::asio::ip;
using bytes = ip::address_v6::bytes_type;

struct block_v4 {
    std::uint32_t network;
    unsigned bits;
    std::string_view text;
};

constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return a << 24 | b << 16 | c << 8 | d;
}

constexpr auto closed_v4 = std::to_array<block_v4>({
    {v4(0, 0, 0, 0), 8, "0.0.0.0/8"},
    {v4(10, 0, 0, 0), 8, "10.0.0.0/8"},
    {v4(100, 64, 0, 0), 10, "100.64.0.0/10"},
    {v4(127, 0, 0, 0), 8, "127.0.0.0/8"},
    {v4(169, 254, 0, 0), 16, "169.254.0.0/16"},
    {v4(172, 16, 0, 0), 12, "172.16.0.0/12"},
    {v4(192, 0, 0, 0), 24, "192.0.0.0/24"},
    {v4(192, 0, 2, 0), 24, "192.0.2.0/24"},
    {v4(192, 88, 99, 0), 24, "192.88.99.0/24"},
    {v4(192, 168, 0, 0), 16, "192.168.0.0/16"},
    {v4(198, 18, 0, 0), 15, "198.18.0.0/15"},
    {v4(198, 51, 100, 0), 24, "198.51.100.0/24"},
    {v4(203, 0, 113, 0), 24, "203.0.113.0/24"},
    {v4(224, 0, 0, 0), 4, "224.0.0.0/4"},
    {v4(240, 0, 0, 0), 4, "240.0.0.0/4"},
});

/// What is closed within 2000::/3; the first two groups decide, but for one.
struct block_v6 {
    std::uint32_t prefix;  ///< the first 32 bits
    unsigned bits;         ///< at most 32
    std::string_view text;
};

constexpr auto closed_v6 = std::to_array<block_v6>({
    {0x20010000, 23, "2001::/23"},      // Teredo 2001::/32 and other protocols' own
    {0x20010db8, 32, "2001:db8::/32"},  // documentation
    {0x3fff0000, 20, "3fff::/20"},      // documentation
});

/// Blocks outside of 2000::/3 that deserve their name in the message.
constexpr auto named_v6 = std::to_array<block_v6>({
    {0xfc000000, 7, "fc00::/7"},
    {0xfe800000, 10, "fe80::/10"},
    {0xff000000, 8, "ff00::/8"},
});

constexpr bool shares(std::uint32_t a, std::uint32_t b, unsigned bits) {
    return bits == 0 || ((a ^ b) >> (32 - bits)) == 0;
}

std::uint32_t word(const bytes& b, std::size_t at) {
    return v4(b[at], b[at + 1], b[at + 2], b[at + 3]);
}

std::string_view not_public_v4(std::uint32_t address) {
    for (const auto& block : closed_v4)
        if (shares(address, block.network, block.bits)) return block.text;
    return {};
}

template <class Blocks>
std::string_view find_block(const Blocks& blocks, std::uint32_t first) {
    for (const auto& block : blocks)
        if (shares(first, block.prefix, block.bits)) return block.text;
    return {};
}

std::string_view not_public_v6(const bytes& b) {
    const std::uint32_t first = word(b, 0);
    const bool upper_zero = first == 0 && word(b, 4) == 0;
    if (upper_zero && word(b, 8) == 0xffff) return not_public_v4(word(b, 12));
    if (first == 0x0064ff9b && word(b, 4) == 0 && word(b, 8) == 0)
        return not_public_v4(word(b, 12));
    if (upper_zero && word(b, 8) == 0) {
        if (word(b, 12) == 0) return "::/128";
        return word(b, 12) == 1 ? "::1/128" : "::/96";
    }
    if (shares(first, 0x20020000, 16)) return not_public_v4(first << 16 | word(b, 4) >> 16);
    if (const auto named = find_block(named_v6, first); !named.empty()) return named;
    if (!shares(first, 0x20000000, 3)) return "outside of 2000::/3";
    return find_block(closed_v6, first);
}

/// Whether the first `bits` bits of both are the same.
template <class Bytes>
bool same_prefix(const Bytes& a, const Bytes& b, unsigned bits) {
    for (std::size_t i = 0; i < a.size() && bits > 0; ++i) {
        const unsigned here = std::min(bits, 8U);
        if ((a[i] ^ b[i]) >> (8 - here) != 0) return false;
        bits -= here;
    }
    return true;
}

template <class Bytes>
bool host_part_is_zero(const Bytes& a, unsigned bits) {
    for (std::size_t i = 0; i < a.size(); ++i) {
        const auto before = static_cast<unsigned>(i * 8);
        const unsigned kept = bits <= before ? 0 : std::min(bits - before, 8U);
        if ((a[i] & (0xffU >> kept)) != 0) return false;
    }
    return true;
}

}  // namespace

ip::address without_mapping(const ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

std::optional<address_block> address_block::parse(std::string_view text) {
    const auto slash = text.find('/');
    boost::system::error_code ec;
    address_block block;
    block.network_ = ip::make_address(text.substr(0, slash), ec);
    if (ec || (block.network_.is_v6() && block.network_.to_v6().scope_id() != 0))
        return std::nullopt;
    const unsigned most = block.network_.is_v4() ? 32 : 128;
    block.bits_ = most;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto [end, fault] =
            std::from_chars(digits.data(), digits.data() + digits.size(), block.bits_);
        if (fault != std::errc{} || end != digits.data() + digits.size() || block.bits_ > most)
            return std::nullopt;
    }
    const bool clean = block.network_.is_v4()
                           ? host_part_is_zero(block.network_.to_v4().to_bytes(), block.bits_)
                           : host_part_is_zero(block.network_.to_v6().to_bytes(), block.bits_);
    if (!clean) return std::nullopt;
    return block;
}

bool address_block::contains(const ip::address& address) const {
    const auto plain = without_mapping(address);
    if (plain.is_v4() != network_.is_v4()) return false;
    return plain.is_v4()
               ? same_prefix(plain.to_v4().to_bytes(), network_.to_v4().to_bytes(), bits_)
               : same_prefix(plain.to_v6().to_bytes(), network_.to_v6().to_bytes(), bits_);
}

std::string_view not_public(const ip::address& address) {
    return address.is_v4() ? not_public_v4(address.to_v4().to_uint())
                           : not_public_v6(address.to_v6().to_bytes());
}

}  // namespace sluice::worker::push
