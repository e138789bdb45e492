#pragma once

#include "proto/error.hpp"
#include "proto/requests.hpp"
#include "proto/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

/// A line of a stream that a worker sends: what POST /workers/batch takes, and how many more jobs
/// it wants.
struct worker_line {
    answers_request answers;
    std::uint64_t credits = 0;  ///< at most `credits_max`

    static constexpr std::uint64_t credits_max = 10'000;

    bool answers_something() const {
        return !answers.acks.empty() || !answers.nacks.empty() || !answers.heartbeat.jobs.empty();
    }
};

/// Those of the answers that name no worker come from this one.
void name_worker(answers_request& request, const std::string& worker_id);

/// Errors: those of `decode_answers`, and invalid_request for credits out of range.
result<worker_line> decode_worker_line(std::string_view line, timestamp now);

}  // namespace sluice
