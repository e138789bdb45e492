#include "proto/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace sluice {
namespace {

void append_escaped(std::string& out, unsigned char c) {
    static constexpr std::string_view hex = "0123456789abcdef";
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    out += "\\u00";
    out += hex[c >> 4];
    out += hex[c & 0x0F];
}

/// Bytes that stand for themselves in a JSON string; one look-up a byte instead of four
/// comparisons.
constexpr auto stands_for_itself = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0x20; c < 0x80; ++c) table[c] = c != '"' && c != '\\';
    return table;
}();

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t done = 0;  // what is before is in `out`
    std::size_t at = 0;
    while (at < text.size()) {
        const auto c = static_cast<unsigned char>(text[at]);
        if (stands_for_itself[c]) {
            ++at;
            continue;
        }
        const auto length = c < 0x80 ? 0 : utf8_length(text.substr(at));
        if (length != 0) {
            at += length;
            continue;
        }
        out.append(text.substr(done, at - done));
        if (c < 0x80)
            append_escaped(out, c);
        else
            out += "\xEF\xBF\xBD";
        done = ++at;
    }
    out.append(text.substr(done));
    out += '"';
}

json_writer& json_writer::string(std::string_view text) {
    separate();
    append_json_string(out_, text);
    return *this;
}

json_writer& json_writer::integer(std::int64_t number) {
    separate();
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    out_.append(text, end);
    return *this;
}

json_writer& json_writer::number(double number) {
    separate();
    if (!std::isfinite(number)) {
        out_ += "null";
        return *this;
    }
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    out_.append(text, end);
    return *this;
}

json_writer& json_writer::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

json_writer& json_writer::null() {
    separate();
    out_ += "null";
    return *this;
}

json_writer& json_writer::raw_members(std::string_view members) {
    if (members.empty()) return *this;
    separate();
    out_ += members;
    return *this;
}

}  // namespace sluice
