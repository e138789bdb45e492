#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::cli {

/// What stands first.
enum class top_order : std::uint8_t {
    waiting,  ///< whose jobs wait, or have waited, longest
    rate,     ///< where most happens
    backlog,  ///< where most is to be done
    name,
};

struct top_settings {
    std::chrono::nanoseconds interval = std::chrono::seconds{1};
    top_order order = top_order::waiting;
    std::vector<std::string> queues = {};  ///< patterns, see queue_filter; empty: all
    bool once = false;                     ///< one interval, then the end
};

}  // namespace sluice::cli
