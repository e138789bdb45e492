#pragma once

#include <chrono>
#include <optional>

namespace sluice::process {

/// How long to wait before a command is tried again that could not be started: as long as the
/// shortage has lasted already, so twice as long each time, from a second to a minute. One that
/// nothing was heard of for two minutes is over. Pure: time is an argument.
class shortage_pause {
public:
    using time_point = std::chrono::steady_clock::time_point;

    std::chrono::milliseconds not_started(time_point now);
    void started() { since_.reset(); }

    /// Whether this shortage has not been spoken of for ten seconds. Asking counts as speaking.
    bool worth_saying(time_point now);

private:
    std::optional<time_point> since_;
    time_point last_;  ///< of the failures since
    std::optional<time_point> said_;
};

}  // namespace sluice::process
