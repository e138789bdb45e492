#pragma once

#include "client/cli/bench/objective.hpp"
#include "client/cli/run_report.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::cli::bench {

/// What one rate, or the closed loop, came to.
struct step_result {
    std::optional<double> rate;  ///< jobs a second that were to be sent; absent: closed loop
    /// The part of the rate that was really sent, from the start until the last job left.
    double sent_share = 1;
    run_report run;
    std::uint64_t errors = 0;   ///< jobs whose push got no success
    std::uint64_t unsent = 0;   ///< jobs that were due and found no free connection in time
    std::uint64_t blocked = 0;  ///< requests that had to wait for a free connection
    /// How much later than it could have this program sent: `run.lag` without the waits for a free
    /// connection.
    histogram generator_lag;
    /// `overall` by the intended time of sending, in slices of `slice`.
    std::vector<histogram> over_time;
    nanoseconds slice{0};
    std::vector<objective_result> objectives;

    std::uint64_t unfinished() const { return run.created - run.finished(); }
    /// Jobs that have no latency for `which`, or one that does not count.
    std::uint64_t missing(phase which) const {
        const std::uint64_t never_stored = errors + unsent;
        if (which == phase::enqueue) return never_stored;
        return never_stored + unfinished() + run.discarded + run.cancelled;
    }
    /// Whether the rate was put on the server at all. If not, its stamps tell of a lower one.
    bool rate_kept() const { return sent_share >= 0.95; }
    /// All objectives, at the rate that was asked for.
    bool met() const {
        for (const auto& each : objectives) {
            if (!each.met) return false;
        }
        return rate_kept();
    }
    /// Whether this program, not the server, was slow: what was measured from the intended time of
    /// sending includes that, so an objective may be missed through no fault of the server.
    bool generator_too_slow() const {
        return generator_lag.quantile(0.99) > std::chrono::milliseconds{1};
    }
};

/// Sets `step.objectives` by the figures of the step.
void judge(step_result& step, const std::vector<objective>& objectives);

}  // namespace sluice::cli::bench
