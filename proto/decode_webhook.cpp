#include "proto/decode.hpp"
#include "proto/event_types.hpp"
#include "proto/http_text.hpp"
#include "proto/limits.hpp"
#include "proto/webhook.hpp"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

using decode::bad_value;
using decode::fault;
using decode::member;
using decode::row;

fault url(webhook_change& draft, const member& m) {
    if (auto f = decode::read_string(m, limits::webhook_url_bytes_max, draft.url.emplace()))
        return f;
    if (draft.url->empty()) return bad_value(m, "not be empty");
    return std::nullopt;
}

fault events(webhook_change& draft, const member& m) {
    auto& given = draft.events.emplace();
    if (auto f = decode::read_strings(m, limits::webhook_names_max, 64, given)) return f;
    if (given.empty()) return bad_value(m, "name one type at least");
    for (const auto& each : given)
        if (!is_event_pattern(each))
            return bad_value(m,
                             "hold types of events, such as 'job.completed', or patterns of "
                             "them, such as 'job.*' or '*'");
    return std::nullopt;
}

fault queues(webhook_change& draft, const member& m) {
    return decode::read_strings(m, limits::webhook_names_max, limits::queue_bytes_max,
                                draft.queues.emplace());
}

fault job_types(webhook_change& draft, const member& m) {
    return decode::read_strings(m, limits::webhook_names_max, limits::type_bytes_max,
                                draft.job_types.emplace());
}

constexpr std::array filter_rows{
    row<webhook_change>{"queues", queues, 0},
    row<webhook_change>{"job_types", job_types, 1},
};

/// The whole filter is set anew: what it does not name is not filtered by.
fault filter(webhook_change& draft, const member& m) {
    draft.queues.emplace();
    draft.job_types.emplace();
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    std::uint32_t seen = 0;
    return decode::read_members<webhook_change>(m.value, "filter.", m.code, filter_rows, draft,
                                                seen, decode::no_such_setting);
}

fault active(webhook_change& draft, const member& m) {
    return decode::read_boolean(m, draft.active.emplace());
}

/// Whether libraries for Standard Webhooks read the same key from it.
bool is_standard_secret(std::string_view text) {
    text.remove_prefix(std::string_view("whsec_").size());
    while (text.ends_with('=')) text.remove_suffix(1);
    const bool plain = std::ranges::all_of(
        text, [](char c) { return http::is_alphanumeric(c) || c == '+' || c == '/'; });
    const auto bytes = text.size() * 3 / 4;
    return plain && text.size() % 4 != 1 && bytes >= 24 && bytes <= 64;
}

/// A text of its own with so many bytes cannot be guessed; "whsec_" and base64 is the form of
/// Standard Webhooks.
fault secret(webhook_change& draft, const member& m) {
    auto& given = draft.secret.emplace();
    if (auto f = decode::read_string(m, limits::webhook_secret_bytes_max, given)) return f;
    const bool printable = std::ranges::all_of(given, [](char c) { return c > ' ' && c < '\x7f'; });
    if (given.size() < limits::webhook_secret_bytes_min || !printable)
        return bad_value(m, "have 16 to 256 printable ASCII characters and no spaces");
    if (given.starts_with("whsec_") && !is_standard_secret(given))
        return bad_value(m, "have the base64 of 24 to 64 bytes after 'whsec_'");
    return std::nullopt;
}

fault metadata(webhook_change& draft, const member& m) {
    auto& given = draft.metadata.emplace();
    if (m.value.kind != json_kind::object) return decode::wrong_type(m, "object");
    if (m.value.text.size() > limits::webhook_metadata_bytes_max)
        return bad_value(m, "not take more than 4096 bytes");
    given = m.value.text;
    return std::nullopt;
}

/// 0: as the server says.
fault timeout_ms(webhook_change& draft, const member& m) {
    auto& given = draft.timeout.emplace();
    std::int64_t ms = 0;
    if (auto f = decode::read_integer(m, 0, limits::webhook_timeout_max.count(), ms)) return f;
    if (ms == 0) return std::nullopt;
    given = std::chrono::milliseconds(ms);
    if (*given < limits::webhook_timeout_min) return bad_value(m, "be 0 or at least 1000");
    return std::nullopt;
}

using decode::presence;

constexpr std::array change_rows{
    row<webhook_change>{"url", url, 0},           row<webhook_change>{"events", events, 1},
    row<webhook_change>{"filter", filter, 2},     row<webhook_change>{"active", active, 3},
    row<webhook_change>{"metadata", metadata, 4}, row<webhook_change>{"timeout_ms", timeout_ms, 5},
};
constexpr std::array new_rows{
    row<webhook_change>{"url", url, 0, presence::required},
    row<webhook_change>{"events", events, 1, presence::required},
    row<webhook_change>{"filter", filter, 2},
    row<webhook_change>{"active", active, 3},
    row<webhook_change>{"metadata", metadata, 4},
    row<webhook_change>{"timeout_ms", timeout_ms, 5},
    row<webhook_change>{"secret", secret, 6},
};
constexpr std::array rotation_rows{row<webhook_change>{"secret", secret, 0}};

result<webhook_change> read(std::string_view body, std::span<const row<webhook_change>> rows) {
    webhook_change draft;
    if (auto f = decode::read_settings<webhook_change>(body, rows, draft)) return *f;
    return draft;
}

}  // namespace

result<webhook_subscription> decode_webhook(std::string_view body) {
    auto draft = read(body, new_rows);
    if (!draft) return draft.error();
    webhook_subscription made;
    apply_change(made, std::move(*draft), {});
    made.previous_until.reset();
    return made;
}

result<webhook_change> decode_webhook_change(std::string_view body) {
    return read(body, change_rows);
}

result<std::string> decode_webhook_rotation(std::string_view body) {
    if (body.empty()) return std::string();
    auto draft = read(body, rotation_rows);
    if (!draft) return draft.error();
    return draft->secret.value_or(std::string());
}

}  // namespace sluice
