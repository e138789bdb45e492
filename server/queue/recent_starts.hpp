#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace sluice {

/// Jobs of one queue that were handed out in about the last minute, and how long they had waited.
/// Small: every queue has one. Times are those of the steady clock and never go back.
class recent_starts {
public:
    struct counts {
        std::uint64_t starts = 0;
        std::chrono::microseconds waited{0};  ///< all together
    };

    void add(std::chrono::microseconds now, std::chrono::microseconds waited) {
        const auto number = slot_of(now);
        auto& slot = slots_[number % slots];
        if (slot.number != number) slot = {number, {}};
        ++slot.sum.starts;
        slot.sum.waited += std::max(waited, std::chrono::microseconds{0});
    }
    /// Of the ten seconds that `now` is in and the fifty before.
    counts last_minute(std::chrono::microseconds now) const {
        const auto number = slot_of(now);
        counts sum;
        for (const auto& slot : slots_) {
            if (slot.number + slots <= number) continue;
            sum.starts += slot.sum.starts;
            sum.waited += slot.sum.waited;
        }
        return sum;
    }

private:
    static constexpr std::uint64_t slots = 6;

    struct ten_seconds {
        std::uint64_t number = 0;
        counts sum;
    };

    static std::uint64_t slot_of(std::chrono::microseconds time) {
        return static_cast<std::uint64_t>(time / std::chrono::seconds{10}) + slots;
    }

    std::array<ten_seconds, slots> slots_{};
};

}  // namespace sluice
