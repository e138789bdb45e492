#pragma once

#include "server/observe/objective.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice {

/// Whether the jobs of one queue start in time. Each is counted once: as good when it starts within
/// the time, as bad when it starts later or as soon as it has waited longer.
///
/// To know of the latter without a look at each job, those that wait are counted in groups by when
/// they became available, an eighth of the time wide. When all of a group must be late, what is
/// left of it is counted. There are never more than a dozen groups; jobs that wait longer need
/// none.
///
/// Pure data: one thread, no clock. Times are those of the engine's clock, which never goes back.
class objective_tracker {
public:
    /// `waiting`: available jobs that are there already. How long they have waited is not known:
    /// they count as come now, unless they start sooner.
    objective_tracker(const start_objective& objective, timestamp now, std::uint64_t waiting);

    /// A job that became available then waits.
    void enter(timestamp available_at, timestamp now);
    void start(timestamp available_at, timestamp now);
    /// One that never entered: it did not wait.
    void start_at_once(timestamp now);
    /// It waits no more and has not started.
    void leave(timestamp available_at);

    enum class change : std::uint8_t { none, burning, recovered };
    /// Counts those that are late by now, and tells what that changes.
    change look(timestamp now);
    /// When to look next, after a look at `now`; nothing when no time alone changes anything.
    std::optional<timestamp> next_look(timestamp now) const;

    objective_counts counts(objective_window window, timestamp now) const;
    objective_status status(timestamp now) const;
    const start_objective& objective() const { return objective_; }
    /// Those that are not late yet, or not known to be.
    std::uint64_t waiting() const { return waiting_; }

private:
    static constexpr std::size_t groups_max = 12;
    static constexpr std::size_t tens = 30;   ///< of ten seconds: five minutes
    static constexpr std::size_t fives = 72;  ///< of five minutes: six hours

    struct slot {
        std::uint64_t number = 0;
        objective_counts counts;
    };

    std::uint64_t group_of(timestamp available_at) const;
    timestamp late_at(std::uint64_t group) const;
    void expire(timestamp now);
    void count(std::uint64_t good, std::uint64_t bad, timestamp now);
    double burn_rate(objective_window window, timestamp now) const;

    start_objective objective_;
    timestamp since_;
    std::chrono::microseconds step_;
    std::array<std::uint64_t, groups_max> groups_{};
    std::uint64_t first_group_ = 0;  ///< all before are late and counted
    std::uint64_t waiting_ = 0;      ///< in all groups
    bool burning_ = false;
    timestamp last_bad_;
    std::array<slot, tens> ten_seconds_{};
    std::array<slot, fives> five_minutes_{};
};

}  // namespace sluice
