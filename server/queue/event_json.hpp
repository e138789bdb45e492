#pragma once

#include "proto/json_text.hpp"
#include "server/queue/events.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Lifecycle events on the wire (ojs-events.md).
namespace sluice {

/// "evt_" and a UUIDv7 that carries the event's number, so that ids stay unique across restarts,
/// sort in order, and serve as cursors.
std::string event_id(timestamp time, std::uint64_t number);

struct event_cursor {
    std::uint64_t number = 0;
    std::optional<timestamp> time;  ///< of the event; absent when the cursor was a bare number
};
/// Reads `event_id`'s form or a bare number.
std::optional<event_cursor> parse_event_cursor(std::string_view text);

/// Appends one event in its envelope.
void append_event(std::string& out, const job_event& event);

/// `{"good","bad","compliance","burn_rate"}` of one window.
void append_objective_window(json_writer& out, const objective_status& status,
                             objective_window window);

}  // namespace sluice
