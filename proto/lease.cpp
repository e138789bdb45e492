#include "proto/job.hpp"

#include <charconv>

namespace sluice {
namespace {

constexpr std::size_t nonce_digits = 8;

template <class Number>
char* put_hex(char* at, char* end, Number number) {
    return std::to_chars(at, end, number, 16).ptr;
}

/// A lower-case hexadecimal number and nothing else.
template <class Number>
bool read_hex(std::string_view text, Number& number) {
    if (text.empty() || text.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        return false;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return read.ec == std::errc{};
}

}  // namespace

std::string to_string(const lease_token& token) {
    char text[40];
    char* const end = text + sizeof text;
    char* at = put_hex(text, end, token.epoch);
    *at++ = '.';
    at = put_hex(at, end, token.counter);
    *at++ = '.';
    for (int shift = 28; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[token.nonce >> shift & 0x0F];
    return {text, at};
}

std::optional<lease_token> parse_lease(std::string_view text) {
    const auto first = text.find('.');
    const auto second = text.find('.', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
    const auto epoch = text.substr(0, first);
    const auto counter = text.substr(first + 1, second - first - 1);
    const auto nonce = text.substr(second + 1);
    lease_token token;
    if (nonce.size() != nonce_digits || !read_hex(epoch, token.epoch) ||
        !read_hex(counter, token.counter) || !read_hex(nonce, token.nonce))
        return std::nullopt;
    // One text per token: no leading zeros, no epoch 0.
    if (!token || to_string(token) != text) return std::nullopt;
    return token;
}

}  // namespace sluice
