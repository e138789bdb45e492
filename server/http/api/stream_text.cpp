#include "server/http/api/stream_text.hpp"

#include <algorithm>
#include <utility>

namespace sluice::http {

response stream_answer(body_source source) {
    response answer;
    answer.content_type = "text/event-stream";
    answer.fields.emplace_back("Cache-Control", "no-store");
    answer.fields.emplace_back("X-Accel-Buffering", "no");
    answer.stream = std::move(source);
    return answer;
}

void append_stream_opening(std::string& out) {
    out += "retry: 3000\n: open\n\n";
}

void append_stream_beat(std::string& out) {
    out += ":\n\n";
}

void append_stream_position(std::string& out, std::string_view id) {
    out.append("id: ").append(id).append("\n\n");
}

void append_stream_event(std::string& out, std::string_view id, std::string_view type,
                         std::string_view json) {
    if (!id.empty()) out.append("id: ").append(id).append("\n");
    out.append("event: ").append(type).append("\ndata: ");
    const auto begin = static_cast<std::ptrdiff_t>(out.size());
    out += json;
    const auto is_break = [](char c) { return c == '\n' || c == '\r'; };
    std::replace_if(out.begin() + begin, out.end(), is_break, ' ');
    out += "\n\n";
}

std::chrono::milliseconds time_until(std::chrono::steady_clock::time_point at) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(at - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds{0});
}

}  // namespace sluice::http
