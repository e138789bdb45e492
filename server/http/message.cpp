#include "server/http/message.hpp"

#include "proto/codec.hpp"
#include "proto/json_text.hpp"

#include <algorithm>

namespace sluice::http {
namespace {

/// Seconds after which it is worth to come back; 0: repeating does not help.
int retry_after(errc code) {
    switch (code) {
        case errc::in_flight:
        case errc::rate_limited:
        case errc::queue_full:
        case errc::overloaded:
        case errc::shutting_down:
            return 1;
        case errc::store_failed:
            return 5;
        case errc::disk_low:
            return 30;
        default:
            return 0;
    }
}

/// The details of the error say how full the queue is (ojs-backpressure.md §7.1).
void add_queue_depth(response& answer, const error& e) {
    const auto details = '{' + e.details + '}';
    json_cursor members(json_root(details));
    std::string name;
    json_value value;
    while (members.next(name, value)) {
        if (name == "depth") answer.fields.emplace_back("X-OJS-Queue-Depth", value.text);
        if (name == "bound") answer.fields.emplace_back("X-OJS-Queue-Bound", value.text);
    }
}

/// `*` stands for any run of characters. Linear: on a mismatch only the latest star is widened.
bool glob_match(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, star_text = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

}  // namespace

std::string_view request::field(std::string_view name) const {
    for (const auto& [key, value] : fields)
        if (key == name) return value;
    return {};
}

std::optional<std::string_view> request::query_value(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return std::nullopt;
}

response error_response(const error& e, const request& r) {
    response answer;
    answer.status = http_status(e.code);
    answer.body = encode_error(e, r.request_id);
    if (const int seconds = retry_after(e.code); seconds != 0)
        answer.fields.emplace_back("Retry-After", std::to_string(seconds));
    if (e.code == errc::queue_full) add_queue_depth(answer, e);
    if (e.code == errc::unauthorized)
        answer.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"sluice\"");
    return answer;
}

bool wants_event_stream(const request& r) {
    return r.field("accept").find("text/event-stream") != std::string_view::npos;
}

bool queue_allowed(const request& r, std::string_view queue) {
    return r.queue_patterns.empty() ||
           std::ranges::any_of(r.queue_patterns,
                               [&](const std::string& p) { return glob_match(p, queue); });
}

}  // namespace sluice::http
