#pragma once

#include "proto/time.hpp"
#include "server/observe/latency.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice {

/// How long the jobs of one type in one queue took, lately and in all. A sample goes into the ten
/// seconds it belongs to; when these are over they are added to their five minutes and to the
/// whole. Times are those of the engine's clock, which never goes back.
class latency_series {
public:
    /// True when a slot was closed, so that its memory may have changed.
    bool record(latency_phase phase, std::chrono::microseconds value, timestamp now);
    /// What belongs to the window at `now`.
    latency_phases window(latency_window window, timestamp now) const;
    /// The same, for who asks often: `sums` are used on the way.
    using phase_sums = std::array<histogram_sum, latency_phase_count>;
    latency_phases window(latency_window window, timestamp now, phase_sums& sums) const;
    /// All since the start.
    counted_phases counts() const;
    void merge_all(const latency_series& other);

    timestamp last_recorded() const { return last_; }
    /// The object itself included.
    std::size_t bytes() const;

private:
    struct slot {
        std::uint64_t number = 0;
        latency_phases phases;
    };

    latency_phases packed() const;
    void close(std::uint64_t next);

    std::array<live_histogram, latency_phase_count> open_;  ///< the latest ten seconds
    std::uint64_t number_ = 0;                              ///< of these; 0: there are none
    std::size_t open_bytes_ = 0;  ///< what the slot before took while it was open
    std::array<slot, 6> ten_seconds_;
    std::array<slot, 12> five_minutes_;  ///< without what is in `open_`
    latency_phases closed_;              ///< all but what is in `open_`
    counted_phases counted_;             ///< the same
    timestamp last_;
};

}  // namespace sluice
