#pragma once

#include "proto/error.hpp"
#include "server/http/message.hpp"
#include "server/http/request_reader.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

/// Why a request is turned away before its body is read.
struct refusal {
    int status = 400;
    error what;
    std::string allow;  ///< for the `Allow` field of a 405

    refusal(int code, errc kind, std::string_view reason)
        : status(code), what(kind, std::string(reason)) {}
    explicit refusal(const parse_fault& fault);
};

/// What a checked head says about itself and about the body that follows.
struct head_facts {
    bool keep_alive = true;
    bool expects_continue = false;
    bool chunked = false;
    std::uint64_t content_length = 0;
    bool modern = true;  ///< HTTP/1.1

    std::string_view host;           ///< without the port; empty: an HTTP/1.0 request without Host
    std::string_view authority;      ///< Host as it was sent
    std::string_view authorization;  ///< empty: none
    bool has_authorization = false;
    std::string_view content_type;
    std::string_view content_encoding;
    std::string_view origin;
    std::string_view fetch_site;  ///< Sec-Fetch-Site

    bool streams_body = false;  ///< it is to be read while its handler runs

    bool has_body() const { return chunked || content_length != 0; }
};

/// Checks all that is decided by the head alone, stricter than the parser where laxity has let
/// requests be smuggled past a proxy: version, method, target, Host, framing, Expect. Fills `facts`
/// (views into the head) and method, path, query and fields of `out`. A refusal from here ends the
/// connection: what follows cannot be trusted to be a request.
std::optional<refusal> check_head(const head_view& head, std::size_t target_bytes_max,
                                  head_facts& facts, request& out);

/// `host[:port]`: a registered name, an IPv4 address or a bracketed IPv6 address. The host in
/// `text` as it stands there, or nothing when malformed.
std::optional<std::string_view> host_of_authority(std::string_view text);

/// Undoes percent-encoding; nothing when an escape is malformed. `plus_is_space` as in queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace sluice::http
