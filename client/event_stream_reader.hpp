#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::client {

/// One event of a stream of server-sent events.
struct stream_message {
    std::string id;  ///< of the latest event that had one; where to go on from
    std::string type = "message";
    std::string data;
};

/// Reads the lines of server-sent events (HTML Living Standard, section 9.2) from bytes that come
/// in any pieces. Comments, fields it does not know, and an event without data give nothing.
class event_stream_reader {
public:
    /// A line, and the data of an event, may be this long.
    static constexpr std::size_t bytes_max = std::size_t{4} * 1024 * 1024;

    /// Takes the next bytes. False: a line or an event is too long, and nothing more will be read.
    [[nodiscard]] bool feed(std::string_view bytes);

    /// The next whole event, oldest first.
    std::optional<stream_message> next();

    /// Where a new stream is to go on from: the last id of what was whole. Empty without one.
    const std::string& last_id() const { return last_id_; }

    /// A new stream begins: what was not whole is forgotten, `last_id` stays.
    void restart();

private:
    void end_line();
    void end_event();
    void take_field(std::string_view name, std::string_view value);

    std::string line_;
    bool first_line_ = true;     ///< it may begin with a byte order mark
    bool after_return_ = false;  ///< a line feed that follows belongs to it
    bool broken_ = false;
    std::string id_;  ///< what `last_id_` becomes at the end of this event
    std::string type_;
    std::string data_;
    std::string last_id_;
    std::deque<stream_message> whole_;
};

}  // namespace sluice::client
