#include "client/url.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>

namespace sluice::client {

std::string base_url::host_field() const {
    const bool v6 = host.find(':') != std::string::npos;
    std::string field = v6 ? "[" + host + "]" : host;
    if (port != "80") field += ":" + port;
    return field;
}

std::string base_url::text() const {
    return "http://" + host_field() + prefix;
}

boost::system::result<base_url, complaint> parse_base_url(std::string_view text) {
    const auto parsed = boost::urls::parse_uri(boost::urls::string_view{text.data(), text.size()});
    if (parsed.has_error() || !parsed->has_authority()) {
        return complaint{"it must look like http://127.0.0.1:8080"};
    }
    const auto& view = *parsed;
    if (view.scheme() == "https") {
        return complaint{"https is not supported; reach the server over http, or a tunnel to it"};
    }
    if (view.scheme() != "http") return complaint{"the scheme must be http"};
    if (view.has_userinfo()) {
        return complaint{"it must not hold a password; use --token-file or SLUICE_TOKEN_FILE"};
    }
    if (view.has_query() || view.has_fragment()) {
        return complaint{"it must not have a query or a fragment"};
    }
    base_url url;
    url.host = view.host_address();
    if (url.host.empty()) return complaint{"it names no host"};
    if (view.has_port()) {
        if (view.port_number() == 0) return complaint{"the port must be 1 to 65535"};
        url.port = std::to_string(view.port_number());
    }
    url.prefix = std::string{view.encoded_path()};
    while (!url.prefix.empty() && url.prefix.back() == '/') url.prefix.pop_back();
    return url;
}

std::string encode_component(std::string_view text) {
    return boost::urls::encode(boost::urls::string_view{text.data(), text.size()},
                               boost::urls::unreserved_chars);
}

}  // namespace sluice::client
