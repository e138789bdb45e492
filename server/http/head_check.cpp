#include "server/http/head_check.hpp"

#include "proto/http_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>
#include <utility>

namespace sluice::http {
namespace {

namespace beast_http = boost::beast::http;

using verdict = std::optional<refusal>;

refusal bad_request(std::string_view reason) {
    return {400, errc::invalid_request, reason};
}

constexpr std::string_view methods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

verdict check_method(std::string_view method) {
    constexpr std::array<std::string_view, 7> served{"GET",   "POST",   "HEAD",   "PUT",
                                                     "PATCH", "DELETE", "OPTIONS"};
    if (std::ranges::find(served, method) != served.end()) return std::nullopt;
    if (method == "TRACE" || method == "CONNECT") {
        refusal no{405, errc::method_not_allowed, "this method is not served"};
        no.allow = methods;
        return no;
    }
    return refusal{501, errc::unsupported, "unknown method"};
}

/// Strips `http://authority` and remembers the authority, which must be that of Host.
std::string_view strip_scheme(std::string_view target, std::string_view& authority) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (target.size() < scheme.size() || !equals_lower(target.substr(0, scheme.size()), scheme))
            continue;
        target.remove_prefix(scheme.size());
        const std::size_t end = std::min(target.find_first_of("/?"), target.size());
        authority = target.substr(0, end);
        return target.substr(end);
    }
    return target;
}

/// What stands before and after the first `mark`; all of `text` and nothing without one.
std::pair<std::string_view, std::string_view> split_at(std::string_view text, char mark) {
    const std::size_t end = text.find(mark);
    if (end == std::string_view::npos) return {text, {}};
    return {text.substr(0, end), text.substr(end + 1)};
}

bool parse_query(std::string_view text, std::vector<std::pair<std::string, std::string>>& out) {
    for (std::string_view part; !text.empty();) {
        std::tie(part, text) = split_at(text, '&');
        if (part.empty()) continue;
        const auto [raw_name, raw_value] = split_at(part, '=');
        auto name = percent_decode(raw_name, true);
        auto value = percent_decode(raw_value, true);
        if (!name || !value) return false;
        out.emplace_back(std::move(*name), std::move(*value));
    }
    return true;
}

verdict check_target(std::string_view target, std::size_t bytes_max, std::string_view& authority,
                     request& out) {
    if (target.size() > bytes_max) return refusal{414, errc::too_large, "the target is too long"};
    if (!std::ranges::all_of(target, is_target_byte))
        return bad_request("the target holds a character that must be percent-encoded");
    if (target == "*") {
        if (out.method != "OPTIONS") return bad_request("only OPTIONS may ask for *");
        out.path = "*";
        return std::nullopt;
    }
    target = strip_scheme(target, authority);
    auto [raw_path, raw_query] = split_at(target, '?');
    if (raw_path.empty() && authority.data() != nullptr) raw_path = "/";
    if (!raw_path.starts_with('/')) return bad_request("the target must start with a slash");

    auto path = percent_decode(raw_path, false);
    if (!path || !parse_query(raw_query, out.query))
        return bad_request("malformed percent-encoding in the target");
    if (path->find_first_of(std::string_view{"\0\r\n\\", 4}) != std::string::npos ||
        path->find("/..") != std::string::npos || path->find("//") != std::string::npos)
        return bad_request("the path holds what no path here has");
    out.path = std::move(*path);
    return std::nullopt;
}

/// Fields of which a second one is refused.
struct single_field {
    std::string_view value;
    int count = 0;

    void take(std::string_view text) {
        value = text;
        ++count;
    }
};

struct known_fields {
    single_field host, content_length, transfer_encoding, expect, authorization, content_type,
        content_encoding, origin, fetch_site;

    void take(const head_field& f) {
        switch (f.id) {
            case beast_http::field::host:
                return host.take(f.value);
            case beast_http::field::content_length:
                return content_length.take(f.value);
            case beast_http::field::transfer_encoding:
                return transfer_encoding.take(f.value);
            case beast_http::field::expect:
                return expect.take(f.value);
            case beast_http::field::authorization:
                return authorization.take(f.value);
            case beast_http::field::content_type:
                return content_type.take(f.value);
            case beast_http::field::content_encoding:
                return content_encoding.take(f.value);
            case beast_http::field::origin:
                return origin.take(f.value);
            case beast_http::field::sec_fetch_site:
                return fetch_site.take(f.value);
            default:
                return;
        }
    }

    bool repeated() const {
        for (const single_field* f :
             {&authorization, &content_type, &content_encoding, &origin, &fetch_site, &expect})
            if (f->count > 1) return true;
        return false;
    }
};

