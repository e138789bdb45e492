#pragma once

#include "proto/job.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Whether the one who asks may be told of jobs in this queue. Empty: of all.
using queue_filter = std::function<bool(std::string_view queue)>;

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
    /// Jobs that go before it in its queue, those of other types and those that wait for something
    /// else included; only of an available job, and unless there are too many to count.
    std::optional<std::uint64_t> position;
};

}  // namespace sluice
