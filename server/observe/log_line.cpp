#include "server/observe/log_line.hpp"

#include "proto/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <type_traits>

namespace sluice {

namespace {

/// Whether a character, given as its valid UTF-8, could end a line, move a cursor or hide text: C0,
/// DEL, C1 and the two line separators of Unicode.
bool must_escape(std::string_view c) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(c[i]); };
    if (c.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
    if (c.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
    return c == "\u2028" || c == "\u2029";
}

void append_escape(std::string& out, std::string_view c) {
    const auto last = static_cast<unsigned char>(c.back());
    if (c.size() == 3) {
        fmt::format_to(std::back_inserter(out), "\\u20{:02x}", last - 0x80);
    } else {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", last);
    }
}

std::string_view level_name(log_level level) {
    switch (level) {
        case log_level::debug:
            return "debug";
        case log_level::info:
            return "info";
        case log_level::warning:
            return "warning";
        case log_level::error:
            return "error";
    }
    return "error";
}

std::string_view level_colour(log_level level) {
    switch (level) {
        case log_level::debug:
            return "\x1b[2m";
        case log_level::info:
            return "\x1b[32m";
        case log_level::warning:
            return "\x1b[33m";
        case log_level::error:
            return "\x1b[31m";
    }
    return "";
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    append_log_text(out, text);
    out += '"';
}

/// Plain words stay bare in the human form; everything else is quoted.
bool is_plain(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '=';
    });
}

void append_value(std::string& out, const log_field& field, logger::format form) {
    const auto append = [&](const auto& value) {
        using type = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<type, std::string_view>) {
            if (form == logger::format::human && is_plain(value)) {
                out += value;
            } else {
                append_quoted(out, value);
            }
        } else if constexpr (std::is_same_v<type, double>) {
            if (std::isfinite(value)) {
                fmt::format_to(std::back_inserter(out), "{}", value);
            } else {
                out += "null";
            }
        } else {
            fmt::format_to(std::back_inserter(out), "{}", value);
        }
    };
    std::visit(append, field.value);
}

}  // namespace

void append_log_text(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const std::size_t bytes = utf8_length(text);
        const auto c = text.substr(0, bytes);
        if (bytes == 0) {
            out += "\\ufffd";
        } else if (c == "\"" || c == "\\") {
            out += '\\';
            out += c;
        } else if (must_escape(c)) {
            append_escape(out, c);
        } else {
            out += c;
        }
        text.remove_prefix(std::max<std::size_t>(bytes, 1));
    }
}

std::string format_log_line(logger::format form, bool colour, timestamp time, log_level level,
                            std::string_view message, std::initializer_list<log_field> fields) {
    std::string out;
    if (form == logger::format::json) {
        out += R"({"time":")";
        append_timestamp(out, time);
        out += R"(","level":")";
        out += level_name(level);
        out += R"(","message":)";
        append_quoted(out, message);
        for (const auto& field : fields) {
            out += ',';
            append_quoted(out, field.key);
            out += ':';
            append_value(out, field, form);
        }
        out += '}';
        return out;
    }
    append_timestamp(out, time);
    fmt::format_to(std::back_inserter(out), " {}{:<7}{} ", colour ? level_colour(level) : "",
                   level_name(level), colour ? "\x1b[0m" : "");
    append_log_text(out, message);
    for (const auto& field : fields) {
        out += ' ';
        append_log_text(out, field.key);
        out += '=';
        append_value(out, field, form);
    }
    return out;
}

}  // namespace sluice
