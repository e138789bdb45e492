#include "proto/json_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>

namespace sluice {
namespace {

constexpr bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

void skip_space(std::string_view& text) {
    std::size_t count = 0;
    while (count < text.size() && is_space(text[count])) ++count;
    if (count > 0) text.remove_prefix(count);
}

/// How many of the eight bytes at `at`, from the first on, are neither quote nor backslash.
std::size_t bytes_before_mark(const char* at) {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    // A borrow makes false marks only above a true one, and only the lowest counts.
    const auto zero_bytes = [](std::uint64_t x) { return (x - ones) & ~x & (ones * 0x80); };
    const auto marks = zero_bytes(word ^ ones * '"') | zero_bytes(word ^ ones * '\\');
    return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

/// Where the first quote or backslash from `from` on is, or the end. Most names and values are
/// short: a call of memchr for each took a fifth of all that decoding a small job takes
/// (bench_decode). Nothing behind the mark is looked at: there may be as many marks as text.
std::size_t find_mark(std::string_view text, std::size_t from) {
    auto at = from;
    for (; at + 8 <= text.size(); at += 8) {
        const auto before = bytes_before_mark(text.data() + at);
        if (before < 8) return at + before;
    }
    while (at < text.size() && text[at] != '"' && text[at] != '\\') ++at;
    return at;
}

/// Length of the string at the start of `text`, quotes included.
std::size_t string_length(std::string_view text) {
    std::size_t at = 1;
    while (true) {
        at = find_mark(text, at);
        if (at >= text.size()) return text.size();
        if (text[at] == '"') return at + 1;
        at += 2;  // an escape; \u is followed by plain digits
    }
}

std::size_t container_length(std::string_view text) {
    std::size_t depth = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        switch (text[at]) {
            case '{':
            case '[':
                ++depth;
                break;
            case '}':
            case ']':
                if (--depth == 0) return at + 1;
                break;
            case '"':
                at += string_length(text.substr(at)) - 1;
                break;
            default:
                break;
        }
    }
    return text.size();
}

/// The value at the start of `text`, which may go on after it.
json_value leading_value(std::string_view text) {
    if (text.empty()) return {};
    switch (text.front()) {
        case '{':
            return {text.substr(0, container_length(text)), json_kind::object};
        case '[':
            return {text.substr(0, container_length(text)), json_kind::array};
        case '"':
            return {text.substr(0, string_length(text)), json_kind::string};
        case 't':
            return {text.substr(0, 4), json_kind::boolean};
        case 'f':
            return {text.substr(0, 5), json_kind::boolean};
        case 'n':
            return {text.substr(0, 4), json_kind::null};
        default:
            break;
    }
    return {text.substr(0, text.find_first_not_of("+-.0123456789Ee")), json_kind::number};
}

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0 | code >> 6);
        put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        put(0xE0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    } else {
        put(0xF0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3F));
        put(0x80 | (code >> 6 & 0x3F));
        put(0x80 | (code & 0x3F));
    }
}

/// Takes "XXXX" of "\uXXXX", the `\u` being gone already.
std::uint32_t take_hex4(std::string_view& text) {
    std::uint32_t code = 0;
    std::from_chars(text.data(), text.data() + 4, code, 16);
    text.remove_prefix(4);
    return code;
}

constexpr std::uint32_t replacement = 0xFFFD;

std::uint32_t take_code_point(std::string_view& text) {
    const auto first = take_hex4(text);
    if (first < 0xD800 || first > 0xDFFF) return first;
    if (first > 0xDBFF || !text.starts_with("\\u")) return replacement;
    auto after = text.substr(2);
    const auto second = take_hex4(after);
    if (second < 0xDC00 || second > 0xDFFF) return replacement;
    text = after;
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
}

char unescaped(char c) {
    switch (c) {
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        default:
            return c;  // a quote, a backslash, a slash
    }
}

/// `text` is a JSON string with its quotes.
void unescape_to(std::string& out, std::string_view text) {
    out.clear();
    text = text.substr(1, text.size() - 2);
    while (true) {
        const auto plain = find_mark(text, 0);  // within a string a quote is always escaped
        out.append(text.substr(0, plain));
        if (plain == text.size()) return;
        const char kind = text[plain + 1];
        text.remove_prefix(plain + 2);
        if (kind == 'u')
            append_utf8(out, take_code_point(text));
        else
            out += unescaped(kind);
    }
}

}  // namespace

std::string_view to_string(json_kind kind) {
    static constexpr std::array<std::string_view, 6> names{"object", "array",   "string",
                                                           "number", "boolean", "null"};
    return names[static_cast<std::size_t>(kind)];
}

json_cursor::json_cursor(json_value value)
    : rest_(value.text.substr(1, value.text.size() - 2)), object_(value.kind == json_kind::object) {
    assert(value.kind == json_kind::object || value.kind == json_kind::array);
}

bool json_cursor::next(std::string& key, json_value& value) {
    skip_space(rest_);
    if (rest_.starts_with(',')) {
        rest_.remove_prefix(1);
        skip_space(rest_);
    }
    key.clear();
    if (rest_.empty()) return false;
    if (object_) {
        key_text_ = rest_.substr(0, string_length(rest_));
        unescape_to(key, key_text_);
        rest_.remove_prefix(key_text_.size());
        skip_space(rest_);
        rest_.remove_prefix(1);  // the colon
        skip_space(rest_);
    }
    value = leading_value(rest_);
    rest_.remove_prefix(value.text.size());
    return true;
}

json_value json_root(std::string_view text) {
    skip_space(text);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    // There is nothing behind a document, so its end need not be looked for.
    if (text.starts_with('{')) return {text, json_kind::object};
    if (text.starts_with('[')) return {text, json_kind::array};
    return leading_value(text);
}

std::string json_unescape(json_value value) {
    assert(value.kind == json_kind::string);
    std::string out;
    unescape_to(out, value.text);
    return out;
}

std::optional<std::int64_t> json_integer(json_value value) {
    if (value.kind != json_kind::number) return std::nullopt;
    const char* const end = value.text.data() + value.text.size();
    std::int64_t number = 0;
    const auto read = std::from_chars(value.text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return number;
}

std::optional<double> json_number(json_value value) {
    if (value.kind != json_kind::number) return std::nullopt;
    const char* const end = value.text.data() + value.text.size();
    double number = 0;
    const auto read = std::from_chars(value.text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr != end || !std::isfinite(number)) return std::nullopt;
    return number;
}

std::optional<bool> json_boolean(json_value value) {
    if (value.kind != json_kind::boolean) return std::nullopt;
    return value.text == "true";
}

void cut_text(std::string& text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return;
    auto end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
}

}  // namespace sluice
