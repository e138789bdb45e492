#pragma once

#include "proto/job.hpp"
#include "proto/json_text.hpp"

#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

/// How the texts a store keeps are written and read; shared by redrive.cpp, stored_spec.cpp,
/// stored_history.cpp and webhook.cpp, and nobody else. Names are short and never change their
/// meaning. Whatever does not read back throws std::runtime_error: the store is damaged.
namespace sluice::stored {

struct field {
    std::string_view name;
    json_value value;
};

[[noreturn]] inline void refuse(const field& f) {
    throw std::runtime_error("stored: bad member '" + std::string{f.name} + "'");
}

template <class T>
T require(std::optional<T> value, const field& f) {
    if (!value) refuse(f);
    return *std::move(value);
}

template <class Number>
Number number(const field& f) {
    const auto value = require(json_integer(f.value), f);
    if (!std::in_range<Number>(value)) refuse(f);
    return static_cast<Number>(value);
}

inline std::chrono::milliseconds duration(const field& f) {
    return std::chrono::milliseconds{number<std::int64_t>(f)};
}

inline timestamp time(const field& f) {
    return timestamp{std::chrono::microseconds{number<std::int64_t>(f)}};
}

template <class Enum>
Enum enumerator(const field& f, Enum last) {
    const auto value = number<std::uint8_t>(f);
    if (value > static_cast<std::uint8_t>(last)) refuse(f);
    return static_cast<Enum>(value);
}

inline std::string string(const field& f) {
    if (f.value.kind != json_kind::string) refuse(f);
    return json_unescape(f.value);
}

/// An object without its braces.
inline raw_json members(const field& f) {
    if (f.value.kind != json_kind::object) refuse(f);
    return raw_json{f.value.text.substr(1, f.value.text.size() - 2)};
}

inline field open(std::string_view text) {
    if (check_json(text, json_depth_cap)) refuse({"document", {}});
    return {"document", json_root(text)};
}

template <class Visit>
void each_member(const field& f, Visit visit) {
    if (f.value.kind != json_kind::object) refuse(f);
    json_cursor cursor{f.value};
    std::string name;
    json_value value;
    while (cursor.next(name, value)) visit(field{name, value});
}

template <class Visit>
void each_element(const field& f, Visit visit) {
    if (f.value.kind != json_kind::array) refuse(f);
    json_cursor cursor{f.value};
    std::string unused;
    json_value value;
    while (cursor.next(unused, value)) visit(field{f.name, value});
}

inline void write_string(json_writer& out, std::string_view name, const std::string& text) {
    if (!text.empty()) out.key(name).string(text);
}

inline void write_raw(json_writer& out, std::string_view name, const raw_json& json) {
    if (!json.empty()) out.key(name).raw(json);
}

inline void write_members(json_writer& out, std::string_view name, const raw_json& members) {
    if (!members.empty()) out.key(name).begin_object().raw_members(members).end_object();
}

inline void write_duration(json_writer& out, std::string_view name,
                           const std::optional<std::chrono::milliseconds>& duration) {
    if (duration) out.key(name).integer(duration->count());
}

inline void write_time(json_writer& out, std::string_view name,
                       const std::optional<timestamp>& time) {
    if (time) out.key(name).integer(time->time_since_epoch().count());
}

}  // namespace sluice::stored
