#include "proto/job_log.hpp"

#include "proto/decode.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

constexpr std::array<std::string_view, 4> stream_names{"stdout", "stderr", "log", "note"};

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Moves the beginning of `line`, as much as one line of a log may have, into `piece`.
void take_piece(std::string_view& line, std::string& piece) {
    while (!line.empty()) {
        const std::size_t length = utf8_length(line);
        const bool unfit = length == 0 || line.front() == '\0';
        const auto unit = unfit ? replacement : line.substr(0, length);
        if (piece.size() + unit.size() > limits::log_line_bytes_max) return;
        piece += unit;
        line.remove_prefix(std::max<std::size_t>(length, 1));
    }
}

std::string size_text(std::size_t bytes) {
    constexpr std::size_t mib = std::size_t{1} << 20;
    if (bytes >= mib && bytes % mib == 0) return std::to_string(bytes / mib) + " MiB";
    if (bytes >= 1024 && bytes % 1024 == 0) return std::to_string(bytes / 1024) + " KiB";
    return std::to_string(bytes) + " bytes";
}

}  // namespace

std::string_view to_string(log_stream stream) {
    return stream_names.at(static_cast<std::size_t>(stream));
}

std::optional<log_stream> parse_log_stream(std::string_view name) {
    const auto* const found = std::find(stream_names.begin(), stream_names.end(), name);
    if (found == stream_names.end()) return std::nullopt;
    return static_cast<log_stream>(found - stream_names.begin());
}

std::uint64_t split_log(std::vector<log_text>& out, log_stream stream, std::string_view text,
                        std::chrono::milliseconds age) {
    std::uint64_t left_out = 0;
    if (text.ends_with('\n')) text.remove_suffix(1);
    for (bool more = true; more;) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        more = end != std::string_view::npos;
        text.remove_prefix(more ? end + 1 : text.size());
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (out.size() >= limits::log_lines_max) {
            ++left_out;
            continue;
        }
        do {
            auto& piece = out.emplace_back(log_text{stream, {}, age});
            take_piece(line, piece.text);
        } while (!line.empty() && out.size() < limits::log_lines_max);
        if (!line.empty()) ++left_out;
    }
    return left_out;
}

std::string dropped_note(std::uint64_t lines) {
    return std::to_string(lines) + (lines == 1 ? " line dropped" : " lines dropped");
}

std::string full_note(std::size_t bytes_max) {
    return "the log is full (" + size_text(bytes_max) + "): further lines are dropped";
}

// -- the wire

namespace decode {
namespace {

fault entry_text(log_text& entry, const member& m) {
    if (m.value.kind != json_kind::string) return wrong_type(m, "string");
    entry.text = json_unescape(m.value);
    return std::nullopt;
}

fault entry_stream(log_text& entry, const member& m) {
    if (m.value.kind != json_kind::string) return wrong_type(m, "string");
    const auto stream = parse_log_stream(json_unescape(m.value));
    if (!stream) return bad_value(m, "be 'stdout', 'stderr', 'log' or 'note'");
    entry.stream = *stream;
    return std::nullopt;
}

fault entry_age(log_text& entry, const member& m) {
    std::int64_t number = 0;
    if (auto f = read_integer(m, 0, INT64_MAX, number)) return f;
    entry.age =
        std::min<std::chrono::milliseconds>(std::chrono::milliseconds{number}, limits::log_age_max);
    return std::nullopt;
}

constexpr std::array entry_rows{
    row<log_text>{"text", entry_text, 0, presence::required},
    row<log_text>{"stream", entry_stream, 1},
    row<log_text>{"age_ms", entry_age, 2},
};

fault log_entries(append_log_request& r, const member& m) {
    if (m.value.kind != json_kind::array) return wrong_type(m, "array");
    json_cursor elements{m.value};
    std::string unused;
    member element = m;
    while (elements.next(unused, element.value)) {
        log_text entry;
        if (element.value.kind == json_kind::object) {
            if (auto f =
                    read_members<log_text>(element.value, "entries[].", m.code, entry_rows, entry))
                return f;
        } else if (auto f = entry_text(entry, element)) {
            return wrong_type(m, "array of strings or objects");
        }
        r.left_out += split_log(r.lines, entry.stream, entry.text, entry.age);
    }
    return std::nullopt;
}

fault log_dropped(append_log_request& r, const member& m) {
    std::int64_t number = 0;
    if (auto f = read_integer(m, 0, std::int64_t{1} << 53, number)) return f;
    r.dropped += static_cast<std::uint64_t>(number);
    return std::nullopt;
}

fault log_worker_id(append_log_request& r, const member& m) {
    return read_string(m, limits::worker_id_bytes_max, r.worker_id);
}

fault log_lease(append_log_request& r, const member& m) {
    return read_lease(m, r.lease);
}

constexpr std::array append_log_rows{
    row<append_log_request>{"worker_id", log_worker_id, 0},
    row<append_log_request>{"lease", log_lease, 1},
    row<append_log_request>{"entries", log_entries, 2, presence::required},
    row<append_log_request>{"dropped", log_dropped, 3},
};

}  // namespace
}  // namespace decode

result<append_log_request> decode_append_log(std::string_view body) {
    const auto root = decode::open_object(body);
    if (!root) return root.error();
    append_log_request request;
    if (auto f = decode::read_members<append_log_request>(*root, "", errc::invalid_request,
                                                          decode::append_log_rows, request))
        return *std::move(f);
    return request;
}

void append_log_line(std::string& out, const log_line& line) {
    json_writer writer(out);
    writer.begin_object().key("number").integer(static_cast<std::int64_t>(line.number));
    writer.key("time").time(line.time);
    writer.key("attempt").integer(line.attempt);
    writer.key("stream").plain(to_string(line.stream));
    writer.key("text").string(line.text).end_object();
}

std::string encode_log_page(const uuid& job_id, const log_page& page) {
    std::string out;
    std::size_t bytes = 256;
    for (const auto& line : page.lines) bytes += log_cost(line.text) + log_line_overhead;
    out.reserve(bytes);
    json_writer writer(out);
    writer.begin_object().key("job_id").id(job_id);
    writer.key("state").plain(to_string(page.state)).key("lines").begin_array();
    std::string text;
    for (const auto& line : page.lines) {
        text.clear();
        append_log_line(text, line);
        writer.raw(text);
    }
    writer.end_array().key("next").integer(static_cast<std::int64_t>(page.next));
    writer.key("more").boolean(page.more).key("ended").boolean(page.ended).end_object();
    return out;
}

std::string log_page_text(const log_page& page) {
    std::string out;
    for (const auto& line : page.lines) {
        out += line.text;
        out += '\n';
    }
    return out;
}

}  // namespace sluice
