#pragma once

#include "proto/job.hpp"
#include "proto/time.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice {

/// A run that took long, as the log tells of it. The phases are those of docs/latency.md.
struct slow_run {
    std::shared_ptr<const job_spec> spec;
    std::string worker_id;
    std::uint32_t attempt = 0;
    lease_outcome outcome = lease_outcome::open;  ///< how the run ended
    std::chrono::microseconds enqueue{0};         ///< of the job
    std::chrono::microseconds waiting{0};
    std::chrono::microseconds running{0};
    std::chrono::microseconds total{0};  ///< of the job up to the end of this run
    std::uint64_t left_out = 0;          ///< slow runs since the one told before that were not told
};

/// Which of the runs that just ended are told of: as many as a person can read, so that a flood of
/// slow jobs is not one of lines as well. Pure data.
class slow_runs {
public:
    static constexpr std::uint64_t lines_max = 10;  ///< in each ten seconds of the engine's clock

    /// Whether there is a line left for a run that ends now. If not, it is counted.
    bool may_tell(timestamp now);
    void add(slow_run run);
    /// Those to be told since the last call.
    std::vector<slow_run> take() { return std::exchange(told_, {}); }

private:
    std::vector<slow_run> told_;
    std::int64_t slot_ = 0;
    std::uint64_t lines_ = 0;  ///< of `slot_`
    std::uint64_t left_out_ = 0;
};

}  // namespace sluice
