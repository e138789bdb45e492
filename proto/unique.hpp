#pragma once

#include "proto/job.hpp"
#include "proto/state.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice {

/// SHA-256 of what makes a job unique, in canonical form (rules/unique.hpp).
using unique_key = std::array<std::uint8_t, 32>;

/// Lower-case hexadecimal, as it is shown.
std::string to_string(const unique_key& key);

/// What becomes of a job that is a duplicate of one that is there. The values are stored.
enum class conflict_policy : std::uint8_t {
    reject = 0,
    ignore = 1,                   ///< the job that is there is the answer
    replace = 2,                  ///< the job that is there is cancelled
    replace_except_schedule = 3,  ///< the same; the new one takes over when the old was scheduled
};
std::string_view to_string(conflict_policy policy);
std::optional<conflict_policy> parse_conflict_policy(std::string_view name);

/// Some of the eight states.
class state_set {
public:
    constexpr state_set() = default;
    constexpr explicit state_set(std::uint8_t bits) : bits_(bits) {}

    constexpr bool contains(job_state state) const { return (bits_ & bit(state)) != 0; }
    constexpr void add(job_state state) { bits_ = static_cast<std::uint8_t>(bits_ | bit(state)); }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr std::uint8_t bits() const { return bits_; }

    friend bool operator==(const state_set&, const state_set&) = default;

private:
    static constexpr std::uint8_t bit(job_state state) {
        return static_cast<std::uint8_t>(1U << static_cast<unsigned>(state));
    }
    std::uint8_t bits_ = 0;
};

/// All that are not terminal.
inline constexpr state_set unfinished_states{0b0001'1111};

/// `unique` of a job (ojs-unique-jobs.md). A new job is a duplicate of one that is there with the
/// same key, in one of these states, and received less than `period` ago.
struct unique_rule {
    raw_json text;  ///< the rule as the producer wrote it
    state_set states = unfinished_states;
    std::optional<std::chrono::milliseconds> period;  ///< empty: no limit
    conflict_policy on_conflict = conflict_policy::reject;
    unique_key key{};  ///< set when the job is pushed
};

/// What a job is unique by: members of `unique` that only the key is made of.
struct unique_dimensions {
    bool queue = false;
    bool args = false;
    bool meta = false;
    std::vector<std::string> args_keys;  ///< members of the object `args[0]`; empty: all of `args`
    std::vector<std::string> meta_keys;
};

/// Of a rule that was decoded before.
unique_dimensions unique_dimensions_of(const unique_rule& rule);

}  // namespace sluice
