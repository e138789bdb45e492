#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>

namespace sluice {

enum class timer_kind : std::uint8_t { lease, due, worker, taker, cron, limit, redrive, objective };

/// `key` names whom it is for: a job's seq, the number of a worker, a taker, a cron job, a key of
/// rate limits, a redrive or the objective of a queue.
struct timer {
    std::chrono::microseconds at{0};
    timer_kind kind = timer_kind::lease;
    std::int64_t key = 0;

    /// Ties fire in a fixed order, so that a run can be repeated from its seed.
    friend auto operator<=>(const timer&, const timer&) = default;
};

/// What has to be looked at when. A timer that fires says only "look": whoever is looked at may
/// have moved on.
class timer_set {
public:
    void add(const timer& t) { timers_.insert(t); }
    void remove(const timer& t) { timers_.erase(t); }
    std::optional<std::chrono::microseconds> next() const {
        if (timers_.empty()) return std::nullopt;
        return timers_.begin()->at;
    }
    /// The earliest timer at or before `now`, removed.
    std::optional<timer> pop_due(std::chrono::microseconds now) {
        if (timers_.empty() || timers_.begin()->at > now) return std::nullopt;
        const auto fired = *timers_.begin();
        timers_.erase(timers_.begin());
        return fired;
    }
    std::size_t size() const { return timers_.size(); }
    void clear() { timers_.clear(); }

private:
    std::set<timer> timers_;
};

}  // namespace sluice
