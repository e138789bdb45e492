#include "server/http/request_reader.hpp"

#include "proto/http_text.hpp"

#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace sluice::http {
namespace {

namespace beast_http = boost::beast::http;

/// Beast joins continued lines with a space; a peer before us may not, so they are refused.
bool has_folded_line(std::string_view head) {
    for (std::size_t end = head.find('\n'); end < head.size() - 1; end = head.find('\n', end + 1))
        if (head[end + 1] == ' ' || head[end + 1] == '\t') return true;
    return false;
}

/// Whether the request line ends in a well-formed version that is later than 1.1.
bool asks_for_later_version(std::string_view bytes) {
    const std::string_view line = bytes.substr(0, bytes.find_first_of("\r\n"));
    constexpr std::string_view form = " HTTP/d.d";
    if (line.size() < form.size()) return false;
    const std::string_view version = line.substr(line.size() - form.size());
    if (!version.starts_with(" HTTP/") || version[7] != '.') return false;
    const char major = version[6], minor = version[8];
    if (!is_digit(major) || !is_digit(minor)) return false;
    return major > '1' || (major == '1' && minor > '1');
}

std::string_view describe(const boost::system::error_code& ec) {
    if (ec == beast_http::error::bad_method) return "malformed method";
    if (ec == beast_http::error::bad_target) return "malformed request target";
    if (ec == beast_http::error::bad_version) return "malformed HTTP version";
    if (ec == beast_http::error::bad_field) return "malformed field name";
    if (ec == beast_http::error::bad_value) return "malformed field value";
    if (ec == beast_http::error::bad_line_ending) return "lines must end with CR LF";
    if (ec == beast_http::error::bad_content_length) return "bad Content-Length";
    if (ec == beast_http::error::multiple_content_length) return "several Content-Length fields";
    if (ec == beast_http::error::bad_transfer_encoding) return "bad Transfer-Encoding";
    if (ec == beast_http::error::bad_chunk) return "malformed chunk";
    if (ec == beast_http::error::bad_chunk_extension) return "malformed chunk extension";
    return "malformed request";
}

bool is_field_line(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    return is_token(line.substr(0, colon)) && is_field_value(line.substr(colon + 1));
}

}  // namespace

void request_reader::parser::on_request_impl(beast_http::verb, text method, text target,
                                             int version, error_code& ec) {
    ec = {};
    head_.method = method;
    head_.target = target;
    head_.version = version;
}

void request_reader::parser::on_field_impl(beast_http::field id, text name, text value,
                                           error_code& ec) {
    ec = {};
    if (head_.fields.size() == fields_max_) {
        ec = beast_http::error::header_limit;
        return;
    }
    head_.fields.push_back({id, name, value});
}

std::size_t request_reader::parser::on_body_impl(text bytes, error_code& ec) {
    ec = {};
    body->append(bytes.data(), bytes.size());
    return bytes.size();
}

void request_reader::parser::on_chunk_header_impl(std::uint64_t size, text extensions,
                                                  error_code& ec) {
    ec = {};
    if (size != 0) return;
    // Stop here: Beast would merge the trailer fields into the header.
    trailers = extensions.data() + extensions.size() + 2;
    ec = beast_http::error::end_of_chunk;
}

std::size_t request_reader::parser::on_chunk_body_impl(std::uint64_t, text bytes, error_code& ec) {
    return on_body_impl(bytes, ec);
}

request_reader::request_reader(head_limits limits) : limits_(limits) {}

void request_reader::reset() {
    parser_.reset();
    head_.fields.clear();
    consumed_ = scanned_ = tried_ = 0;
}

