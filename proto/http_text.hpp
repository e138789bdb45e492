#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// Character classes of RFC 9110 and RFC 3986. ASCII only; no locale.
namespace sluice::http {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool is_alphanumeric(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// `lower` must be lower case.
constexpr bool equals_lower(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, {}, to_lower);
}

/// A set of bytes that is asked for every byte of every request.
class byte_set {
public:
    template <class Predicate>
    constexpr explicit byte_set(Predicate holds) {
        for (std::size_t i = 0; i < 256; ++i) members_[i] = holds(static_cast<char>(i));
    }
    constexpr bool operator()(char c) const { return members_[static_cast<unsigned char>(c)]; }

private:
    bool members_[256]{};  // not std::array: every index is in range, and the check would cost
};

inline constexpr byte_set is_token_byte([](char c) {
    return is_alphanumeric(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
});

/// No control character but HTAB. Bytes from 0x80 on are opaque.
inline constexpr byte_set is_value_byte([](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7F) || byte == '\t';
});

/// What may stand in a request target as it is.
inline constexpr byte_set is_target_byte([](char c) {
    return c > 0x20 && c < 0x7F &&
           std::string_view("#\"<>\\^`{|}").find(c) == std::string_view::npos;
});

constexpr bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_token_byte);
}

/// Eight bytes at a time: nearly all values are plain text.
inline bool is_field_value(std::string_view text) {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    for (; text.size() >= 8; text.remove_prefix(8)) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data(), sizeof word);
        const auto deleted = word ^ ones * 0x7F;
        const auto marks = ((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted);
        const bool doubtful = (marks & ones * 0x80) != 0;
        if (doubtful && !std::ranges::all_of(text.substr(0, 8), is_value_byte)) return false;
    }
    return std::ranges::all_of(text, is_value_byte);
}

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = to_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace sluice::http
