#pragma once

#include "server/http/message.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::http {

/// `Date` as RFC 9110 has it, formatted once a second.
class date_cache {
public:
    std::string_view text(std::chrono::system_clock::time_point now);

private:
    std::chrono::sys_seconds second_{};
    std::string text_;
};

/// How one answer goes out.
struct response_frame {
    std::string_view date;
    std::string_view request_id;  ///< must be made of token characters
    bool head_only = false;       ///< answer to HEAD: the length of the body, but not the body
    bool close = false;
    bool modern = true;  ///< the request was HTTP/1.1
};

/// Whether every field of `answer` can be sent: names are tokens, and no value holds CR, LF or NUL.
bool is_sendable(const response& answer);

/// Appends the whole answer to `out` as one run of bytes; of one with a stream the head. The only
/// place that writes heads and frames pieces; `answer` must be sendable.
void append_response(std::string& out, const response& answer, const response_frame& frame);

/// One piece of a stream, which must not be empty, as a chunk.
void append_chunk(std::string& out, std::string_view piece);
void append_last_chunk(std::string& out);

/// The standard reason phrase; empty for a status without one.
std::string_view reason_phrase(int status);

}  // namespace sluice::http
