#pragma once

#include "proto/time.hpp"
#include "server/observe/compact_histogram.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What is told of how long jobs take. docs/latency.md defines each phase; all are differences of
/// the server's own stamps.
namespace sluice {

enum class latency_phase : std::uint8_t {
    enqueue,  ///< received to durable; of every job that is stored
    waiting,  ///< due to handed to a worker; of every run
    running,  ///< handed to a worker to its answer; of runs that were answered or took too long
    total     ///< received to finished; of jobs that completed
};
inline constexpr std::size_t latency_phase_count = 4;
constexpr std::string_view to_string(latency_phase phase) {
    constexpr std::array<std::string_view, latency_phase_count> names{"enqueue", "waiting",
                                                                      "running", "total"};
    return names[static_cast<std::size_t>(phase)];
}

enum class latency_window : std::uint8_t {
    minute,  ///< the ten seconds that now is in and the fifty before
    hour,    ///< the five minutes that now is in and the fifty-five before
    start    ///< all, since the server started
};
inline constexpr std::size_t latency_window_count = 3;
constexpr std::string_view to_string(latency_window window) {
    constexpr std::array<std::string_view, latency_window_count> names{"minute", "hour", "start"};
    return names[static_cast<std::size_t>(window)];
}

/// One histogram for each phase.
using latency_phases = std::array<compact_histogram, latency_phase_count>;

struct latency_query {
    std::string queue;
    std::optional<latency_window> window;  ///< absent: all
    std::optional<std::string> type;       ///< absent: all together, and each for itself
};

/// By window; those that were not asked for are empty.
using latency_windows = std::array<latency_phases, latency_window_count>;

struct type_latency {
    std::string type;
    latency_windows windows;
};

struct queue_latency {
    std::string queue;
    timestamp since;       ///< counting began: the server started, or everything was reset
    bool complete = true;  ///< false: there were more pairs of queue and type than are kept apart
    latency_windows windows;          ///< of all types that were asked for
    std::vector<type_latency> types;  ///< by name
};

/// The upper ends of what is counted for monitoring.
inline constexpr std::array<std::chrono::microseconds, 21> latency_bounds = [] {
    using std::chrono::microseconds;
    return std::array<microseconds, 21>{
        microseconds{100},         microseconds{250},           microseconds{500},
        microseconds{1'000},       microseconds{2'500},         microseconds{5'000},
        microseconds{10'000},      microseconds{25'000},        microseconds{50'000},
        microseconds{100'000},     microseconds{250'000},       microseconds{500'000},
        microseconds{1'000'000},   microseconds{2'500'000},     microseconds{5'000'000},
        microseconds{10'000'000},  microseconds{30'000'000},    microseconds{60'000'000},
        microseconds{300'000'000}, microseconds{1'800'000'000}, microseconds{3'600'000'000}};
}();

struct phase_counts {
    std::uint64_t count = 0;
    std::chrono::microseconds sum{0};
    std::array<std::uint64_t, latency_bounds.size()> within{};  ///< up to each of the bounds
};

using counted_phases = std::array<phase_counts, latency_phase_count>;

/// What was counted since the start of one pair.
struct latency_counts {
    std::string queue, type;  ///< both `latency_other` for what is not kept apart
    counted_phases phases;
};

/// Neither a queue nor a type can have this name.
inline constexpr std::string_view latency_other = "_other";

}  // namespace sluice
