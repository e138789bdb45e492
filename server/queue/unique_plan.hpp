#pragma once

#include "proto/unique.hpp"
#include "server/queue/backend.hpp"
#include "server/queue/job_table.hpp"
#include "server/queue/unique_table.hpp"
#include "server/runtime/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

/// What unique rules make of the jobs of a push.
namespace sluice {

/// Jobs at rest that one to be pushed may be a duplicate of: those of a key in one state, newest
/// first. The owner reads them (`find_unique_blocking`) and calls `admit_unique`.
struct unique_lookup {
    unique_key key{};
    job_state state = job_state::available;
    std::int64_t before_seq = std::numeric_limits<std::int64_t>::max();

    static constexpr std::size_t jobs_max = 16;  ///< that one read brings in
};

/// All that must be looked up before these jobs are pushed. Their keys are set.
std::vector<unique_lookup> unique_lookups(const std::vector<job_spec>& jobs);

/// What becomes of one job of a push.
struct push_plan {
    std::optional<std::int64_t> same;       ///< not stored: this one is the answer
    std::optional<std::size_t> same_new;    ///< the same; an earlier one of the push
    std::vector<std::int64_t> replaced;     ///< to be cancelled
    std::vector<std::size_t> replaced_new;  ///< the same; earlier ones of the push
    bool replaced_soon = false;             ///< by a later one of the push
    std::optional<timestamp> schedule;      ///< of one it replaces
};

/// As if they came one by one; nothing is changed. All that may matter is in memory. `stamp`: the
/// engine's own time. Errors: duplicate.
result<std::vector<push_plan>> plan_push(const push_request& request, const unique_table& uniques,
                                         const job_table& jobs, std::int64_t ending, instant now,
                                         timestamp stamp);

/// Where a new job begins. `schedule` takes the place of its own time.
job_state first_state(const job_spec& spec, std::optional<timestamp> schedule, instant now);

}  // namespace sluice
