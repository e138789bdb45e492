#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Standard Webhooks signatures (https://www.standardwebhooks.com), version v1.
namespace sluice::worker::push {

/// A shared secret, 24 to 64 bytes.
class signing_secret {
public:
    /// "whsec_" and base64. Nothing for anything else.
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

}  // namespace sluice::worker::push
