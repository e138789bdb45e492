#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

/// When jobs come back that could not be run at once. Pure: time is an argument.
namespace sluice::worker {

/// How long to wait before a command is tried again that could not be started: as long as the
/// shortage has lasted already, so twice as long each time, from a second to a minute.
class shortage_pause {
public:
    using time_point = std::chrono::steady_clock::time_point;

    std::chrono::milliseconds not_started(time_point now);
    void started() { since_.reset(); }

    /// Whether this shortage has not been spoken of for ten seconds. Asking counts as speaking.
    bool worth_saying(time_point now);

private:
    std::optional<time_point> since_;
    std::optional<time_point> said_;
};

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
