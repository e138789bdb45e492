#include "proto/decode.hpp"

#include "proto/limits.hpp"
#include "proto/plain_name.hpp"

#include <algorithm>

namespace sluice::decode {
namespace {

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

/// A member name may be anything, and as long as a body may be.
std::string path_of(const member& m) {
    std::string path{m.where};
    path += m.name.substr(0, 64);
    return path;
}

std::string field_of(const std::string& path) {
    return "\"field\":" + quoted(path);
}

constexpr bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// `[a-z][a-z0-9_-]*` segments, joined by dots.
bool is_type_name(std::string_view text) {
    bool starts_segment = true;
    for (const char c : text) {
        if (starts_segment ? !is_lower(c)
                           : !is_lower(c) && !is_digit(c) && c != '_' && c != '-' && c != '.')
            return false;
        starts_segment = c == '.';
    }
    return !starts_segment;
}

}  // namespace

fault wrong_type(const member& m, std::string_view expected) {
    const auto path = path_of(m);
    const auto received = to_string(m.value.kind);
    std::string message = "'" + path + "' must be ";
    const bool vowel = std::string_view{"aeiou"}.find(expected.front()) != std::string_view::npos;
    message.append(vowel ? "an " : "a ").append(expected).append(", not ").append(received);
    std::string details =
        field_of(path) + ",\"expected\":" + quoted(expected) + ",\"received\":" + quoted(received);
    return error{m.code, message + ".", std::move(details)};
}

fault bad_value(const member& m, std::string_view rule) {
    const auto path = path_of(m);
    std::string message = "'" + path + "' must ";
    message.append(rule).append(".");
    return error{m.code, std::move(message), field_of(path)};
}

fault given_twice(const member& m) {
    const auto path = path_of(m);
    std::string details = field_of(path) + R"(,"reason":"duplicate")";
    return error{m.code, "'" + path + "' is given twice.", std::move(details)};
}

fault missing(std::string_view where, std::string_view name, errc code) {
    const auto path = path_of({where, name, {}, code});
    return error{code, "'" + path + "' is missing.", field_of(path) + R"(,"reason":"missing")"};
}

fault read_string(const member& m, std::size_t bytes_max, std::string& out) {
    if (m.value.kind != json_kind::string) return wrong_type(m, "string");
    out = json_unescape(m.value);
    if (out.size() > bytes_max)
        return bad_value(m, "not be longer than " + std::to_string(bytes_max) + " bytes");
    return std::nullopt;
}

fault read_boolean(const member& m, bool& out) {
    const auto value = json_boolean(m.value);
    if (!value) return wrong_type(m, "boolean");
    out = *value;
    return std::nullopt;
}

fault read_integer(const member& m, std::int64_t min, std::int64_t max, std::int64_t& out) {
    if (m.value.kind != json_kind::number) return wrong_type(m, "integer");
    const auto number = json_integer(m.value);
    if (!number || *number < min || *number > max)
        return bad_value(
            m, "be an integer from " + std::to_string(min) + " to " + std::to_string(max));
    out = *number;
    return std::nullopt;
}

fault read_duration(const member& m, std::chrono::milliseconds unit, std::chrono::milliseconds max,
                    std::chrono::milliseconds& out) {
    std::int64_t count = 0;
    if (auto f = read_integer(m, 0, max / unit, count)) return f;
    out = count * unit;
    return std::nullopt;
}

fault read_timeout(const member& m, std::chrono::milliseconds unit,
                   std::optional<std::chrono::milliseconds>& out) {
    std::chrono::milliseconds duration{0};
    if (auto f = read_duration(m, unit, limits::timeout_max, duration)) return f;
    if (duration.count() != 0) out = duration;
    return std::nullopt;
}

fault read_strings(const member& m, std::size_t count_max, std::size_t bytes_max,
                   std::vector<std::string>& out) {
    if (m.value.kind != json_kind::array) return wrong_type(m, "array");
    out.clear();
    json_cursor elements{m.value};
    std::string unused;
    member element = m;
    while (elements.next(unused, element.value)) {
        if (element.value.kind != json_kind::string)
            return bad_value(m, "be an array of strings only");
        if (out.size() == count_max)
            return bad_value(m, "not have more than " + std::to_string(count_max) + " elements");
        if (auto f = read_string(element, bytes_max, out.emplace_back())) return f;
    }
    return std::nullopt;
}

fault read_job_id(const member& m, uuid& out) {
    if (m.value.kind != json_kind::string) return wrong_type(m, "string");
    const auto id = parse_uuid(m.value.text.substr(1, m.value.text.size() - 2));
    if (!id) return bad_value(m, "be a UUID of version 7 in lower case");
    out = *id;
    return std::nullopt;
}

fault read_type(const member& m, std::string& out) {
    if (auto f = read_string(m, limits::type_bytes_max, out)) return f;
    if (!is_type_name(out))
        return bad_value(m,
                         "be made of segments of a-z, 0-9, '_' and '-' that begin with a letter, "
                         "joined by dots, such as 'email.send'");
    return std::nullopt;
}

fault read_queue(const member& m, std::string& out) {
    if (auto f = read_string(m, limits::queue_bytes_max, out)) return f;
    if (!is_plain_name(out))
        return bad_value(m, "be made of a-z, 0-9, '-' and '.' and begin with a letter or digit");
    return std::nullopt;
}

fault no_such_setting(const json_cursor&, const member& m) {
    return bad_value(m, "not be there: there is no such setting");
}

result<json_value> open_object(std::string_view body) {
    if (const auto bad = check_json(body, limits::json_depth_max)) {
        std::string details = "\"offset\":" + std::to_string(bad->offset);
        if (bad->too_deep) details += R"(,"reason":"too_deep")";
        std::string message = "The body is not valid JSON: ";
        message.append(bad->reason).append(" at offset ").append(std::to_string(bad->offset));
        return error{errc::invalid_payload, message + ".", std::move(details)};
    }
    const auto root = json_root(body);
    if (root.kind != json_kind::object) {
        std::string details = R"("offset":0,"expected":"object","received":)";
        details += quoted(to_string(root.kind));
        return error{errc::invalid_payload, "The body must be a JSON object.", std::move(details)};
    }
    return root;
}

error within(error e, std::string_view what, std::string members) {
    e.message.insert(0, std::string{what} + ": ");
    if (!e.details.empty()) members += ',' + e.details;
    e.details = std::move(members);
    return e;
}

fault extra_members::keep(std::string_view key_text, const member& m) {
    if (std::find(names_.begin(), names_.end(), m.name) != names_.end()) return given_twice(m);
    if (names_.size() == limits::extra_members_max)
        return error{m.code,
                     "There are more than " + std::to_string(limits::extra_members_max) +
                         " members that are not of Open Job Spec.",
                     field_of(path_of(m))};
    names_.emplace_back(m.name);
    if (!text_.empty()) text_ += ',';
    text_.append(key_text).append(":").append(m.value.text);
    return std::nullopt;
}

}  // namespace sluice::decode
