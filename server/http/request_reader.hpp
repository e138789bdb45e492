#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/field.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The bytes of requests into heads and bodies, without a socket. Beast does the parsing; this adds
/// the bounds it lacks and keeps trailers away from the header.
namespace sluice::http {

struct head_field {
    boost::beast::http::field id;  ///< `unknown` for names Beast has no number for
    std::string_view name;
    std::string_view value;  ///< without surrounding white space
};

/// A request head as it stands in the read buffer; valid until those bytes move.
struct head_view {
    std::string_view method;
    std::string_view target;
    int version = 11;  ///< 10 or 11
    bool keep_alive = true;
    std::vector<head_field> fields;  ///< in order, repeated ones too
};

struct head_limits {
    std::size_t bytes_max = 16 * 1024;
    std::size_t fields_max = 64;
};

/// Why the bytes cannot be a request, as the HTTP status to answer with.
struct parse_fault {
    int status = 400;
    std::string_view reason;  ///< static text
};

enum class parse_step : std::uint8_t { need_more, complete, fault };

/// Reads one request after the other: `read_head`, then `begin_body` and `read_body` if it has one,
/// then `reset`.
class request_reader {
public:
    explicit request_reader(head_limits limits);
    request_reader(const request_reader&) = delete;
    request_reader& operator=(const request_reader&) = delete;

    /// `bytes` are all that is unread, from the first byte of the head on. Nothing is consumed
    /// until `complete`; then `head` is set and `consumed` is the size of the head.
    ///
    /// A head that is already wrong is refused as soon as a line is whole, not only at its end.
    parse_step read_head(std::string_view bytes);

    /// `body_max` bounds the body of a chunked request; a Content-Length is for the caller to
    /// check.
    void begin_body(std::uint64_t body_max);

    /// `bytes` are all that is unread. Appends to `body`; `consumed` says how much of `bytes` is
    /// done with. `buffer_full`: there will be no more bytes unless some are consumed. Trailer
    /// fields are checked for form and dropped.
    parse_step read_body(std::string_view bytes, bool buffer_full, std::string& body);

    void reset();

    const head_view& head() const { return head_; }
    std::size_t consumed() const { return consumed_; }
    const parse_fault& fault() const { return fault_; }

private:
    /// Beast's parser, collecting into the reader's own members.
    class parser final : public boost::beast::http::basic_parser<true> {
    public:
        parser(head_view& head, std::size_t fields_max) : head_(head), fields_max_(fields_max) {}

        std::string* body = nullptr;
        const char* trailers = nullptr;  ///< set when the last chunk has been read

    private:
        using error_code = boost::beast::error_code;
        using text = boost::beast::string_view;

        void on_request_impl(boost::beast::http::verb, text method, text target, int version,
                             error_code& ec) override;
        void on_response_impl(int, text, int, error_code&) override {}
        void on_field_impl(boost::beast::http::field id, text name, text value,
                           error_code& ec) override;
        void on_header_impl(error_code& ec) override { ec = {}; }
        void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& ec) override {
            ec = {};
        }
        std::size_t on_body_impl(text bytes, error_code& ec) override;
        void on_chunk_header_impl(std::uint64_t size, text extensions, error_code& ec) override;
        std::size_t on_chunk_body_impl(std::uint64_t remain, text bytes, error_code& ec) override;
        void on_finish_impl(error_code& ec) override { ec = {}; }

        head_view& head_;
        std::size_t fields_max_;
    };

    parse_step parse_head(std::string_view bytes, bool whole);
    parse_step fail(int status, std::string_view reason);
    parse_step fail(const boost::system::error_code& ec, std::string_view bytes);
    parse_step head_too_long(std::string_view bytes);
    bool worth_a_look(std::string_view bytes);
    parse_step skip_trailers(std::string_view bytes, std::size_t begin);

    head_limits limits_;
    std::optional<parser> parser_;
    head_view head_;
    parse_fault fault_;
    std::size_t consumed_ = 0;
    std::size_t scanned_ = 0;  ///< bytes known not to hold the end of the head
    std::size_t tried_ = 0;    ///< bytes of an incomplete head the parser has seen
};

}  // namespace sluice::http
