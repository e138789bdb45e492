#include "server/worker/handlers/http/egress.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace sluice::worker::push {

namespace ip = boost::asio::ip;

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

bool is_name_pattern(std::string_view text) {
    if (text.starts_with("*.")) text.remove_prefix(2);
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    const auto last = text.substr(text.rfind('.') + 1);
    const bool number = last.find_first_not_of("0123456789") == std::string_view::npos;
    return !text.empty() && !number && text.find_first_not_of(allowed) == std::string_view::npos &&
           !text.starts_with('.') && !text.ends_with('.');
}

std::string describe(const ip::address& address, std::string_view block) {
    return address.to_string() + " is not a public address (" + std::string(block) +
           "); push.allow can permit it";
}

bool is_local_name(std::string_view host) {
    return host == "localhost" || host.ends_with(".localhost");
}

}  // namespace

egress_rules::egress_rules(const std::vector<std::string>& allow, is_own_address own)
    : own_(std::move(own)) {
    for (const auto& entry : allow) {
        if (auto block = address_block::parse(entry)) {
            blocks_.push_back(*block);
        } else if (entry.starts_with("*.")) {
            suffixes_.push_back(lower(entry.substr(1)));
        } else {
            names_.push_back(lower(entry));
        }
    }
}

std::optional<std::string> egress_rules::fault_of(std::string_view entry) {
    if (address_block::parse(entry) || is_name_pattern(lower(entry))) return std::nullopt;
    return "\"" + std::string(entry) +
           "\" is neither a block of addresses (10.1.0.0/16), nor an address, nor a host name, nor "
           "a name with all below it (*.internal.example)";
}

bool egress_rules::name_is_listed(const target_url& url) const {
    if (url.literal) return false;
    const auto is_below = [&](const std::string& suffix) { return url.host.ends_with(suffix); };
    return std::ranges::find(names_, url.host) != names_.end() ||
           std::ranges::any_of(suffixes_, is_below);
}

bool egress_rules::is_listed(const target_url& url, const ip::address& address) const {
    const auto holds = [&](const address_block& block) { return block.contains(address); };
    return name_is_listed(url) || std::ranges::any_of(blocks_, holds);
}

bool egress_rules::lists(const target_url& url) const {
    return url.literal ? is_listed(url, *url.literal) : name_is_listed(url);
}

std::optional<std::string> egress_rules::refuse(const target_url& url) const {
    if (url.literal) return refuse(url, *url.literal);
    if (url.port < 1024 && url.port != 80 && url.port != 443)
        return "port " + std::to_string(url.port) + " is closed; 80, 443 and 1024 or more are open";
    // Every address of such a name is a loopback one (RFC 6761); it may still be listed as such.
    if (is_local_name(url.host) && !name_is_listed(url)) {
        const std::array<ip::address, 2> loopback{ip::address_v4::loopback(),
                                                  ip::address_v6::loopback()};
        const bool any = std::ranges::any_of(
            loopback, [&](const auto& address) { return is_listed(url, address); });
        if (!any) return describe(loopback[0], not_public(loopback[0]));
    }
    return std::nullopt;
}

std::optional<std::string> egress_rules::refuse(const target_url& url,
                                                const ip::address& address) const {
    if (url.port < 1024 && url.port != 80 && url.port != 443)
        return "port " + std::to_string(url.port) + " is closed; 80, 443 and 1024 or more are open";
    const bool listed = is_listed(url, address);
    const auto block = not_public(address);
    if (!block.empty() && !listed) return describe(address, block);
    if (url.port != own_port_) return std::nullopt;
    const auto plain = without_mapping(address);
    const bool ours = plain.is_loopback() || plain.is_unspecified() || (own_ && own_(plain));
    if (!listed || ours) return "port " + std::to_string(url.port) + " is the server's own";
    return std::nullopt;
}

bool is_address_of_this_machine(const ip::address& address) {
    const auto plain = without_mapping(address);
    if (plain.is_loopback() || plain.is_unspecified()) return true;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return true;  // nobody can tell: the safe answer
    bool found = false;
    for (const auto* each = list; each != nullptr && !found; each = each->ifa_next) {
        if (each->ifa_addr == nullptr) continue;
        if (each->ifa_addr->sa_family == AF_INET && plain.is_v4()) {
            const auto* in = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
            found = ntohl(in->sin_addr.s_addr) == plain.to_v4().to_uint();
        } else if (each->ifa_addr->sa_family == AF_INET6 && plain.is_v6()) {
            const auto* in = reinterpret_cast<const sockaddr_in6*>(each->ifa_addr);
            const auto bytes = plain.to_v6().to_bytes();
            found = std::memcmp(&in->sin6_addr, bytes.data(), bytes.size()) == 0;
        }
    }
    ::freeifaddrs(list);
    return found;
}

}  // namespace sluice::worker::push
