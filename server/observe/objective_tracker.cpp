#include "server/observe/objective_tracker.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice {
namespace {

using std::chrono::microseconds;

constexpr std::chrono::seconds ten_seconds{10};
constexpr std::chrono::minutes five_minutes{5};
/// No timer needs to be finer.
constexpr std::chrono::milliseconds step_min{10};

template <class Duration>
std::uint64_t slot_of(timestamp time, Duration width) {
    return static_cast<std::uint64_t>(time.time_since_epoch() / width);
}

}  // namespace

objective_tracker::objective_tracker(const start_objective& objective, timestamp now,
                                     std::uint64_t waiting)
    : objective_(objective),
      since_(now),
      step_(std::max<microseconds>(microseconds(objective.within) / 8, step_min)),
      waiting_(waiting) {
    groups_[0] = waiting;
}

std::uint64_t objective_tracker::group_of(timestamp available_at) const {
    return static_cast<std::uint64_t>((std::max(available_at, since_) - since_) / step_);
}

/// From then on each of the group has waited too long.
timestamp objective_tracker::late_at(std::uint64_t group) const {
    return since_ + step_ * static_cast<std::int64_t>(group + 1) + objective_.within;
}

void objective_tracker::expire(timestamp now) {
    std::uint64_t late = 0;
    for (std::size_t i = 0; i < groups_max && late_at(first_group_) <= now; ++i) {
        late += std::exchange(groups_[first_group_ % groups_max], 0);
        ++first_group_;
    }
    // The groups between are of a time when nobody came.
    if (late_at(first_group_) <= now) first_group_ = group_of(now - objective_.within);
    if (late == 0) return;
    waiting_ -= late;
    count(0, late, now);
}

void objective_tracker::count(std::uint64_t good, std::uint64_t bad, timestamp now) {
    const auto add = [&](auto& ring, std::uint64_t number) {
        auto& at = ring[number % ring.size()];
        if (at.number != number) at = {number, {}};
        at.counts.good += good;
        at.counts.bad += bad;
    };
    add(ten_seconds_, slot_of(now, ten_seconds));
    add(five_minutes_, slot_of(now, five_minutes));
    if (bad > 0) last_bad_ = now;
}

void objective_tracker::enter(timestamp available_at, timestamp now) {
    expire(now);
    const auto group = group_of(std::min(available_at, now));
    if (group < first_group_) return count(0, 1, now);  // it is late already
    assert(group < first_group_ + groups_max);
    ++groups_[group % groups_max];
    ++waiting_;
}

void objective_tracker::start_at_once(timestamp now) {
    expire(now);
    count(1, 0, now);
}

void objective_tracker::leave(timestamp available_at) {
    const auto group = group_of(available_at);
    if (group < first_group_) return;  // it was late
    auto& count = groups_[group % groups_max];
    if (count == 0) return;
    --count;
    --waiting_;
}

void objective_tracker::start(timestamp available_at, timestamp now) {
    expire(now);
    // Stamped before a restart, by a clock that was ahead of this one: it is in the first group.
    if (available_at > now) available_at = since_;
    if (group_of(available_at) < first_group_) return;  // it was late, and counted
    leave(available_at);
    const bool in_time = now - available_at <= objective_.within;
    count(in_time ? 1 : 0, in_time ? 0 : 1, now);
}

objective_counts objective_tracker::counts(objective_window window, timestamp now) const {
    objective_counts sum;
    const auto add = [&sum](const auto& ring, std::uint64_t number, std::uint64_t slots) {
        for (const auto& each : ring) {
            if (each.number + slots <= number) continue;
            sum.good += each.counts.good;
            sum.bad += each.counts.bad;
        }
    };
    if (window == objective_window::five_minutes)
        add(ten_seconds_, slot_of(now, ten_seconds), tens);
    else
        add(five_minutes_, slot_of(now, five_minutes),
            window == objective_window::hour ? 12 : fives);
    return sum;
}

double objective_tracker::burn_rate(objective_window window, timestamp now) const {
    return counts(window, now).burn_rate(objective_.objective);
}

objective_tracker::change objective_tracker::look(timestamp now) {
    expire(now);
    const bool burns = burn_rate(objective_window::five_minutes, now) > burning_rate &&
                       burn_rate(objective_window::hour, now) > burning_rate;
    if (burns == burning_) return change::none;
    burning_ = burns;
    return burns ? change::burning : change::recovered;
}

std::optional<timestamp> objective_tracker::next_look(timestamp now) const {
    std::optional<timestamp> next;
    if (waiting_ > 0) {
        auto group = first_group_;
        while (groups_[group % groups_max] == 0) ++group;
        next = late_at(group);
    }
    // What was counted lately moves on through the windows.
    if (burning_ || (last_bad_ != timestamp{} && now < last_bad_ + five_minutes)) {
        const timestamp turn{ten_seconds *
                             static_cast<std::int64_t>(slot_of(now, ten_seconds) + 1)};
        next = next ? std::min(*next, turn) : turn;
    }
    return next;
}

objective_status objective_tracker::status(timestamp now) const {
    objective_status made;
    made.objective = objective_;
    made.since = since_;
    made.burning = burning_;
    for (std::size_t i = 0; i < objective_window_count; ++i)
        made.windows[i] = counts(static_cast<objective_window>(i), now);
    return made;
}

}  // namespace sluice
