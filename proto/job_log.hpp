#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"
#include "proto/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The log of a job: what its runs said, line by line. Kept until the job is deleted.
namespace sluice {

/// Where a line of a job's log came from. The values are stored.
enum class log_stream : std::uint8_t {
    stdout_ = 0,
    stderr_ = 1,
    log = 2,   ///< said by the handler itself
    note = 3,  ///< about the log, such as how many lines are missing at this place
};
/// "stdout", "stderr", "log", "note".
std::string_view to_string(log_stream stream);
std::optional<log_stream> parse_log_stream(std::string_view name);

/// A line on its way to the log of a job.
struct log_text {
    log_stream stream = log_stream::log;
    std::string text;                  ///< without a line end
    std::chrono::milliseconds age{0};  ///< how long ago it was said
};

/// A line as it is kept. Its text is UTF-8 without U+0000, at most limits::log_line_bytes_max.
struct log_line {
    std::uint64_t number = 0;  ///< 1 for the first line of a job; rises by one
    timestamp time;            ///< by the server's clock
    std::uint32_t attempt = 0;
    log_stream stream = log_stream::log;
    std::string text;

    friend bool operator==(const log_line&, const log_line&) = default;
};

/// What a line counts for, wherever logs are bounded: its bytes, and so many for having it at all.
inline constexpr std::size_t log_line_overhead = 64;
inline std::size_t log_cost(std::string_view text) {
    return text.size() + log_line_overhead;
}
/// What notes may take beyond a bound: they tell of what was lost, so they are not lost with it.
inline constexpr std::size_t log_note_reserve = 4096;

/// Takes text apart into lines; without any line end it is one line, also when it is empty. A line
/// that is too long comes in pieces, cut on a code point; invalid UTF-8 and U+0000 become U+FFFD.
/// Beyond limits::log_lines_max lines in `out` the rest is left out; the answer is how many that
/// were.
std::uint64_t split_log(std::vector<log_text>& out, log_stream stream, std::string_view text,
                        std::chrono::milliseconds age = {});

/// Texts of notes.
std::string dropped_note(std::uint64_t lines);
std::string full_note(std::size_t bytes_max);

/// Body of POST /jobs/{id}/log.
struct append_log_request {
    uuid job_id;  ///< from the path
    std::string worker_id;
    std::optional<lease_token> lease;
    std::vector<log_text> lines;  ///< as `split_log` makes them
    std::uint64_t dropped = 0;    ///< lines lost before they came here, after these
    std::uint64_t left_out = 0;   ///< lines beyond limits::log_lines_max, after these

    /// Not on the wire. Wait while so much log is on its way to the disk that there is no room for
    /// more; without it such lines are dropped and counted.
    bool wait_for_room = true;
    /// Not on the wire. Answer when the lines are written, not as soon as they are taken. With
    /// neither wait they are written with the next change, which must follow at once.
    bool wait_until_written = true;
};

/// What became of an append.
struct log_receipt {
    std::uint64_t kept = 0;
    /// Of this append: the log is full, the disk nearly is, or it was more than one may have.
    std::uint64_t dropped = 0;
    std::uint64_t last = 0;  ///< number of the latest line of the log
};

struct log_query {
    uuid job_id;
    std::uint64_t after = 0;  ///< only lines with a larger number
    std::size_t limit = 1000;
    std::chrono::milliseconds wait{0};  ///< for the first one
};

struct log_page {
    std::vector<log_line> lines;  ///< oldest first
    std::uint64_t next = 0;       ///< what to pass as `after` next time
    bool more = false;            ///< there are more already
    bool ended = false;           ///< the job has ended and these are the last lines
    job_state state = job_state::available;
};

/// Unknown members mean nothing; an entry may be a text by itself. Errors: invalid_payload,
/// invalid_request, lease_lost (not a lease at all).
result<append_log_request> decode_append_log(std::string_view body);

/// `{"number":1,"time":"...","attempt":1,"stream":"stdout","text":"..."}`.
void append_log_line(std::string& out, const log_line& line);
/// Body of GET /jobs/{id}/log.
std::string encode_log_page(const uuid& job_id, const log_page& page);
/// The same as text: the lines alone.
std::string log_page_text(const log_page& page);

}  // namespace sluice
