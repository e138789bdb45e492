#include "server/queue/engine.hpp"

#include "proto/limits.hpp"

#include <algorithm>
#include <cassert>
#include <map>
#include <utility>

/// Limits of jobs, enforced when they are handed out. A lane whose first job has no room is closed
/// and looked at by nobody until something has changed.
namespace sluice {
namespace {

/// What holds for a job: an operator's word before its own.
struct limits_in_force {
    std::optional<std::int64_t> concurrency;
    std::optional<rate_rule> rate;
    std::optional<timestamp> until;  ///< when an override ends
};

bool holds(const std::optional<limit_override>& given, timestamp wall) {
    return given && (!given->expires_at || *given->expires_at > wall);
}

limits_in_force in_force(const limit_state& limit, const limit_rule& rule, timestamp wall) {
    limits_in_force both{rule.concurrency, rule.rate, {}};
    if (!holds(limit.given, wall)) return both;
    if (limit.given->concurrency) both.concurrency = limit.given->concurrency;
    if (limit.given->rate) both.rate = limit.given->rate;
    both.until = limit.given->expires_at;
    return both;
}

bool has_room(const limit_state& limit, const limits_in_force& rule) {
    return !rule.concurrency || limit.running < static_cast<std::size_t>(*rule.concurrency);
}

/// Rates are lengths of time, so they are counted on the clock that does not jump.
timestamp steady_time(instant now) {
    return timestamp{now.steady};
}

}  // namespace

/// What is told of a key is the rule of the job that was pushed last.
void engine::see_rule(const resident_job& job) {
    auto* limit = job.lane->limit;
    if (!limit || job.record.seq < limit->rule_seq) return;
    limit->rule_seq = job.record.seq;
    see_group(job);
    auto rule = *job.record.spec->limit;
    rule.text.clear();
    if (limit->rule && *limit->rule == rule) return;
    limit->rule = std::make_shared<const limit_rule>(std::move(rule));
}

/// Whether the job may run beside those of its queue and its key that run.
bool engine::has_place(const resident_job& job, instant now) const {
    if (job.queue->full()) return false;
    const auto* limit = job.lane->limit;
    if (!limit) return true;
    return has_room(*limit, in_force(*limit, *job.record.spec->limit, now.wall)) &&
           !group_is_full(*job.record.spec->limit, now);
}

/// What of its limits keeps an available job from being started.
void engine::explain_limits(const resident_job& job, job_explanation& made,
                            const queue_filter& may_see, instant now) const {
    const auto* limit = job.lane->limit;
    if (!limit) return;
    const auto& own = *job.record.spec->limit;
    const auto rule = in_force(*limit, own, now.wall);
    const auto add = [&](std::string code, const limit_state* of, std::string detail,
                         std::optional<std::chrono::microseconds> until) {
        const bool shown =
            !may_see ||
            (of && !of->more_queues &&
             std::ranges::all_of(of->queues, [&](const auto& each) { return may_see(*each); }));
        job_reason reason{std::move(code), std::move(detail), {}};
        if (!shown) reason.detail = "A rate limit it shares with other queues has no room.";
        if (shown && until) reason.until = stamp({.wall = {}, .steady = *until});
        made.reasons.push_back(std::move(reason));
    };
    const auto runs = [](const std::string& what, std::size_t running, std::int64_t allowed) {
        if (allowed == 0) return "No job " + what + " may run; it starts when that is changed.";
        return "Of the jobs " + what + ' ' + std::to_string(running) + " of " +
               std::to_string(allowed) + " run; it starts when one of them has ended.";
    };
    if (limit->held_until > now.steady)
        add("rate_limit_held", limit,
            "A worker was told to leave the key '" + limit->key + "' alone for a while.",
            limit->held_until);
    if (!has_room(*limit, rule))
        add("concurrency_limit", limit,
            runs("with the key '" + limit->key + '\'', limit->running, *rule.concurrency), {});
    if (group_is_full(own, now)) {
        const auto* group = limits_.find(own.group);
        add("group_limit", group,
            runs("of the group '" + own.group + '\'', group ? group->running : 0,
                 static_cast<std::int64_t>(*group_limit(own, now))),
            {});
    }
    if (!rule.rate) return;
    const auto asked = rules::take(*rule.rate, rate_of(*limit, *rule.rate), steady_time(now));
    if (!asked.allowed)
        add("rate_limit", limit, "The rate of the key '" + limit->key + "' is used up for now.",
            asked.at.time_since_epoch());
}

/// Jobs that would rather be refused than wait, when their key has no room beyond those that wait
/// already.
std::optional<error> engine::refuse_limited(const std::vector<job_spec>& jobs,
                                            const std::vector<push_plan>& plans,
                                            const resident_job* ending, instant now) const {
    const auto rejects = [](const job_spec& spec) {
        return spec.limit && spec.limit->on_limit == limit_action::reject;
    };
    if (std::ranges::none_of(jobs, rejects)) return std::nullopt;
    struct load {
        std::int64_t running = 0, waiting = 0;
    };
    std::map<std::string_view, load> loads;  ///< of each key, when the next job comes
    const auto load_of = [&](const std::string& key) -> load& {
        const auto [it, first] = loads.try_emplace(key);
        const auto* limit = first ? limits_.find(key) : nullptr;
        if (!limit) return it->second;
        it->second.running = static_cast<std::int64_t>(limit->running);
        for (const auto* lane : limit->lanes)
            it->second.waiting += static_cast<std::int64_t>(lane->waiting);
        return it->second;
    };
    const auto waits = [&](std::size_t i) {
        return first_state(jobs[i], plans[i].schedule, now) == job_state::available;
    };
    const auto* leaving = ending ? ending->record.spec->limit.get() : nullptr;
    if (leaving && ending->record.state == job_state::active) --load_of(leaving->key).running;
    if (leaving && ending->record.state == job_state::available) --load_of(leaving->key).waiting;
    const auto is_crowded = [&](const limit_rule& rule) {
        const bool freed =
            leaving && ending->record.state == job_state::active && leaving->group == rule.group;
        return group_is_full(rule, now, freed ? 1 : 0);
    };
    const limit_state fresh;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (plans[i].same || plans[i].same_new) continue;
        for (const auto seq : plans[i].replaced) {
            const auto& gone = jobs_.find(seq)->record;
            if (!gone.spec->limit) continue;
            auto& of = load_of(gone.spec->limit->key);
            if (gone.state == job_state::active) --of.running;
            if (gone.state == job_state::available) --of.waiting;
        }
        for (const auto at : plans[i].replaced_new)
            if (jobs[at].limit && waits(at)) --load_of(jobs[at].limit->key).waiting;
        const auto* wanted = jobs[i].limit.get();
        if (!wanted) continue;
        const auto* limit = limits_.find(wanted->key);
        const auto& known = limit ? *limit : fresh;
        auto& of = load_of(wanted->key);
        const auto before = of.waiting;
        const auto running = of.running;
        if (waits(i)) ++of.waiting;
        if (!rejects(jobs[i])) continue;
        const auto rule = in_force(known, *wanted, now.wall);
        const auto left =
            rule.rate ? rules::remaining(*rule.rate, rate_of(known, *rule.rate), steady_time(now))
                      : INT64_MAX;
        const bool full = rule.concurrency && running + before >= *rule.concurrency;
        const bool crowded = is_crowded(*wanted);
        if (!full && !crowded && before < left && known.held_until <= now.steady) continue;
        return error(errc::rate_limited,
                     "There is no room under the rate limit '" + wanted->key + "'.",
                     "\"key\":\"" + wanted->key + "\",\"running\":" + std::to_string(running) +
                         ",\"waiting\":" + std::to_string(before));
    }
    return std::nullopt;
}

