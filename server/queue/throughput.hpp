#pragma once

#include "proto/job.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>

namespace sluice {

/// Counts runs that ended in the last minute, second by second. A run counts when the batch that
/// holds its end is durable; until then it is remembered with that batch. Times are those of the
/// steady clock and never go back.
class throughput {
public:
    struct counts {
        std::uint64_t completed = 0;
        std::uint64_t failed = 0;
    };

    /// A run of the open batch has ended.
    void count(lease_outcome outcome) {
        if (outcome == lease_outcome::acked) ++open_.completed;
        if (outcome == lease_outcome::nacked || outcome == lease_outcome::timed_out) ++open_.failed;
    }
    /// The open batch is closed and on its way; there is one such at most.
    void batch_taken() { under_way_ = std::exchange(open_, {}); }
    /// It is durable.
    void batch_committed(std::chrono::microseconds now) {
        const auto done = std::exchange(under_way_, {});
        if (done.completed == 0 && done.failed == 0) return;
        const auto number = second_of(now);
        auto& slot = ring_[number % seconds];
        if (slot.number != number) slot = {number, {}};
        slot.ended.completed += done.completed;
        slot.ended.failed += done.failed;
    }
    /// Of the second that `now` is in and the 59 before.
    counts last_minute(std::chrono::microseconds now) const {
        const auto number = second_of(now);
        counts sum;
        for (const auto& slot : ring_) {
            if (slot.number + seconds <= number) continue;
            sum.completed += slot.ended.completed;
            sum.failed += slot.ended.failed;
        }
        return sum;
    }
    void clear() { *this = {}; }

private:
    static constexpr std::uint64_t seconds = 60;

    struct second {
        std::uint64_t number = 0;  ///< of the second, since the clock began
        counts ended;
    };

    static std::uint64_t second_of(std::chrono::microseconds time) {
        return static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::seconds>(time).count());
    }

    counts open_, under_way_;
    std::array<second, seconds> ring_{};
};

}  // namespace sluice
