#include "server/worker/handlers/http/request_head.hpp"

#include "proto/http_text.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace sluice::worker::push {

namespace {

using http::is_field_value;
using http::is_token;
using http::is_token_byte;
using http::to_lower;

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

bool begins_with(std::string_view name, std::string_view lower_prefix) {
    return name.size() >= lower_prefix.size() &&
           same_name(name.substr(0, lower_prefix.size()), lower_prefix);
}

bool is_reserved(std::string_view name) {
    constexpr std::array<std::string_view, 9> names{
        "host", "content-length", "transfer-encoding", "connection", "keep-alive",
        "te",   "trailer",        "upgrade",           "expect"};
    constexpr std::array<std::string_view, 3> prefixes{"proxy-", "webhook-", "job-"};
    return std::ranges::any_of(names, [&](auto each) { return same_name(name, each); }) ||
           std::ranges::any_of(prefixes, [&](auto each) { return begins_with(name, each); });
}

/// For messages: a name may hold anything.
std::string quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : name.substr(0, 64)) out += is_token_byte(c) ? c : '?';
    return out + '"';
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_field_value(value))
        throw std::invalid_argument("a header would split the request");
    out.append(name).append(": ").append(value).append("\r\n");
}

constexpr std::array<std::string_view, 7> methods{"GET",   "HEAD",   "POST",   "PUT",
                                                  "PATCH", "DELETE", "OPTIONS"};

}  // namespace

bool is_known_method(std::string_view method) {
    return std::ranges::find(methods, method) != methods.end();
}

bool is_idempotent(std::string_view method) {
    return method != "POST" && method != "PATCH";
}

bool goes_without_body(std::string_view method) {
    return method == "GET" || method == "HEAD";
}

std::optional<std::string> fault_of_headers(const header_list& headers) {
    if (headers.size() > headers_max)
        return "there may be at most " + std::to_string(headers_max) + " headers";
    for (std::size_t i = 0; i < headers.size(); ++i) {
        const auto& [name, value] = headers[i];
        const auto which = "the header " + quoted(name);
        if (!is_token(name)) return which + " is not a valid name";
        if (!is_field_value(value)) return which + " has a control character in its value";
        if (is_reserved(name)) return which + " is not for a job to set";
        if (name.size() + value.size() > header_bytes_max)
            return which + " is longer than " + std::to_string(header_bytes_max) + " bytes";
        for (std::size_t j = 0; j < i; ++j)
            if (same_name(name, headers[j].first)) return which + " is given twice";
    }
    return std::nullopt;
}

const std::string* find_header(const header_list& headers, std::string_view name) {
    const auto it = std::ranges::find_if(
        headers, [&](const auto& header) { return same_name(header.first, name); });
    return it == headers.end() ? nullptr : &it->second;
}

std::string write_request(std::string_view method, const target_url& url, const header_list& own,
                          const header_list& headers, std::string_view body) {
    std::string out;
    out.reserve(512 + body.size());
    if (!is_token(method) || !is_field_value(url.target) ||
        url.target.find(' ') != std::string::npos)
        throw std::invalid_argument("a method or target would split the request");
    out.append(method).append(" ").append(url.target).append(" HTTP/1.1\r\n");
    append_field(out, "Host", url.host_field);
    for (const auto& [name, value] : own) append_field(out, name, value);
    for (const auto& [name, value] : headers) append_field(out, name, value);
    if (!body.empty() || !goes_without_body(method))
        append_field(out, "Content-Length", std::to_string(body.size()));
    out.append("\r\n").append(body);
    return out;
}

}  // namespace sluice::worker::push