/// Whether the first job of a limited lane may start; if so, its start is counted. If not, it is
/// dropped or the lane closed.
bool engine::may_start(ready_lane& lane, resident_job& job, instant now) {
    auto& limit = *lane.limit;
    assert(job.record.spec->limit);
    const auto rule = in_force(limit, *job.record.spec->limit, now.wall);
    limit_event why;
    why.key = limit.key;
    why.current = limit.running;
    std::optional<std::chrono::microseconds> later;
    const bool crowded = group_is_full(*job.record.spec->limit, now);
    if (crowded) {
        why.key = job.record.spec->limit->group;
        why.strategy = "group";
        why.limit = static_cast<std::int64_t>(*group_limit(*job.record.spec->limit, now));
        const auto* group = group_of(*job.record.spec->limit);
        why.current = group ? group->running : 0;
    } else if (limit.held_until > now.steady) {
        why.strategy = "hold";
        later = limit.held_until;
    } else if (!has_room(limit, rule)) {
        why.strategy = "concurrency";
        why.limit = *rule.concurrency;
    } else if (rule.rate) {
        const auto asked = rules::take(*rule.rate, rate_of(limit, *rule.rate), steady_time(now));
        why.strategy = "rate";
        why.limit = rule.rate->limit;
        if (!asked.allowed) later = asked.at.time_since_epoch();
    }
    const bool full = crowded || later || why.strategy == "concurrency";
    const bool told = lane.told_held == job.record.seq;
    if (!full) {
        for (auto& [rate, used] : limit.rates) used = rules::spend(rate, used, steady_time(now));
        lane.opened_for = 0;
        if (!told) return true;
        lane.told_held = 0;
        if (why.strategy.empty()) why.strategy = "concurrency";
        if (!rule.rate) why.limit = rule.concurrency.value_or(0);
        emit_limit(job, "rate_limit.released", std::move(why), open_batch_, now);
        return true;
    }
    if (job.record.spec->limit->on_limit == limit_action::drop) {
        pop_line(lane);
        discard(job, "rate_limited", "There was no room under its rate limit when its turn came.",
                now);
        emit_limit(job, "rate_limit.dropped", std::move(why), open_batch_, now);
        return false;
    }
    // It changes nothing, and so waits for no batch but that of the job's latest change.
    if (!told)
        emit_limit(job, "rate_limit.exceeded", std::move(why), gate(job.record.spec->id), now);
    lane.told_held = job.record.seq;
    if (crowded) {
        block_lane(lane, job, now);
        return false;
    }
    close_lane(lane);
    pass_on_group(job);
    // The wall clock may be set meanwhile; then the timer comes too early, or somebody asks.
    if (rule.until) {
        const auto ends = now.steady + (*rule.until - now.wall);
        later = later ? std::min(*later, ends) : ends;
    }
    if (later) wake_limit(limit, *later);
    return false;
}

