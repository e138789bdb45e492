#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Standard Webhooks signatures (https://www.standardwebhooks.com), version v1.
namespace sluice::worker::push {

/// A shared secret.
class signing_secret {
public:
    /// Any text: the bytes that `parse` finds in it, or else its own.
    static signing_secret of(std::string_view text);

    /// "whsec_" and base64 of 24 to 64 bytes. Nothing for anything else.
    static std::optional<signing_secret> parse(std::string_view text);

    /// "v1," and the base64 of HMAC-SHA256 over "id.time.body".
    std::string sign(std::string_view id, std::int64_t unix_time, std::string_view body) const;

private:
    explicit signing_secret(std::vector<unsigned char> key) : key_(std::move(key)) {}

    std::vector<unsigned char> key_;
};

/// The signatures of all secrets, separated by spaces: the new one and, while a secret is being
/// replaced, the old one.
std::string sign_with_all(const std::vector<signing_secret>& secrets, std::string_view id,
                          std::int64_t unix_time, std::string_view body);

/// A new one, "whsec_" and the base64 of 32 random bytes. Throws std::runtime_error when the system
/// has none.
std::string make_signing_secret();

/// "sha256=" and the hex of HMAC-SHA256 over "time.body", with the text of the secret as the key
/// (ojs-webhooks.md §8.1).
std::string sign_ojs(std::string_view secret, std::int64_t unix_time, std::string_view body);

}  // namespace sluice::worker::push
