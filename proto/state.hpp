#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// The eight states of Open Job Spec (ojs-core.md §6). The values are stored; they never change.
enum class job_state : std::uint8_t {
    pending = 0,
    scheduled = 1,
    available = 2,
    active = 3,
    retryable = 4,
    completed = 5,
    cancelled = 6,
    discarded = 7,
};

inline constexpr std::size_t job_state_count = 8;

/// A terminal job is never offered again, except by an explicit retry of a dead letter.
constexpr bool is_terminal(job_state state) {
    return state == job_state::completed || state == job_state::cancelled ||
           state == job_state::discarded;
}

/// The name on the wire, such as "available".
constexpr std::string_view to_string(job_state state) {
    constexpr std::array<std::string_view, job_state_count> names{
        "pending",   "scheduled", "available", "active",
        "retryable", "completed", "cancelled", "discarded"};
    return names[static_cast<std::size_t>(state)];
}

constexpr std::optional<job_state> parse_job_state(std::string_view name) {
    for (std::size_t i = 0; i < job_state_count; ++i) {
        const auto state = static_cast<job_state>(i);
        if (to_string(state) == name) return state;
    }
    return std::nullopt;
}

}  // namespace sluice
