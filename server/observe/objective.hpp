#pragma once

#include "proto/queue_config.hpp"
#include "proto/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What is told of a queue's objective for the start of its jobs. docs/latency.md defines the
/// words.
namespace sluice {

enum class objective_window : std::uint8_t { five_minutes, hour, six_hours };
inline constexpr std::size_t objective_window_count = 3;
constexpr std::string_view to_string(objective_window window) {
    constexpr std::array<std::string_view, objective_window_count> names{"5m", "1h", "6h"};
    return names[static_cast<std::size_t>(window)];
}

/// Jobs that started in time, and jobs that did not, or still wait and are late.
struct objective_counts {
    std::uint64_t good = 0;
    std::uint64_t bad = 0;

    std::uint64_t all() const { return good + bad; }
    /// The share that started in time; 1 when there was none.
    double compliance() const {
        return all() == 0 ? 1.0 : static_cast<double>(good) / static_cast<double>(all());
    }
    /// How many times faster than allowed the share of bad ones uses up what the objective leaves:
    /// (1 - compliance) / (1 - objective), see Google's SRE Workbook, chapter 5.
    double burn_rate(double objective) const {
        if (all() == 0) return 0.0;
        return static_cast<double>(bad) / static_cast<double>(all()) / (1.0 - objective);
    }

    friend bool operator==(const objective_counts&, const objective_counts&) = default;
};

/// From this burn rate on, over an hour and over the last five minutes, a queue is burning: it
/// would use up a month's allowance in two days, and is still doing so. "Multiwindow,
/// Multi-Burn-Rate Alerts", the same chapter.
inline constexpr double burning_rate = 14.4;

struct objective_status {
    std::string queue;
    start_objective objective;
    timestamp since;       ///< counting began: it was set, or the server started
    bool burning = false;  ///< as events told it last
    std::array<objective_counts, objective_window_count> windows;

    double burn_rate(objective_window window) const {
        return windows[static_cast<std::size_t>(window)].burn_rate(objective.objective);
    }
};

}  // namespace sluice
