#pragma once

#include "proto/bulk.hpp"
#include "proto/error.hpp"
#include "proto/job.hpp"
#include "proto/time.hpp"
#include "proto/uuid.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A redrive: dead letters that are sent back to their queues in the background, at a rate, after a
/// few of them have shown that they no longer die.
namespace sluice {

/// The values are stored; they never change.
enum class redrive_state : std::uint8_t {
    canary = 0,     ///< the first ones are sent, or are waited for
    running = 1,    ///< all of these completed; the others are sent
    completed = 2,  ///< all are sent
    stopped = 3,    ///< a canary did not complete; nothing more is sent
    cancelled = 4,  ///< by somebody; nothing more is sent
};
std::string_view to_string(redrive_state state);

constexpr bool is_over(redrive_state state) {
    return state != redrive_state::canary && state != redrive_state::running;
}

/// Body of POST /dead-letter/redrives.
struct redrive_request {
    bulk_filter filter;      ///< queue, type, error_type, since, until; it leaves something out
    double rate = 10;        ///< jobs in a second
    std::size_t canary = 1;  ///< so many go first, and must complete; 0: none
    std::optional<std::uint64_t> max;  ///< so many are sent in all; absent: all there are

    friend bool operator==(const redrive_request&, const redrive_request&) = default;
};

struct redrive_canary {
    uuid job_id;
    std::int64_t seq = 0;
    bool completed = false;

    friend bool operator==(const redrive_canary&, const redrive_canary&) = default;
};

/// The canary that stopped a redrive.
struct redrive_stop {
    uuid job_id;
    job_state state = job_state::discarded;  ///< or cancelled
    std::string error_type, message;         ///< of its last failure; empty when it did not fail

    friend bool operator==(const redrive_stop&, const redrive_stop&) = default;
};

struct redrive_record {
    std::string id;  ///< "rdr_" and a UUIDv7
    redrive_request asked;
    redrive_state state = redrive_state::canary;
    timestamp created_at;  ///< dead letters of later are not sent
    std::optional<timestamp> ended_at;
    std::uint64_t sent = 0;
    /// Dead letters that somebody else revived or deleted just before it was their turn.
    std::uint64_t skipped = 0;
    /// Jobs with this number or a higher one have had their turn. It only falls, so none has two.
    std::optional<std::int64_t> cursor;
    bool exhausted = false;  ///< no dead letter is left below
    std::vector<redrive_canary> canaries;
    std::optional<redrive_stop> stopped_by;

    friend bool operator==(const redrive_record&, const redrive_record&) = default;
};

/// What keeps a redrive that is not over from sending more.
enum class redrive_wait : std::uint8_t {
    nothing,       ///< it goes on at its rate
    canaries,      ///< they have not ended
    queue_paused,  ///< that of the next job
    queue_full,    ///< the same
    disk,          ///< is nearly full
    server,        ///< is shutting down
};
std::string_view to_string(redrive_wait wait);

struct redrive_view {
    redrive_record redrive;
    redrive_wait waits_for = redrive_wait::nothing;
    std::string queue;  ///< that is paused or full
};

/// Errors: invalid_payload, invalid_request; those name the member.
result<redrive_request> decode_redrive(std::string_view body);

/// Appends the redrive as an object.
void append_redrive(std::string& out, const redrive_view& view);

/// The text it is stored as, and back. `decode` throws std::runtime_error when the text is nothing
/// that was ever written.
std::string encode_stored_redrive(const redrive_record& redrive);
redrive_record decode_stored_redrive(std::string_view id, std::string_view text);

}  // namespace sluice