parse_step request_reader::read_head(std::string_view bytes) {
    constexpr std::string_view end_mark = "\r\n\r\n";
    const std::size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
    const std::size_t end = bytes.find(end_mark, from);
    if (end != std::string_view::npos && end + end_mark.size() <= limits_.bytes_max)
        return parse_head(bytes.substr(0, end + end_mark.size()), true);
    if (bytes.size() >= limits_.bytes_max) return head_too_long(bytes);

    const bool look = worth_a_look(bytes);
    scanned_ = bytes.size();
    if (!look) return parse_step::need_more;
    tried_ = bytes.size();
    return parse_head(bytes, false);
}

/// Parsing from the start each time keeps every view in one piece. An attacker must not make that
/// quadratic: it is done again only for a new line, of which there are few, or twice the bytes.
bool request_reader::worth_a_look(std::string_view bytes) {
    if (bytes.size() <= scanned_) return false;
    return bytes.size() >= 2 * tried_ || bytes.find('\n', scanned_) != std::string_view::npos;
}

parse_step request_reader::parse_head(std::string_view bytes, bool whole) {
    if (has_folded_line(bytes)) return fail(400, "folded field lines are not accepted");
    head_.fields.clear();
    parser_.emplace(head_, limits_.fields_max);
    parser_->header_limit(static_cast<std::uint32_t>(limits_.bytes_max) + 1);
    parser_->body_limit(boost::none);

    boost::system::error_code ec;
    consumed_ = parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
    if (ec && ec != beast_http::error::need_more) return fail(ec, bytes);
    if (!parser_->is_header_done())
        return whole ? fail(400, "malformed request") : parse_step::need_more;
    head_.keep_alive = parser_->keep_alive();
    return parse_step::complete;
}

parse_step request_reader::head_too_long(std::string_view bytes) {
    const std::string_view start = bytes.substr(0, limits_.bytes_max);
    if (parse_head(start, false) == parse_step::fault) return parse_step::fault;
    if (start.find('\n') != std::string_view::npos) return fail(431, "the head is too large");
    if (start.find(' ') != std::string_view::npos) return fail(414, "the target is too long");
    return fail(400, "malformed method");
}

void request_reader::begin_body(std::uint64_t body_max) {
    parser_->body_limit(body_max);
    parser_->eager(true);
}

parse_step request_reader::read_body(std::string_view bytes, bool buffer_full, std::string& body) {
    consumed_ = 0;
    if (parser_->is_done()) return parse_step::complete;
    if (bytes.empty()) return parse_step::need_more;
    parser_->body = &body;
    boost::system::error_code ec;
    consumed_ = parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
    if (parser_->trailers)
        return skip_trailers(bytes, static_cast<std::size_t>(parser_->trailers - bytes.data()));
    if (ec == beast_http::error::need_more) {
        if (buffer_full && consumed_ == 0)
            return fail(400, "a chunk extension or trailer is too large");
        return parse_step::need_more;
    }
    if (ec) return fail(ec, bytes);
    return parser_->is_done() ? parse_step::complete : parse_step::need_more;
}

/// The parser has seen the empty line that ends the message, so all of it is in `bytes`.
parse_step request_reader::skip_trailers(std::string_view bytes, std::size_t begin) {
    for (;;) {
        const std::size_t end = bytes.find("\r\n", begin);
        if (end == std::string_view::npos) return fail(400, "malformed trailer");
        const std::string_view line = bytes.substr(begin, end - begin);
        begin = end + 2;
        if (line.empty()) break;
        if (!is_field_line(line)) return fail(400, "malformed trailer");
    }
    consumed_ = begin;
    return parse_step::complete;
}

parse_step request_reader::fail(int status, std::string_view reason) {
    fault_ = {status, reason};
    return parse_step::fault;
}

parse_step request_reader::fail(const boost::system::error_code& ec, std::string_view bytes) {
    if (ec == beast_http::error::header_limit) return fail(431, "too many fields");
    if (ec == beast_http::error::body_limit) return fail(413, "the body is too large");
    if (ec == beast_http::error::bad_version && asks_for_later_version(bytes))
        return fail(505, "this server speaks HTTP/1.1");
    return fail(400, describe(ec));
}

}  // namespace sluice::http
