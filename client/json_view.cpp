#include "client/json_view.hpp"

namespace sluice::client {
namespace {

// Answers nest jobs, which nest payloads, deeper than a request may be.
constexpr std::size_t answer_depth_max = 80;

}  // namespace

std::optional<json_value> parse_answer(std::string_view body) {
    if (check_json(body, answer_depth_max)) return std::nullopt;
    return json_root(body);
}

void set(std::string& target, json_value value) {
    if (value.kind == json_kind::string) target = json_unescape(value);
}

void set(bool& target, json_value value) {
    if (value.kind == json_kind::boolean) target = json_boolean(value).value_or(false);
}

void set(std::optional<timestamp>& target, json_value value) {
    if (value.kind == json_kind::string) target = parse_timestamp(json_unescape(value));
}

}  // namespace sluice::client
