#include "server/http/auth.hpp"

#include "proto/http_text.hpp"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <stdexcept>

namespace sluice::http {
namespace {

constexpr double failures_per_second = 10;
constexpr double failures_burst = 10;
constexpr std::size_t addresses_max = 10'000;

using sha256_digest = std::array<std::uint8_t, 32>;

sha256_digest sha256(std::string_view text) {
    sha256_digest digest;
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return digest;
}

sha256_digest digest_from_hex(std::string_view hex) {
    sha256_digest digest;
    const bool well_formed = hex.size() == 2 * digest.size() &&
                             std::ranges::all_of(hex, [](char c) { return hex_value(c) >= 0; });
    if (!well_formed)
        throw std::invalid_argument("a token's SHA-256 must be 64 hexadecimal digits");
    for (std::size_t i = 0; i < digest.size(); ++i)
        digest[i] =
            static_cast<std::uint8_t>(hex_value(hex[2 * i]) * 16 + hex_value(hex[2 * i + 1]));
    return digest;
}

double refilled(double tokens, std::chrono::steady_clock::duration passed) {
    const double seconds = std::chrono::duration<double>(passed).count();
    return std::min(failures_burst, tokens + seconds * failures_per_second);
}

}  // namespace

bool known_token::allows(scope needed) const {
    return std::ranges::any_of(scopes, [&](scope s) { return s == needed || s == scope::admin; });
}

authenticator::authenticator(const std::vector<token_config>& tokens) {
    for (const token_config& t : tokens)
        tokens_.push_back({digest_from_hex(t.sha256_hex), t.name, t.scopes, t.queues});
}

const known_token* authenticator::identify(std::string_view authorization) const {
    constexpr std::string_view scheme = "bearer ";
    std::string_view presented;
    if (authorization.size() > scheme.size() &&
        equals_lower(authorization.substr(0, scheme.size()), scheme))
        presented = authorization.substr(scheme.size());
    while (presented.starts_with(' ')) presented.remove_prefix(1);

    const sha256_digest digest = sha256(presented);
    const known_token* found = nullptr;
    for (const known_token& t : tokens_)
        if (CRYPTO_memcmp(t.digest.data(), digest.data(), digest.size()) == 0) found = &t;
    return presented.empty() ? nullptr : found;
}

bool failure_limiter::admit(const boost::asio::ip::address& address, time_point now) {
    const std::lock_guard lock(mutex_);
    if (buckets_.size() >= addresses_max) forget_full_buckets(now);
    const auto [it, fresh] = buckets_.try_emplace(address, bucket{failures_burst, now});
    bucket& b = it->second;
    b.tokens = refilled(b.tokens, now - b.updated);
    b.updated = now;
    if (b.tokens < 1) return false;
    b.tokens -= 1;
    return true;
}

/// A full bucket is worth no memory. So many addresses at once that none is full: all start anew.
void failure_limiter::forget_full_buckets(time_point now) {
    std::erase_if(buckets_, [&](const auto& entry) {
        const bucket& b = entry.second;
        return refilled(b.tokens, now - b.updated) >= failures_burst;
    });
    if (buckets_.size() >= addresses_max) buckets_.clear();
}

}  // namespace sluice::http
