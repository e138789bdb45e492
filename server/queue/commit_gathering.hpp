#pragma once

#include <cstddef>

namespace sluice {

/// Tells when those who were answered by one commit have come back for the next
/// (docs/decisions/0016).
///
/// Producers that wait for each answer send the next job right after it. Once all of them wait
/// again there is nobody left to serve while the disk works.
class commit_gathering {
public:
    /// The answers to a commit are out. `awaited`: who waited when it ended, for it or for the next
    /// one. `waiting`: who waits now.
    void begin(std::size_t awaited, std::size_t waiting) {
        awaited_ = awaited;
        seen_ = waiting;
        quiet_looks_ = 0;
    }

    /// Whether to look again, after everything that is ready has had its turn.
    bool goes_on(std::size_t waiting) {
        quiet_looks_ = waiting > seen_ ? 0 : quiet_looks_ + 1;
        seen_ = waiting;
        return waiting < awaited_ && quiet_looks_ < quiet_looks_max;
    }

    /// Hardly anybody is missing: some leave for good.
    bool complete(std::size_t waiting) const { return waiting >= awaited_ - awaited_ / 4; }

private:
    /// What the event loop finds in one look gets its turn in the next, so one without anybody new
    /// says nothing.
    static constexpr int quiet_looks_max = 3;

    std::size_t awaited_ = 0;
    std::size_t seen_ = 0;
    int quiet_looks_ = 0;
};

}  // namespace sluice
