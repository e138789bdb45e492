#pragma once

#include "proto/job.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// What becomes of a job whose turn has come while its limit has no room. The values are stored.
enum class limit_action : std::uint8_t {
    wait = 0,        ///< it keeps its place in line
    reschedule = 1,  ///< the same: there is nothing a later time would add to a place in line
    drop = 2,        ///< it is discarded
    reject = 3,      ///< it is refused when it is pushed; later on it waits
};
std::string_view to_string(limit_action action);
std::optional<limit_action> parse_limit_action(std::string_view name);

/// How many may start: `limit` in each `period`, evenly spread, and `burst` at once after a rest.
struct rate_rule {
    std::int64_t limit = 1;
    std::chrono::milliseconds period{1000};
    std::int64_t burst = 1;

    friend bool operator==(const rate_rule&, const rate_rule&) = default;
};

/// `rate_limit` of a job (ojs-rate-limiting.md). Jobs with the same key share what is counted; each
/// is measured by its own rule.
struct limit_rule {
    raw_json text;                            ///< the rule as the producer wrote it
    std::string key;                          ///< the name of the queue when the producer gave none
    std::optional<std::int64_t> concurrency;  ///< runs at the same time; 0 holds all back
    std::optional<rate_rule> rate;
    limit_action on_limit = limit_action::wait;
    /// A key over several: so many jobs with it run at the same time, whatever their own keys.
    std::string group{};  ///< empty: none
    std::int64_t group_concurrency = 0;

    friend bool operator==(const limit_rule&, const limit_rule&) = default;
};

/// A key as ojs-rate-limiting.md §6.2 has it, of at most limits::limit_key_bytes_max bytes. Every
/// name of a queue is one.
bool is_limit_key(std::string_view text);

/// Empty: it has no limit.
inline std::string_view limit_key_of(const job_spec& spec) {
    return spec.limit ? std::string_view(spec.limit->key) : std::string_view();
}

}  // namespace sluice
