#include "server/worker/handlers/http/signing.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>

namespace sluice::worker::push {

namespace {

constexpr std::string_view prefix = "whsec_";
constexpr std::size_t key_bytes_min = 24;
constexpr std::size_t key_bytes_max = 64;
constexpr std::size_t digest_bytes = 32;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string to_base64(const unsigned char* data, std::size_t size) {
    std::string out((size + 2) / 3 * 4 + 1, '\0');  // OpenSSL adds a NUL
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), data, static_cast<int>(size));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

/// With or without the padding; the decoder of OpenSSL wants it.
std::optional<std::vector<unsigned char>> from_base64(std::string_view text) {
    std::string padded(text);
    while (padded.ends_with('=')) padded.pop_back();
    if (padded.size() % 4 == 1 || padded.size() > 128) return std::nullopt;
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (padded.find_first_not_of(alphabet) != std::string::npos) return std::nullopt;
    const std::size_t missing = (4 - padded.size() % 4) % 4;
    padded.append(missing, '=');
    std::vector<unsigned char> out(padded.size() / 4 * 3);
    const int length =
        EVP_DecodeBlock(out.data(), bytes_of(padded), static_cast<int>(padded.size()));
    if (length < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(length) - missing);
    return out;
}

std::array<unsigned char, digest_bytes> hmac_sha256(const unsigned char* key, std::size_t size,
                                                    std::string_view text) {
    std::array<unsigned char, digest_bytes> digest{};
    unsigned length = 0;
    if (HMAC(EVP_sha256(), key, static_cast<int>(size), bytes_of(text), text.size(), digest.data(),
             &length) == nullptr)
        throw std::runtime_error("HMAC-SHA256 failed");
    return digest;
}

}  // namespace

signing_secret signing_secret::of(std::string_view text) {
    if (auto known = parse(text)) return *std::move(known);
    return signing_secret(std::vector<unsigned char>(text.begin(), text.end()));
}

std::optional<signing_secret> signing_secret::parse(std::string_view text) {
    if (!text.starts_with(prefix)) return std::nullopt;
    auto key = from_base64(text.substr(prefix.size()));
    if (!key || key->size() < key_bytes_min || key->size() > key_bytes_max) return std::nullopt;
    return signing_secret(std::move(*key));
}

std::string signing_secret::sign(std::string_view id, std::int64_t unix_time,
                                 std::string_view body) const {
    std::string signed_text(id);
    signed_text += '.';
    signed_text += std::to_string(unix_time);
    signed_text += '.';
    signed_text += body;
    const auto digest = hmac_sha256(key_.data(), key_.size(), signed_text);
    return "v1," + to_base64(digest.data(), digest.size());
}

std::string sign_with_all(const std::vector<signing_secret>& secrets, std::string_view id,
                          std::int64_t unix_time, std::string_view body) {
    std::string all;
    for (const auto& secret : secrets) {
        if (!all.empty()) all += ' ';
        all += secret.sign(id, unix_time, body);
    }
    return all;
}

std::string make_signing_secret() {
    std::array<unsigned char, 32> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw std::runtime_error("no random bytes");
    return std::string(prefix) + to_base64(bytes.data(), bytes.size());
}

std::string sign_ojs(std::string_view secret, std::int64_t unix_time, std::string_view body) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto text = std::to_string(unix_time) + '.' + std::string(body);
    std::string made = "sha256=";
    for (const auto byte : hmac_sha256(bytes_of(secret), secret.size(), text)) {
        made += digits[byte >> 4];
        made += digits[byte & 0xF];
    }
    return made;
}

}  // namespace sluice::worker::push
