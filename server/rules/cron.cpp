#include "server/rules/cron.hpp"

#include "server/rules/cron_zone.hpp"

#include <date/tz.h>

#include <algorithm>
#include <variant>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;
using std::chrono::local_seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

// Beyond these a date is a mistake, and sums near the ends of the types would overflow.
constexpr sys_seconds first_time = sys_days{std::chrono::year{1} / 1 / 1};
constexpr sys_seconds last_time = sys_days{std::chrono::year{10000} / 1 / 1};

/// No two offsets of a zone, old or new, are further apart.
constexpr auto offsets_apart_max = 48h;

}  // namespace

/// A stretch of time over which the zone's clocks keep one offset from UTC.
struct cron_schedule::period {
    sys_seconds begin;
    sys_seconds end;
    std::chrono::seconds offset{0};

    local_seconds local(sys_seconds at) const {
        return local_seconds{at.time_since_epoch() + offset};
    }
    sys_seconds moment(local_seconds at) const {
        return sys_seconds{at.time_since_epoch() - offset};
    }
};

result<cron_schedule> cron_schedule::parse(std::string_view expression, std::string_view zone) {
    auto read = parse_cron_expression(expression);
    if (!read) return read.error();
    cron_schedule schedule;
    if (const auto* interval = std::get_if<std::chrono::seconds>(&*read)) {
        schedule.every_ = *interval;
    } else {
        schedule.fields_ = std::get<cron_fields>(*read);
    }
    auto found = find_cron_zone(zone);
    if (!found) return found.error();
    schedule.zone_ = *found;
    return schedule;
}

cron_schedule::period cron_schedule::period_at(sys_seconds at) const {
    if (zone_ == nullptr) return {first_time, last_time, 0s};
    const auto info = zone_->get_info(at);
    return {std::max(info.begin, first_time), std::min(info.end, last_time), info.offset};
}

/// The local time the clocks had come to when `current` began. No zone changes its offset so often
/// that the periods before the last one could have come further.
local_seconds cron_schedule::reached_before(const period& current) const {
    if (current.begin <= first_time) return current.local(current.begin);
    const period earlier = period_at(current.begin - 1s);
    return earlier.local(current.begin);
}

std::optional<cron_schedule::occurrence> cron_schedule::next_within(const period& current,
                                                                    sys_seconds start) const {
    local_seconds from = current.local(start);
    bool missing = false;
    if (!fields_.every_hour() && start < current.begin + offsets_apart_max) {
        const local_seconds reached = reached_before(current);
        missing = start == current.begin && reached < from && first_match(fields_, reached, from);
        from = std::max(from, reached);
    }
    const auto found = first_match(fields_, from, current.local(current.end));
    if (missing && (!found || *found != from)) return occurrence{start, false, true};
    if (!found) return std::nullopt;
    return occurrence{current.moment(*found), true, missing};
}

std::optional<cron_schedule::occurrence> cron_schedule::next(timestamp after) const {
    if (every_ > 0s) {
        if (after >= last_time - every_) return std::nullopt;
        return occurrence{after + every_};
    }
    sys_seconds start = std::max(std::chrono::floor<std::chrono::seconds>(after) + 1s, first_time);
    while (start < last_time) {
        const period current = period_at(start);
        if (const auto found = next_within(current, start)) return found;
        start = current.end;
    }
    return std::nullopt;
}

std::optional<timestamp> cron_schedule::next_run(timestamp after) const {
    for (auto step = next(after); step; step = next(step->at)) {
        if (step->runs) return step->at;
    }
    return std::nullopt;
}

}  // namespace sluice::rules