/// The worker of `job` was told by somebody not to come back before `until`.
void engine::hold_limit(const resident_job& job, timestamp until, instant now) {
    auto* limit = job.lane->limit;
    if (!limit) return;
    const auto wait = std::min<std::chrono::microseconds>(until - now.wall, limits::limit_hold_max);
    limit->held_until = std::max(limit->held_until, now.steady + wait);
    limit_event told;
    told.key = limit->key;
    told.strategy = "hold";
    told.current = limit->running;
    told.until = stamp({.wall = {}, .steady = limit->held_until});
    emit_limit(job, "rate_limit.dynamic_adjusted", std::move(told), open_batch_, now);
}

void engine::emit_limit(const resident_job& job, std::string_view type, limit_event event,
                        std::uint64_t batch, instant now) {
    auto logged = event_of(job, type, stamp(now));
    logged.batch = batch;
    logged.limit = std::make_shared<const limit_event>(std::move(event));
    tell(std::move(logged));
    publish_events();
}

void engine::close_lane(ready_lane& lane) {
    lane.queue->close(lane);
    queues_.update_turn(*lane.queue);
    lane.limit->closed.push_back(&lane);
}

void engine::reopen_lane(ready_lane& lane) {
    unblock(lane);
    std::erase(lane.limit->closed, &lane);
    lane.queue->reopen(lane);
    queues_.update_turn(*lane.queue);
    if (offers_.empty() || offers_.back() != lane.queue) offers_.push_back(lane.queue);
}

