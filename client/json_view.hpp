#pragma once

#include "proto/json_text.hpp"
#include "proto/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

/// How the readers of answers walk JSON. What is missing or of another kind leaves the target as it
/// was; nothing here fails.
namespace sluice::client {

/// The document, when it is JSON at all.
std::optional<json_value> parse_answer(std::string_view body);

/// Calls `visit(key, value)` for each member; nothing happens when `value` is no object.
template <class Visit>
void each_member(json_value value, Visit visit) {
    if (value.kind != json_kind::object) return;
    json_cursor cursor{value};
    std::string key;
    json_value member;
    while (cursor.next(key, member)) visit(std::string_view{key}, member);
}

template <class Visit>
void each_element(json_value value, Visit visit) {
    if (value.kind != json_kind::array) return;
    json_cursor cursor{value};
    std::string key;
    json_value element;
    while (cursor.next(key, element)) visit(element);
}

void set(std::string& target, json_value value);
void set(bool& target, json_value value);
void set(std::optional<timestamp>& target, json_value value);

template <class Number>
requires std::is_arithmetic_v<Number>
void set(Number& target, json_value value) {
    if (value.kind != json_kind::number) return;
    if (const auto number = json_integer(value)) target = static_cast<Number>(*number);
}

}  // namespace sluice::client
