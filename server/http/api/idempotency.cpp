#include "server/http/api/idempotency.hpp"

#include "proto/limits.hpp"

#include <openssl/sha.h>

#include <algorithm>

namespace sluice::http {
namespace {

constexpr std::string_view field_name = "idempotency-key";

/// The content of a structured-field string (RFC 8941 §3.3.3); nothing when it is not one.
std::optional<std::string> unquoted(std::string_view text) {
    std::string content;
    text.remove_prefix(1);
    while (!text.empty()) {
        char c = text.front();
        text.remove_prefix(1);
        if (c == '"') return text.empty() ? std::optional(std::move(content)) : std::nullopt;
        if (c == '\\') {
            if (text.empty() || (text.front() != '"' && text.front() != '\\')) return std::nullopt;
            c = text.front();
            text.remove_prefix(1);
        }
        content += c;
    }
    return std::nullopt;
}

}  // namespace

result<std::optional<idempotency_key>> read_idempotency_key(const request& r) {
    const auto count = std::count_if(r.fields.begin(), r.fields.end(),
                                     [](const auto& field) { return field.first == field_name; });
    if (count == 0) return std::optional<idempotency_key>{};
    if (count > 1) return error(errc::invalid_request, "There is more than one Idempotency-Key.");

    const auto text = r.field(field_name);
    auto key = text.starts_with('"') ? unquoted(text) : std::optional(std::string(text));
    if (!key || key->empty() || key->size() > limits::idempotency_key_bytes_max) {
        return error(errc::invalid_request,
                     "An Idempotency-Key is 1 to " +
                         std::to_string(limits::idempotency_key_bytes_max) +
                         " bytes, plain or as a quoted string.",
                     "\"field\":\"Idempotency-Key\"");
    }
    idempotency_key made;
    made.key = std::move(*key);
    SHA256(reinterpret_cast<const unsigned char*>(r.body.data()), r.body.size(),
           made.body_hash.data());
    return std::optional(std::move(made));
}

}  // namespace sluice::http
