#include "server/http/response_writer.hpp"

#include "proto/http_text.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstdio>

namespace sluice::http {
namespace {

void append_number(std::string& out, std::size_t number) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end);
}

bool has_no_body(int status) {
    return status < 200 || status == 204 || status == 304;
}

std::string format_date(std::chrono::sys_seconds time) {
    static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    std::array<char, 40> text;
    const int size = std::snprintf(
        text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
        days[std::chrono::weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
        months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()));
    return std::string(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

std::string_view date_cache::text(std::chrono::system_clock::time_point now) {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    if (second != second_ || text_.empty()) {
        second_ = second;
        text_ = format_date(second);
    }
    return text_;
}

bool is_sendable(const response& answer) {
    return std::ranges::all_of(answer.fields, [](const auto& field) {
        return is_token(field.first) && is_field_value(field.second);
    });
}

void append_response(std::string& out, const response& answer, const response_frame& frame) {
    assert(is_sendable(answer));
    assert(answer.status >= 100 && answer.status <= 999);
    out.reserve(out.size() + 320 + answer.body.size());
    if (answer.status == 200) {
        out += "HTTP/1.1 200 OK\r\nServer: Sluice\r\nDate: ";
    } else {
        out += "HTTP/1.1 ";
        append_number(out, static_cast<std::size_t>(answer.status));
        out += ' ';
        out += reason_phrase(answer.status);
        out += "\r\nServer: Sluice\r\nDate: ";
    }
    out += frame.date;
    out += "\r\nOJS-Version: 1.0\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ";
    out += frame.request_id;
    const bool bodyless = has_no_body(answer.status);
    if ((!answer.body.empty() || answer.stream) && !bodyless) {
        out += "\r\nContent-Type: ";
        out += answer.content_type;
    }
    if (answer.stream) {
        // Without a length and without chunks, as HTTP/1.0 has it, the close is the end.
        if (frame.modern) out += "\r\nTransfer-Encoding: chunked";
    } else if (!bodyless) {
        out += "\r\nContent-Length: ";
        append_number(out, answer.body.size());
    }
    for (const auto& [name, value] : answer.fields) {
        out += "\r\n";
        out += name;
        out += ": ";
        out += value;
    }
    if (frame.close)
        out += "\r\nConnection: close";
    else if (!frame.modern)
        out += "\r\nConnection: keep-alive";
    out += "\r\n\r\n";
    if (!frame.head_only && !bodyless) out += answer.body;
}

void append_chunk(std::string& out, std::string_view piece) {
    assert(!piece.empty());
    std::array<char, 16> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16).ptr;
    out.reserve(out.size() + piece.size() + digits.size() + 4);
    out.append(digits.data(), end).append("\r\n").append(piece).append("\r\n");
}

void append_last_chunk(std::string& out) {
    out += "0\r\n\r\n";
}

std::string_view reason_phrase(int status) {
    const auto known = boost::beast::http::int_to_status(static_cast<unsigned>(status));
    if (known == boost::beast::http::status::unknown) return {};
    return boost::beast::http::obsolete_reason(known);
}

}  // namespace sluice::http
