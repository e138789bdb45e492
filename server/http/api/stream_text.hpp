#pragma once

#include "server/http/message.hpp"

#include <chrono>
#include <string>
#include <string_view>

/// Event streams as browsers read them (WHATWG HTML, server-sent events).
namespace sluice::http {

/// 200 with a body that `source` makes, not to be kept or held back by anybody on the way.
response stream_answer(body_source source);

/// What a stream begins with: when to come back after it breaks off. Sent at once, it takes the
/// head along.
void append_stream_opening(std::string& out);

/// A comment; readers pass it over.
void append_stream_beat(std::string& out);

/// Where a reader that comes back goes on, when there is no event to say it. `id` without controls.
void append_stream_position(std::string& out, std::string_view id);

/// `id` may be empty: the position stays. `json` is a whole document; its line breaks, which can
/// only be white space, become blanks.
void append_stream_event(std::string& out, std::string_view id, std::string_view type,
                         std::string_view json);

/// Time left until `at`, rounded up: who waits that long is not early.
std::chrono::milliseconds time_until(std::chrono::steady_clock::time_point at);

}  // namespace sluice::http
