#pragma once

#include "proto/job.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

/// What follows a failed run (Open Job Spec, ojs-retry.md).
namespace sluice::rules {

/// How long to wait after attempt `attempt` (1 for the first run) has failed.
///
/// Section 3 gives the growth: none and constant keep `initial_interval`, linear multiplies it by
/// the attempt, exponential by coefficient^(attempt - 1), polynomial by attempt^coefficient. The
/// result is capped at `max_interval`; with jitter it is then multiplied by 0.5 + `random01` and
/// capped again (section 5). `random01` is in [0, 1). Growth beyond any number is the cap.
std::chrono::milliseconds backoff_delay(const retry_policy& policy, std::uint32_t attempt,
                                        double random01);

/// Whether the failure's type or code is on the policy's list (section 6): an entry matches as it
/// stands, and one that ends in ".*" matches all that begins with what is before the asterisk.
bool non_retryable(const retry_policy& policy, const job_failure& failure);

enum class verdict : std::uint8_t {
    retry,
    discard,
    dead_letter,
};

/// What becomes of a job whose attempt `attempt` failed.
///
/// A handler's own word goes first: `end`, or (section 7) the failure's code: DISCARD and FAIL
/// discard, DEAD_LETTER keeps the job as a dead letter. Then, unless `retryable` is false, the
/// failure is on the list or the attempts are spent, it is tried again; else the policy's
/// `on_exhaustion` decides.
verdict decide(const retry_policy& policy, std::uint32_t attempt, const job_failure& failure,
               bool retryable, std::optional<exhaustion> end = std::nullopt);

}  // namespace sluice::rules
