#include "proto/fairness.hpp"

#include "proto/limit_rule.hpp"
#include "proto/limits.hpp"

#include <charconv>

namespace sluice {
namespace {

/// Takes a number from 1 to `max` and the space after it off the text.
std::optional<std::int64_t> take_number(std::string_view& text, std::int64_t max) {
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc{} || read.ptr == end || *read.ptr != ' ') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(read.ptr + 1 - text.data()));
    return number >= 1 && number <= max ? std::optional{number} : std::nullopt;
}

}  // namespace

std::string fairness_text(const fairness_rule& rule) {
    return std::to_string(rule.weight) + ' ' + std::to_string(rule.cost) + ' ' + rule.key;
}

std::optional<fairness_rule> parse_fairness_text(std::string_view text) {
    const auto weight = take_number(text, limits::fairness_weight_max);
    if (!weight) return std::nullopt;
    const auto cost = take_number(text, limits::fairness_cost_max);
    if (!cost || !is_limit_key(text)) return std::nullopt;
    return fairness_rule{std::string(text), *weight, *cost};
}

}  // namespace sluice
