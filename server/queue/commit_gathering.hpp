#pragma once

#include <chrono>
#include <cstddef>

namespace sluice {

/// Tells when those who were answered by one commit have come back for the next
/// (docs/decisions/0016).
///
/// Producers that wait for each answer send the next job right after it. Once all of them wait
/// again there is nobody left to serve while the disk works. Producers that take longer are not
/// waited for: after an attempt that most of them missed, the next commits do without.
class commit_gathering {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Whether to try it after this commit. Ask once for each.
    bool wanted() {
        if (left_out_ == 0) return true;
        --left_out_;
        return false;
    }

    /// Right before the answers to a commit go out. `awaited`: who waits, for it or for the next.
    void begin(std::size_t awaited, time_point now) {
        awaited_ = awaited;
        seen_ = 0;
        quiet_looks_ = 0;
        until_ = now + longest;
    }

    /// Once in each turn of the event loop. `waiting`: who waits now. False: that was the last.
    bool look(std::size_t waiting, time_point now) {
        quiet_looks_ = waiting > seen_ ? 0 : quiet_looks_ + 1;
        seen_ = waiting;
        if (waiting < awaited_ && quiet_looks_ < quiet_looks_max && now < until_) return true;
        if (!complete()) left_out_ = left_out_after_miss;
        return false;
    }

    /// At the last look hardly anybody was missing: some leave for good.
    bool complete() const { return seen_ >= awaited_ - awaited_ / 4; }

private:
    /// What the event loop finds in one turn is handled in the next, so one without anybody new
    /// says nothing.
    static constexpr int quiet_looks_max = 3;
    static constexpr std::chrono::milliseconds longest{3};
    static constexpr int left_out_after_miss = 15;

    std::size_t awaited_ = 0;
    std::size_t seen_ = 0;
    int quiet_looks_ = 0;
    int left_out_ = 0;
    time_point until_;
};

}  // namespace sluice
