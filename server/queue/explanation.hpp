#pragma once

#include "proto/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

/// One reason why a job does not run.
struct job_reason {
    std::string code;                ///< such as "queue_paused"; see docs/explain.md
    std::string detail;              ///< for people: what holds it, and what would start it
    std::optional<timestamp> until;  ///< when this reason ends by itself
};

/// Why a job is not running, or what it does instead.
struct job_explanation {
    job_record job;
    /// All that hold at this moment; the job starts when none is left.
    std::vector<job_reason> reasons;
    /// Jobs that go before it in its queue, those that wait for something else included; only of an
    /// available job.
    std::optional<std::uint64_t> position;
};

}  // namespace sluice
