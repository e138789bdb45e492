#pragma once

#include "client/cli/run_report.hpp"
#include "client/cli/work_plan.hpp"
#include "proto/durability.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::cli {

enum class baseline_choice : std::uint8_t { none, also, only };

/// What `sluice produce` was asked for.
struct produce_options {
    std::string queue = "default";
    std::optional<durability_class> durability;  ///< absent: the server's default
    std::string fairness_key;                    ///< empty: none
    std::int64_t fairness_weight = 1;
    std::int64_t cost = 1;
    work_options work;
    std::optional<std::size_t> producers;
    bool wait = true;
    /// Give up when nothing has finished for this long after the last job was created.
    nanoseconds wait_timeout = std::chrono::seconds{60};
    baseline_choice baseline = baseline_choice::none;
    double time_scale = 1;
    std::string label;
    bool hints = true;  ///< say at the end what could be done next
    std::string save;   ///< a file that gets the report as JSON, beside what is printed
};

/// How many connections may create jobs: as many as were asked for, or one; with a rate, as many as
/// it takes that a slow answer does not delay the next job, within reason.
std::size_t producers_max(const produce_options& options);

/// The part of the report that is known before the run.
run_report begin_report(const produce_options& options);

}  // namespace sluice::cli