void engine::reopen_lanes(limit_state& limit) {
    // The latest offer is made first, so the lane that was closed longest comes last here.
    const auto lanes = std::exchange(limit.closed, {});
    for (auto it = lanes.rbegin(); it != lanes.rend(); ++it) reopen_lane(**it);
}

/// The job came from the state `from`: what its limit counts, and for whom there may be room now.
void engine::follow_limit(const resident_job& job, job_state from) {
    auto& lane = *job.lane;
    if (job.record.state == job_state::active) {
        ++lane.limit->running;
        enter_group(job);
    }
    if (from == job_state::active) {
        assert(lane.limit->running > 0);
        --lane.limit->running;
        give_room(*lane.limit);
        leave_group(job);
    }
    // The job that closed the lane waits no more; the next one may have a rule of its own.
    if (from == job_state::available && lane.closed && lane.begins_with(job.record))
        reopen_lane(lane);
    if (from == job_state::available && job.record.state != job_state::active) pass_on_group(job);
}

void engine::wake_limit(limit_state& limit, std::chrono::microseconds at) {
    if (limit.timer_at && *limit.timer_at <= at) return;
    if (limit.timer_at) steady_timers_.remove({*limit.timer_at, timer_kind::limit, limit.number});
    limit.timer_at = at;
    steady_timers_.add({at, timer_kind::limit, limit.number});
}

void engine::limit_timer(std::int64_t number) {
    auto* limit = limits_.find(number);
    if (!limit) return;
    limit->timer_at.reset();
    reopen_lanes(*limit);
    open_all_blocked(*limit);
}

/// An available job ends without having run, for a reason that is kept with it.
void engine::discard(resident_job& job, std::string_view code, std::string_view message,
                     instant now) {
    leave_window(job);
    job_failure why;
    why.type = why.code = code;
    why.message = message;
    add_failure(job, std::move(why), now);
    change_state(job, rules::job_event::expire);
    finish(job, stamp(now));
    emit(job, "job.discarded", stamp(now));
}

limit_info engine::info_of(const limit_state& limit, instant now) const {
    limit_info info;
    info.key = limit.key;
    info.rule = limit.rule;
    info.running = limit.running;
    for (const auto* lane : limit.lanes) info.waiting += lane->waiting;
    for (const auto& [place, lanes] : limit.blocked)
        for (const auto& each : lanes) info.waiting += each.head.lane->waiting;
    info.queues = limit.queues;
    info.more_queues = limit.more_queues;
    const auto as_told = [&](timestamp time) {
        return stamp({.wall = {}, .steady = time.time_since_epoch()});
    };
    if (limit.held_until > now.steady) info.held_until = as_told(timestamp{limit.held_until});
    if (holds(limit.given, now.wall)) info.given = limit.given;
    const auto rule = in_force(limit, limit.rule ? *limit.rule : limit_rule{}, now.wall);
    if (!rule.rate) return info;
    const auto& rate = *rule.rate;
    const auto at = steady_time(now);
    const auto used = rate_of(limit, rate);
    info.remaining = rules::remaining(rate, used, at);
    if (const auto asked = rules::take(rate, used, at); !asked.allowed)
        info.available_at = as_told(asked.at);
    if (used.next > at) info.rested_at = as_told(used.next);
    return info;
}

result<limit_info> engine::rate_limit(std::string_view key, instant now) const {
    const auto* limit = limits_.find(key);
    if (!limit) return error(errc::not_found);
    return info_of(*limit, now);
}

limit_page engine::rate_limits(const limit_query& query, instant now) const {
    limit_page page;
    for (const auto& [key, limit] : limits_) {
        const bool wanted = page.total >= query.offset && page.limits.size() < query.limit;
        if (!wanted && !query.visible) {
            ++page.total;
            continue;
        }
        auto info = info_of(*limit, now);
        if (query.visible && !query.visible(info)) continue;
        ++page.total;
        if (wanted) page.limits.push_back(std::move(info));
    }
    return page;
}

}  // namespace sluice
