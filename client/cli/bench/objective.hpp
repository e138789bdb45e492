#pragma once

#include "client/cli/run_report.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cli::bench {

/// What of a job's way an objective is about.
enum class phase : std::uint8_t { enqueue, waiting, running, total, overall };

std::string_view name_of(phase which);
const histogram& values_of(const run_report& run, phase which);

/// A service level objective: a share of all jobs must be at least so fast.
struct objective {
    phase of = phase::overall;
    double share = 0.99;  ///< above 0; 1: the slowest job too
    nanoseconds limit{0};
    std::string text;  ///< as it was typed, without blanks
};

/// "p99<10ms", "waiting.p99.9<5ms", "enqueue.max<1s". Without a phase it is about `overall`: from
/// the intended time of sending to the end, the one figure that no stall can hide from.
std::optional<objective> parse_objective(std::string_view text);

struct objective_result {
    objective what;
    std::optional<nanoseconds> measured;  ///< absent: too many jobs never came so far
    bool met = false;
};

/// `missing` jobs have no value, because they failed or were not done in time: each of them counts
/// as slower than any limit. Leaving them out would make a report better the more jobs are lost.
objective_result evaluate(const objective& what, const histogram& values, std::uint64_t missing);

}  // namespace sluice::cli::bench