verdict check_host(const known_fields& known, int version, std::string_view target_authority,
                   head_facts& facts) {
    if (known.host.count > 1) return bad_request("several Host fields");
    if (known.host.count == 0) {
        if (version >= 11) return bad_request("HTTP/1.1 needs a Host field");
        if (target_authority.data() == nullptr) return std::nullopt;
        return bad_request("the target names a host, and there is no Host field");
    }
    const auto host = host_of_authority(known.host.value);
    if (!host) return bad_request("malformed Host");
    if (target_authority.data() != nullptr &&
        !std::ranges::equal(target_authority, known.host.value, {}, to_lower, to_lower))
        return bad_request("the target and Host name different servers");
    facts.host = *host;
    facts.authority = known.host.value;
    return std::nullopt;
}

verdict check_framing(const known_fields& known, int version, head_facts& facts) {
    if (known.transfer_encoding.count > 0) {
        const std::string_view coding = known.transfer_encoding.value;
        if (known.content_length.count > 0)
            return bad_request("both Content-Length and Transfer-Encoding");
        if (known.transfer_encoding.count > 1 || version < 11 || !equals_lower(coding, "chunked"))
            return bad_request("Transfer-Encoding must be chunked, once, and in HTTP/1.1");
        facts.chunked = true;
        return std::nullopt;
    }
    if (known.content_length.count == 0) return std::nullopt;
    const std::string_view digits = known.content_length.value;
    if (known.content_length.count > 1) return bad_request("several Content-Length fields");
    if (digits.empty() || digits.size() > 19 || !std::ranges::all_of(digits, is_digit) ||
        (digits.size() > 1 && digits.front() == '0'))
        return bad_request("bad Content-Length");
    std::from_chars(digits.data(), digits.data() + digits.size(), facts.content_length);
    return std::nullopt;
}

verdict check_body_allowed(const known_fields& known, const request& out, head_facts& facts) {
    const bool bodyless = out.method != "POST" && out.method != "PUT" && out.method != "PATCH";
    if (bodyless && facts.has_body()) return bad_request("this method takes no body");
    if (known.repeated()) return bad_request("a field that may come once came twice");
    if (known.expect.count == 0) return std::nullopt;
    if (!equals_lower(known.expect.value, "100-continue"))
        return refusal{417, errc::invalid_request, "only 100-continue can be expected"};
    facts.expects_continue = facts.has_body() && facts.modern;
    return std::nullopt;
}

}  // namespace

refusal::refusal(const parse_fault& fault)
    : refusal(fault.status, errc::invalid_request, fault.reason) {
    if (status == 413 || status == 414 || status == 431) what.code = errc::too_large;
    if (status == 505) what.code = errc::unsupported;
}

verdict check_head(const head_view& head, std::size_t target_bytes_max, head_facts& facts,
                   request& out) {
    if (auto no = check_method(head.method)) return no;
    out.method = head.method;
    facts.keep_alive = head.keep_alive;
    facts.modern = head.version >= 11;

    known_fields known;
    for (const head_field& f : head.fields) known.take(f);
    std::string_view target_authority;
    if (auto no = check_target(head.target, target_bytes_max, target_authority, out)) return no;
    if (auto no = check_host(known, head.version, target_authority, facts)) return no;
    if (auto no = check_framing(known, head.version, facts)) return no;
    if (auto no = check_body_allowed(known, out, facts)) return no;

    facts.authorization = known.authorization.value;
    facts.has_authorization = known.authorization.count != 0;
    facts.content_type = known.content_type.value;
    facts.content_encoding = known.content_encoding.value;
    facts.origin = known.origin.value;
    facts.fetch_site = known.fetch_site.value;
    out.fields.reserve(head.fields.size());
    for (const head_field& f : head.fields) {
        auto& [name, value] = out.fields.emplace_back(f.name, f.value);
        std::ranges::transform(name, name.begin(), to_lower);
    }
    return std::nullopt;
}

std::optional<std::string_view> host_of_authority(std::string_view text) {
    std::size_t host_end = 0;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos || close < 3) return std::nullopt;
        const auto in_address = [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; };
        if (!std::ranges::all_of(text.substr(1, close - 1), in_address)) return std::nullopt;
        host_end = close + 1;
    } else {
        const auto in_name = [](char c) {
            return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
        };
        while (host_end < text.size() && in_name(text[host_end])) ++host_end;
    }
    if (host_end == 0) return std::nullopt;
    const std::string_view host = text.substr(0, host_end);
    if (host_end == text.size()) return host;

    const std::string_view port = text.substr(host_end + 1);
    unsigned number = 0;
    if (text[host_end] != ':' || port.empty() || port.size() > 5 ||
        !std::ranges::all_of(port, is_digit))
        return std::nullopt;
    std::from_chars(port.data(), port.data() + port.size(), number);
    if (number > 65535) return std::nullopt;
    return host;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

}  // namespace sluice::http
