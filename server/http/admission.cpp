#include "server/http/admission.hpp"

#include "proto/http_text.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice::http {
namespace {

using verdict = std::optional<refusal>;

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), to_lower);
    return lower;
}

bool changes_state(const request& r) {
    return r.method == "POST" || r.method == "PUT" || r.method == "PATCH" || r.method == "DELETE";
}

/// Whether a page of another site makes a browser ask: it must neither act here nor listen.
/// Browsers send Sec-Fetch-Site; older ones at least Origin.
bool is_foreign(const head_facts& facts) {
    if (!facts.fetch_site.empty())
        return facts.fetch_site != "same-origin" && facts.fetch_site != "none";
    if (facts.origin.empty()) return false;
    const std::size_t scheme_end = facts.origin.find("://");
    return scheme_end == std::string_view::npos ||
           !std::ranges::equal(facts.origin.substr(scheme_end + 3), facts.authority, {}, to_lower,
                               to_lower);
}

refusal foreign_refusal() {
    return {403, errc::forbidden, "requests from other sites are refused"};
}

std::string_view media_type(std::string_view content_type) {
    std::string_view type = content_type.substr(0, content_type.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    return type;
}

bool is_stream(const head_facts& facts, const route_options& options) {
    return options.takes_stream &&
           equals_lower(media_type(facts.content_type), "application/x-ndjson");
}

verdict check_media(const head_facts& facts) {
    if (!facts.content_encoding.empty() && !equals_lower(facts.content_encoding, "identity"))
        return refusal{415, errc::invalid_request,
                       "only the identity Content-Encoding is accepted"};
    if (!facts.has_body() || facts.streams_body) return std::nullopt;
    const std::string_view type = media_type(facts.content_type);
    if (equals_lower(type, "application/openjobspec+json") ||
        equals_lower(type, "application/json"))
        return std::nullopt;
    return refusal{400, errc::invalid_request,
                   "Content-Type must be application/openjobspec+json or application/json"};
}

/// A client may name the version of the specification it speaks (ojs-http-binding.md §3.2).
verdict check_version(const request& r) {
    const std::string_view version = r.field("ojs-version");
    if (version.empty() || version == "1" || version.starts_with("1.")) return std::nullopt;
    return refusal{422, errc::unsupported, "this server speaks OJS-Version 1.0"};
}

}  // namespace

admission::admission(const http_config& config, const router& routes, failure_limiter& failures,
                     const boost::asio::ip::address& bound_to)
    : routes_(routes),
      any_host_(!bound_to.is_loopback() && config.allowed_hosts.empty()),
      hosts_{"localhost", "127.0.0.1", "[::1]"},
      tokens_(config.tokens),
      failures_(failures) {
    const std::string own = bound_to.to_string();
    hosts_.push_back(bound_to.is_v6() ? "[" + own + "]" : own);
    for (const std::string& name : config.allowed_hosts) {
        const auto host = host_of_authority(name);
        if (!host) throw std::invalid_argument("not a host name: " + name);
        hosts_.push_back(lower_case(*host));
    }
}

verdict admission::admit(head_facts& facts, request& out, router::match& route,
                         const boost::asio::ip::address& peer,
                         std::chrono::steady_clock::time_point now) {
    if (!is_own_host(facts.host))
        return refusal{421, errc::invalid_request, "this server does not answer for that host"};
    const bool foreign = is_foreign(facts);
    if (foreign && (changes_state(out) || wants_event_stream(out))) return foreign_refusal();

    route = routes_.find(out.method, out.path);
    const bool asks_options = out.method == "OPTIONS" && (out.path == "*" || !route.allow.empty());
    if (route.handle == nullptr && asks_options) return std::nullopt;
    if (route.handle == nullptr && route.allow.empty())
        return refusal{404, errc::not_found, "no such path"};
    if (route.handle == nullptr) {
        refusal no{405, errc::method_not_allowed, "this path does not take that method"};
        no.allow = route.allow;
        return no;
    }
    if (foreign && route.options.streams) return foreign_refusal();
    if (auto no = check_version(out)) return no;
    facts.streams_body = is_stream(facts, route.options);
    if (auto no = check_media(facts)) return no;
    if (auto no = authenticate(facts, out, route.options.needs, peer, now)) return no;
    if (!facts.streams_body && facts.content_length > route.options.body_bytes_max)
        return refusal{413, errc::too_large, "the body is too large"};
    return std::nullopt;
}

/// HTTP/1.0 may come without Host; a browser, whose user this protects, never does.
bool admission::is_own_host(std::string_view host) const {
    return any_host_ || host.empty() || std::ranges::any_of(hosts_, [&](const std::string& own) {
               return equals_lower(host, own);
           });
}

verdict admission::authenticate(const head_facts& facts, request& out, scope needed,
                                const boost::asio::ip::address& peer,
                                std::chrono::steady_clock::time_point now) {
    if (tokens_.open() || needed == scope::none) return std::nullopt;
    const known_token* token = tokens_.identify(facts.authorization);
    if (token == nullptr) {
        if (!failures_.admit(peer, now))
            return refusal{429, errc::rate_limited, "too many failed attempts"};
        const std::string_view reason =
            facts.has_authorization ? "the token is not known" : "a bearer token is needed";
        return refusal{401, errc::unauthorized, reason};
    }
    if (!token->allows(needed))
        return refusal{403, errc::forbidden, "the token's scopes do not cover this"};
    out.queue_patterns = token->queues;
    out.may_enqueue = token->allows(scope::enqueue);
    return std::nullopt;
}

}  // namespace sluice::http
