#pragma once

#include "client/connection.hpp"
#include "client/event_stream_reader.hpp"
#include "client/messages.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::client {

/// What a stream of events tells.
struct stream_news {
    /// Events were dropped before they could be sent, or the server was restarted: what follows
    /// does not join what came before.
    bool gap = false;
    event_info event;  ///< unless `gap`
};

/// Which events; empty: all.
struct stream_filter {
    std::vector<std::string> types;
    std::vector<std::string> queues;
};

/// The server's lifecycle events as they happen, over a connection of its own. After a failure
/// `open` goes on behind the last event that came: nothing is left out without a word, and nothing
/// comes twice. One call at a time, everything on one executor.
class event_stream {
public:
    event_stream(asio::any_io_executor executor, settings with, stream_filter filter);

    /// The first time it begins with what happens from now on. Nothing when it is open.
    asio::awaitable<std::optional<failure>> open();

    /// Waits for news; may be empty. An end of the stream, which the server is free to set, is a
    /// failure of the kind `lost`, and so is silence: the server says something every 15 seconds.
    asio::awaitable<outcome<std::vector<stream_news>>> next();

    /// Ends the call under way, and all later ones, with `closed`.
    void close() { connection_.close(); }

private:
    connection connection_;
    std::string target_;
    event_stream_reader reader_;
};

}  // namespace sluice::client
