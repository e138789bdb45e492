#include "server/process/output.hpp"

#include "proto/job_log.hpp"
#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::process {
namespace {

/// How many bytes at the end of `text` begin a code point that goes on behind it.
std::size_t begun_code_point(std::string_view text) {
    for (std::size_t count = 1; count <= std::min<std::size_t>(3, text.size()); ++count) {
        const auto byte = static_cast<unsigned char>(text[text.size() - count]);
        if ((byte & 0xC0U) == 0x80) continue;
        const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return length > count ? count : 0;
    }
    return 0;
}

}  // namespace

void log_budget::log(log_stream stream, std::string_view line) {
    const auto bytes = line.size() + 1;
    if (bytes > left_) return drop(bytes, 1);
    left_ -= bytes;
    if (hear_.log) hear_.log(stream, line);
}

void log_budget::drop(std::size_t bytes, std::uint64_t lines) {
    left_ = 0;  // later, shorter lines would look like the next ones
    dropped_ += bytes;
    dropped_lines_ += lines;
    if (!std::exchange(told_, true) && hear_.log)
        hear_.log(log_stream::note, full_note(bytes_max_));
}

void log_budget::finish() {
    if (dropped_lines_ > 0 && hear_.log) hear_.log(log_stream::note, dropped_note(dropped_lines_));
    dropped_lines_ = 0;
}

void output_stream::feed(std::string_view text) {
    const auto room = keep_ - kept_.size();
    kept_.append(text.substr(0, room));
    if (text.size() > room) cut_ = true;
    while (!text.empty()) {
        if (budget_.spent()) {  // no look at each line: it may be 10 GiB of line ends
            const auto ends = std::count(text.begin(), text.end(), '\n');
            budget_.drop(line_.size() + text.size(), static_cast<std::uint64_t>(ends));
            in_dropped_line_ = !text.ends_with('\n');
            line_.clear();
            return;
        }
        const auto end = text.find('\n');
        const auto part = text.substr(0, end).substr(0, log_line_bytes_max - line_.size());
        line_.append(part);
        const bool whole = end != std::string_view::npos && part.size() == end;
        text.remove_prefix(part.size() + (whole ? 1 : 0));
        if (whole)
            end_line();
        else if (line_.size() == log_line_bytes_max)
            log_piece();
    }
}

void output_stream::end_line() {
    // The end of a line whose last piece is gone already is no line of its own.
    if (!std::exchange(in_pieces_, false) || !line_.empty()) log(line_);
    line_.clear();
}

void output_stream::log_piece() {
    const auto size = line_.size() - begun_code_point(line_);
    log(std::string_view(line_).substr(0, size));
    line_.erase(0, size);
    in_pieces_ = true;
}

void output_stream::finish() {
    if (!line_.empty()) log(line_);
    line_.clear();
    if (std::exchange(in_dropped_line_, false)) budget_.drop(0, 1);
}

void output_stream::log(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    budget_.log(stream_, line);
}

void report_stream::feed(std::string_view text) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto part = text.substr(0, end);
        if (!skipping_ && line_.size() + part.size() > report_line_bytes_max) {
            reject({}, "a line on descriptor 3 is longer than 1 MiB");
            line_ = {};
            skipping_ = true;
        }
        if (!skipping_) line_.append(part);
        if (end == std::string_view::npos) return;
        text.remove_prefix(end + 1);
        if (!std::exchange(skipping_, false)) line(line_);
        line_.clear();
    }
}

void report_stream::finish() {
    if (!line_.empty()) line(line_);
    line_ = {};
}

void report_stream::log(std::string_view text) {
    std::vector<log_text> lines;
    const auto left_out = split_log(lines, log_stream::log, text);
    for (const auto& line : lines) budget_.log(log_stream::log, line.text);
    if (left_out > 0) budget_.drop(0, left_out);
}

void report_stream::reject(std::string_view text, std::string_view why) {
    std::string what(why);
    if (!text.empty()) what.append(": ").append(text.substr(0, 256));
    log(what);
}

void report_stream::line(std::string_view text) {
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) return;
    if (const auto fault = check_json(text, limits::json_depth_max + 1))
        return reject(text, "a line on descriptor 3 is no JSON");
    const auto root = json_root(text);
    if (root.kind != json_kind::object)
        return reject(text, "a line on descriptor 3 is no JSON object");

    std::optional<double> fraction;
    std::string note;
    bool known = false;
    json_cursor cursor(root);
    std::string key;
    for (json_value value; cursor.next(key, value);) {
        if (key == "progress" && value.kind == json_kind::number) {
            fraction = json_number(value);
            known = true;
        } else if (key == "message" && value.kind == json_kind::string) {
            note = json_unescape(value);
        } else if (key == "log") {
            log(value.kind == json_kind::string ? json_unescape(value) : std::string(value.text));
            known = true;
        } else if (key == "result") {
            result_.assign(value.text);
            known = true;
        }
    }
    if (fraction && hear_.progress)
        hear_.progress(std::clamp(*fraction, 0.0, 1.0), std::move(note));
    if (!known) reject(text, "a line on descriptor 3 has neither progress, log nor result");
}

raw_json result_of_output(std::string_view text, bool cut) {
    if (text.empty()) return "null";
    if (!cut && !check_json(text, limits::json_depth_max)) return raw_json(json_root(text).text);
    if (!cut && text.ends_with('\n')) text.remove_suffix(1);
    raw_json out;
    append_json_string(out, text);
    return out;
}

}  // namespace sluice::process
