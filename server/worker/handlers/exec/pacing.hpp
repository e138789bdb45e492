#pragma once

#include <chrono>
#include <cstddef>

/// When jobs come back that could not be run at once. Pure: time is an argument.
namespace sluice::worker {

/// Turns for the jobs of a row that is at its limit. They hold no worker while they wait; each
/// comes back at a time of its own, in the order they came, often enough that a place that is free
/// is soon taken, seldom enough that coming in vain costs little.
class row_turns {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// A run took this long.
    void ran(std::chrono::steady_clock::duration time);

    /// How long the next job is to stay away; `limit` runs are allowed at one time.
    std::chrono::milliseconds next(time_point now, std::size_t limit);

private:
    std::chrono::steady_clock::duration usual_ = std::chrono::seconds{1};
    time_point last_;
};

}  // namespace sluice::worker
