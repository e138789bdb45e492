#include "server/worker/handlers/http/target_url.hpp"

#include "proto/http_text.hpp"
#include "server/worker/handlers/http/address_table.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <utility>

namespace sluice::worker::push {

namespace {

using http::is_digit;
using http::to_lower;

namespace ip = boost::asio::ip;
namespace urls = boost::urls;

error refuse(std::string why) {
    return error(errc::validation_failed, "the URL " + std::move(why));
}

bool is_name_byte(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

/// 127.1, 0x7f.1 and 2130706433 are addresses to inet_aton, and so to the resolver.
bool ends_in_number(std::string_view host) {
    const auto last = host.substr(host.rfind('.') + 1);  // npos + 1 is 0
    if (std::ranges::all_of(last, is_digit)) return true;
    return last.starts_with("0x");
}

bool is_name(std::string_view host) {
    if (host.empty() || host.size() > 253) return false;
    for (;;) {
        const auto label = host.substr(0, host.find('.'));
        if (label.empty() || label.size() > 63 || !std::ranges::all_of(label, is_name_byte) ||
            label.starts_with('-') || label.ends_with('-'))
            return false;
        if (label.size() == host.size()) return true;
        host.remove_prefix(label.size() + 1);
    }
}

std::optional<error> take_name(std::string_view written, target_url& out) {
    if (written.find('%') != std::string_view::npos)
        return refuse("must not have percent-encoding in its host");
    std::ranges::transform(written, std::back_inserter(out.host), to_lower);
    if (out.host.ends_with('.')) out.host.pop_back();
    if (out.host.empty()) return refuse("must have a host");
    if (ends_in_number(out.host))
        return refuse("must write an IPv4 address as four decimal numbers");
    if (!is_name(out.host)) return refuse("must have a host name that DNS knows how to look up");
    out.host_field = out.host;
    return std::nullopt;
}

std::optional<error> take_host(const urls::url_view& url, target_url& out) {
    switch (url.host_type()) {
        case urls::host_type::ipv4: {
            out.host = std::string_view(url.encoded_host_address());
            boost::system::error_code ec;
            out.literal = ip::make_address_v4(out.host, ec);
            if (ec) return refuse("has an address that is none");
            out.host_field = out.host;
            return std::nullopt;
        }
        case urls::host_type::ipv6: {
            const std::string text{std::string_view(url.encoded_host_address())};
            boost::system::error_code ec;
            const auto address = ip::make_address_v6(text, ec);
            if (ec || text.find('%') != std::string::npos)
                return refuse("has an address that is none, or one with a zone");
            out.literal = without_mapping(address);
            out.host = out.literal->to_string();
            out.host_field = out.literal->is_v4() ? out.host : '[' + out.host + ']';
            return std::nullopt;
        }
        case urls::host_type::name:
            return take_name(std::string_view(url.encoded_host()), out);
        case urls::host_type::none:
        case urls::host_type::ipvfuture:
            break;
    }
    return refuse("must have a host");
}

std::optional<error> take_port(const urls::url_view& url, target_url& out) {
    out.port = out.secure ? 443 : 80;
    const std::uint16_t usual = out.port;
    if (!url.has_port() || url.port().empty()) return std::nullopt;
    out.port = url.port_number();  // 0 when it does not fit
    if (out.port == 0) return refuse("must have a port from 1 to 65535");
    if (out.port != usual) out.host_field += ':' + std::to_string(out.port);
    return std::nullopt;
}

/// Boost.URL 1.81 takes "127.0.0.1.5" for an address and a path, and "a:x" for a host without a
/// port: what stands between the slashes must be what it made of it, and nothing else.
bool is_whole_authority(std::string_view text, const urls::url_view& url) {
    auto rest = text.substr(text.find("://") + 3);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    std::string parsed{std::string_view(url.encoded_host())};
    if (url.has_port()) parsed.append(":").append(std::string_view(url.port()));
    return rest == parsed;
}

}  // namespace

result<target_url> parse_target_url(std::string_view text) {
    if (text.empty()) return refuse("must not be empty");
    if (text.size() > url_bytes_max)
        return refuse("must not be longer than " + std::to_string(url_bytes_max) + " bytes");
    const auto parsed = urls::parse_uri(text);
    if (!parsed) return refuse("is not valid");
    const urls::url_view url = *parsed;
    target_url out;
    out.secure = url.scheme_id() == urls::scheme::https;
    if (!out.secure && url.scheme_id() != urls::scheme::http)
        return refuse("must begin with http:// or https://");
    if (!url.has_authority()) return refuse("must have a host");
    if (url.has_userinfo()) return refuse("must not hold a user or a password");
    if (!is_whole_authority(text, url)) return refuse("must have a valid host and port");
    if (auto wrong = take_host(url, out)) return std::move(*wrong);
    if (auto wrong = take_port(url, out)) return std::move(*wrong);
    out.target = std::string_view(url.encoded_path());
    if (out.target.empty()) out.target = "/";
    if (url.has_query()) {
        out.target += '?';
        out.target += std::string_view(url.encoded_query());
    }
    return out;
}

}  // namespace sluice::worker::push
