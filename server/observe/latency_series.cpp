#include "server/observe/latency_series.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr std::uint64_t minute_slots = 6;
constexpr std::uint64_t hour_slots = 12;
constexpr std::uint64_t tens_of_five_minutes = 30;

std::uint64_t ten_of(timestamp time) {
    return static_cast<std::uint64_t>(time.time_since_epoch() / std::chrono::seconds{10});
}

std::uint64_t five_of(std::uint64_t ten) {
    return ten / tens_of_five_minutes;
}

void merge(latency_phases& to, const latency_phases& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i].merge(from[i]);
}

void count(counted_phases& to, const latency_phases& from) {
    for (std::size_t i = 0; i < to.size(); ++i) {
        if (from[i].empty()) continue;
        to[i].count += from[i].count();
        to[i].sum += from[i].sum();
        const auto within = from[i].counts_within(latency_bounds);
        for (std::size_t b = 0; b < within.size(); ++b) to[i].within[b] += within[b];
    }
}

}  // namespace

bool latency_series::record(latency_phase phase, std::chrono::microseconds value, timestamp now) {
    const auto number = ten_of(now);
    const bool closes = number > number_;
    if (closes) close(number);
    open_[static_cast<std::size_t>(phase)].record(value);
    last_ = now;
    return closes;
}

latency_phases latency_series::packed() const {
    latency_phases phases;
    for (std::size_t i = 0; i < phases.size(); ++i) phases[i] = open_[i].pack();
    return phases;
}

void latency_series::close(std::uint64_t next) {
    const auto number = std::exchange(number_, next);
    if (number == 0) return;
    open_bytes_ = 0;
    for (const auto& phase : open_) open_bytes_ += phase.heap_bytes();
    auto phases = packed();
    open_ = {};
    auto& minutes = five_minutes_[five_of(number) % hour_slots];
    if (minutes.number != five_of(number)) minutes = {five_of(number), {}};
    merge(minutes.phases, phases);
    merge(closed_, phases);
    count(counted_, phases);
    ten_seconds_[number % minute_slots] = {number, std::move(phases)};
    // What no window reaches any more.
    for (auto& each : ten_seconds_)
        if (each.number + minute_slots <= next) each = {};
    for (auto& each : five_minutes_)
        if (each.number + hour_slots <= five_of(next)) each = {};
}

latency_phases latency_series::window(latency_window window, timestamp now) const {
    phase_sums sums;
    return this->window(window, now, sums);
}

latency_phases latency_series::window(latency_window window, timestamp now,
                                      phase_sums& sums) const {
    const auto ten = ten_of(now);
    const auto add = [&sums](const latency_phases& phases) {
        for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add(phases[i]);
    };
    bool open = true;
    if (window == latency_window::minute) {
        for (const auto& each : ten_seconds_)
            if (each.number + minute_slots > ten) add(each.phases);
        open = number_ + minute_slots > ten;
    } else if (window == latency_window::hour) {
        for (const auto& each : five_minutes_)
            if (each.number + hour_slots > five_of(ten)) add(each.phases);
        open = five_of(number_) + hour_slots > five_of(ten);
    } else {
        add(closed_);
    }
    if (open) add(packed());
    latency_phases made;
    for (std::size_t i = 0; i < sums.size(); ++i) made[i] = sums[i].take();
    return made;
}

counted_phases latency_series::counts() const {
    auto sum = counted_;
    count(sum, packed());
    return sum;
}

void latency_series::merge_all(const latency_series& other) {
    const auto open = other.packed();
    merge(closed_, other.closed_);
    merge(closed_, open);
    count(counted_, other.closed_);
    count(counted_, open);
}

std::size_t latency_series::bytes() const {
    std::size_t bytes = sizeof *this + open_bytes_;
    const auto add = [&bytes](const latency_phases& phases) {
        for (const auto& phase : phases) bytes += phase.heap_bytes();
    };
    for (const auto& each : ten_seconds_) add(each.phases);
    for (const auto& each : five_minutes_) add(each.phases);
    add(closed_);
    return bytes;
}

}  // namespace sluice
