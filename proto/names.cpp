#include "proto/job.hpp"
#include "proto/limit_rule.hpp"
#include "proto/queue_config.hpp"
#include "proto/requests.hpp"
#include "proto/unique.hpp"
#include "proto/workflow.hpp"

#include <array>
#include <cstddef>

namespace sluice {
namespace {

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == name) return static_cast<Enum>(i);
    return std::nullopt;
}

constexpr std::array<std::string_view, 5> strategy_names{"none", "constant", "linear",
                                                         "exponential", "polynomial"};
constexpr std::array<std::string_view, 2> exhaustion_names{"discard", "dead_letter"};
constexpr std::array<std::string_view, 3> durability_names{"memory", "written", "fsync"};
constexpr std::array<std::string_view, 7> outcome_names{
    "open", "acked", "nacked", "released", "lapsed", "timed_out", "cancelled"};
constexpr std::array<std::string_view, 4> conflict_names{"reject", "ignore", "replace",
                                                         "replace_except_schedule"};
constexpr std::array<std::string_view, 3> full_names{"reject", "block", "drop_oldest"};
constexpr std::array<std::string_view, 4> limit_names{"wait", "reschedule", "drop", "reject"};
constexpr std::array<std::string_view, 4> workflow_type_names{"chain", "group", "batch", "dag"};
constexpr std::array<std::string_view, 4> workflow_state_names{"running", "completed", "failed",
                                                               "cancelled"};
constexpr std::array<std::string_view, 4> failed_parent_names{"fail", "skip", "run", "wait"};
constexpr std::array<std::string_view, 3> worker_state_names{"running", "quiet", "terminate"};

}  // namespace

std::string_view to_string(backoff_strategy strategy) {
    return strategy_names[static_cast<std::size_t>(strategy)];
}
std::optional<backoff_strategy> parse_backoff_strategy(std::string_view name) {
    return find_name<backoff_strategy>(strategy_names, name);
}

std::string_view to_string(exhaustion action) {
    return exhaustion_names[static_cast<std::size_t>(action)];
}
std::optional<exhaustion> parse_exhaustion(std::string_view name) {
    return find_name<exhaustion>(exhaustion_names, name);
}

std::string_view to_string(durability_class durability) {
    return durability_names[static_cast<std::size_t>(durability)];
}
std::optional<durability_class> parse_durability(std::string_view name) {
    return find_name<durability_class>(durability_names, name);
}

std::string_view to_string(conflict_policy policy) {
    return conflict_names[static_cast<std::size_t>(policy)];
}
std::optional<conflict_policy> parse_conflict_policy(std::string_view name) {
    return find_name<conflict_policy>(conflict_names, name);
}

std::string_view to_string(full_strategy strategy) {
    return full_names[static_cast<std::size_t>(strategy)];
}
std::optional<full_strategy> parse_full_strategy(std::string_view name) {
    return find_name<full_strategy>(full_names, name);
}

std::string_view to_string(limit_action action) {
    return limit_names[static_cast<std::size_t>(action)];
}
std::optional<limit_action> parse_limit_action(std::string_view name) {
    return find_name<limit_action>(limit_names, name);
}

std::string_view to_string(workflow_type type) {
    return workflow_type_names[static_cast<std::size_t>(type)];
}
std::optional<workflow_type> parse_workflow_type(std::string_view name) {
    return find_name<workflow_type>(workflow_type_names, name);
}

std::string_view to_string(workflow_state state) {
    return workflow_state_names[static_cast<std::size_t>(state)];
}
std::optional<workflow_state> parse_workflow_state(std::string_view name) {
    return find_name<workflow_state>(workflow_state_names, name);
}

std::string_view to_string(failed_parent_policy policy) {
    return failed_parent_names[static_cast<std::size_t>(policy)];
}
std::optional<failed_parent_policy> parse_failed_parent_policy(std::string_view name) {
    return find_name<failed_parent_policy>(failed_parent_names, name);
}

std::string to_string(const unique_key& key) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const auto byte : key) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

std::string_view to_string(lease_outcome outcome) {
    return outcome_names[static_cast<std::size_t>(outcome)];
}
std::optional<lease_outcome> parse_lease_outcome(std::string_view name) {
    return find_name<lease_outcome>(outcome_names, name);
}

std::string_view to_string(worker_state state) {
    return worker_state_names[static_cast<std::size_t>(state)];
}

}  // namespace sluice
