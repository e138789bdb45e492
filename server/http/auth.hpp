#pragma once

#include "server/http/http_config.hpp"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

namespace sluice::http {

/// A configured token with its digest decoded.
struct known_token {
    std::array<std::uint8_t, 32> digest{};
    std::string name;
    std::vector<scope> scopes;
    std::vector<std::string> queues;

    bool allows(scope needed) const;
};

/// Knows the tokens. Keeps digests only; comparing takes as long for a wrong token as for a right
/// one.
class authenticator {
public:
    /// Throws std::invalid_argument when a digest is not 64 hexadecimal digits.
    explicit authenticator(const std::vector<token_config>& tokens);

    /// No tokens: every request may do everything.
    bool open() const { return tokens_.empty(); }

    /// The token an `Authorization` field presents, or null: another scheme, malformed, unknown.
    const known_token* identify(std::string_view authorization) const;

private:
    std::vector<known_token> tokens_;
};

/// Bounds failed attempts per address: a bucket of ten, refilled at ten a second. Thread safe.
class failure_limiter {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Counts one failure. False when the address has failed too often just now.
    bool admit(const boost::asio::ip::address& address, time_point now);

private:
    struct bucket {
        double tokens = 0;
        time_point updated;
    };
    void forget_full_buckets(time_point now);

    std::mutex mutex_;

    std::map<boost::asio::ip::address, bucket> buckets_;
};

}  // namespace sluice::http
