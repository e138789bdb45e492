#include "server/queue/engine.hpp"

#include "proto/type_pattern.hpp"

#include <algorithm>
#include <cassert>
#include <unordered_set>

namespace sluice {
namespace {

/// Milliseconds as the engine counts.
std::chrono::microseconds in_microseconds(std::chrono::milliseconds duration) {
    return duration;
}

bool is_any(const fetch_request& request) {
    return request.queues.size() == 1 && request.queues.front() == "*";
}

}  // namespace

/// Leases what `request` may have now. True when it has to wait for a load to know.
bool engine::take(const fetch_request& request, std::vector<given_lease>& leases, instant now) {
    if (is_any(request)) return take_from_any(request, leases, now);
    if (!request.pool.empty())
        if (const auto pool = pools_.find(request.pool); pool != pools_.end())
            return take_from_pool(request, pool->second, leases, now);
    for (const auto& name : request.queues) {
        auto* queue = queues_.find(name);
        if (!queue) continue;
        bool blocked = false;
        while (leases.size() < request.count && !queue->rests()) {
            auto* job = take_next(*queue, request, blocked, now);
            if (!job) break;
            leases.push_back(grant_job(*job, request, now));
        }
        // The order of queues is strict: a later one is not asked while an earlier one may have
        // jobs.
        if (blocked) return true;
        if (leases.size() == request.count) return false;
    }
    return false;
}

bool engine::take_from_any(const fetch_request& request, std::vector<given_lease>& leases,
                           instant now) {
    bool blocked = false;
    std::unordered_set<const queue_state*> passed;
    while (leases.size() < request.count) {
        queue_state* queue = nullptr;
        for (const auto& [turn, candidate] : queues_.turns()) {
            if (passed.contains(candidate) || candidate->rests()) continue;
            queue = candidate;
            break;
        }
        if (!queue) break;
        bool queue_blocked = false;
        auto* job = take_next(*queue, request, queue_blocked, now);
        if (!job) {
            blocked = blocked || queue_blocked;
            passed.insert(queue);
            continue;
        }
        leases.push_back(grant_job(*job, request, now));
        queues_.end_turn(*queue);
    }
    return blocked;
}

/// The one that was named longest ago makes way.
void engine::note_type(queue_state& queue, const std::string& type, instant now) {
    constexpr std::size_t types_max = 16;
    auto& known = queue.asked_types;
    auto at =
        std::ranges::find(known, type, &std::pair<std::string, std::chrono::microseconds>::first);
    if (at == known.end() && known.size() == types_max) {
        at = std::ranges::min_element(known, {},
                                      &std::pair<std::string, std::chrono::microseconds>::second);
        at->first = type;
    }
    if (at == known.end()) at = known.emplace(at, type, now.steady);
    at->second = now.steady;
}

/// For those who ask why nobody takes a job.
void engine::note_asked(const fetch_request& request, instant now) {
    if (is_any(request)) {
        handlers_asked_at_ = now.steady;
        return;
    }
    for (const auto& name : request.queues) {
        auto* queue = queues_.find(name);
        if (!queue) continue;
        if (request.handled_only)
            queue->handlers_asked_at = now.steady;
        else if (request.types.empty())
            queue->asked_at = now.steady;
        else
            for (const auto& type : request.types) note_type(*queue, type, now);
    }
}

bool engine::wants_jobs(const std::string& worker_id) const {
    const auto* worker = workers_.find(worker_id);
    return !worker || std::max(worker->state, worker->directive) == worker_state::running;
}

fetch_outcome engine::fetch(const fetch_request& request, instant now) {
    fetch_outcome outcome;
    if (request.count == 0) return outcome;
    end_wait_of(request);
    tell_again(request, outcome.leases, now);
    if (!outcome.leases.empty()) outcome.gate = open_batch_;
    if (draining_ || !outcome.leases.empty()) return outcome;
    if (!wants_jobs(request.worker_id)) {
        // An answer at once would be asked for again at once.
        if (request.wait.count() > 0)
            outcome.parked = park(request, now.steady + in_microseconds(request.wait), true);
        return outcome;
    }
    note_asked(request, now);
    const bool blocked = take(request, outcome.leases, now);
    if (!outcome.leases.empty()) {
        outcome.gate = gate_of(outcome.leases);
    } else if (request.wait.count() > 0) {
        outcome.parked = park(request, now.steady + in_microseconds(request.wait));
    } else if (blocked) {
        outcome.parked = park(request, std::nullopt);
    }
    if (outcome.parked && blocked) load_waiters_.push_back(*outcome.parked);
    if (turns_.any()) dispatch(now);  // a job that was due had expired
    return outcome;
}

std::uint64_t engine::park(const fetch_request& request,
                           std::optional<std::chrono::microseconds> deadline, bool quiet) {
    const auto id = next_taker_++;
    taker waiting{id, request, deadline, quiet};
    if (request.handled_only && !quiet) handler_takers_.insert(id);
    if (quiet) {
        // It is offered nothing.
    } else if (is_any(request)) {
        any_queue_takers_.insert(id);
    } else {
        for (const auto& name : request.queues) {
            auto& queue = queues_.get(name);
            if (request.handled_only) {
                queue.handled_takers.insert(id);
                continue;
            }
            if (request.types.empty()) queue.takers.insert(id);
            for (const auto& type : request.types)
                (pattern_prefix(type) ? queue.pattern_takers[type] : lane_of(queue, type).takers)
                    .insert(id);
        }
    }
    if (deadline) steady_timers_.add({*deadline, timer_kind::taker, static_cast<std::int64_t>(id)});
    if (!request.fetch_id.empty()) named_takers_[{request.worker_id, request.fetch_id}] = id;
    takers_.emplace(id, std::move(waiting));
    return id;
}

void engine::unpark(std::uint64_t id) {
    const auto it = takers_.find(id);
    if (it == takers_.end()) return;
    const auto& request = it->second.request;
    any_queue_takers_.erase(id);
    handler_takers_.erase(id);
    for (const auto& name : request.queues) {
        auto* queue = queues_.find(name);
        if (!queue) continue;
        queue->takers.erase(id);
        queue->handled_takers.erase(id);
        for (const auto& type : request.types) {
            if (const auto of = queue->pattern_takers.find(type);
                of != queue->pattern_takers.end()) {
                of->second.erase(id);
                if (of->second.empty()) queue->pattern_takers.erase(of);
                unused_queues_.insert(name);
                continue;
            }
            const auto lane = queue->lanes.find(type);
            if (lane == queue->lanes.end()) continue;
            lane->second->takers.erase(id);
            if (lane->second->takers.empty()) unused_lanes_.insert({name, type});
        }
        if (request.types.empty() && queue->takers.empty()) unused_queues_.insert(name);
    }
    if (it->second.deadline)
        steady_timers_.remove(
            {*it->second.deadline, timer_kind::taker, static_cast<std::int64_t>(id)});
    if (!request.fetch_id.empty()) {
        const auto named = named_takers_.find({request.worker_id, request.fetch_id});
        if (named != named_takers_.end() && named->second == id) named_takers_.erase(named);
    }
    takers_.erase(it);
}

bool engine::abandon(std::uint64_t waiting) {
    if (!takers_.contains(waiting)) return false;
    unpark(waiting);
    forget_unused();
    return true;
}

/// The worker has changed its mind about wanting jobs: whoever waits in its name asks anew.
void engine::end_waits_of(const std::string& worker_id) {
    std::vector<std::uint64_t> ended;
    for (const auto& [id, waiting] : takers_)
        if (waiting.request.worker_id == worker_id) ended.push_back(id);
    for (const auto id : ended) {
        grants_.push_back({id, {}, 0});
        unpark(id);
    }
    forget_unused();
}

/// Whoever asks again under the same name no longer hears the answer to the first time: a job given
/// to that would go nowhere.
void engine::end_wait_of(const fetch_request& repeated) {
    if (repeated.fetch_id.empty()) return;
    const auto earlier = named_takers_.find({repeated.worker_id, repeated.fetch_id});
    if (earlier == named_takers_.end()) return;
    const auto id = earlier->second;
    grants_.push_back({id, {}, 0});
    unpark(id);
    forget_unused();
}

/// The taker that has waited longest among those who may take what is ready in this queue.
std::optional<std::uint64_t> engine::first_taker(const queue_state& queue) const {
    std::optional<std::uint64_t> first;
    const auto consider = [&](const taker_list& takers) {
        if (!takers.empty() && (!first || *takers.begin() < *first)) first = *takers.begin();
    };
    consider(queue.takers);
    for (const auto& head : queue.heads) {
        consider(head.lane->plain->takers);
        if (queue.pattern_takers.empty()) continue;
        visit_patterns(*head.lane->type, [&](std::string_view pattern) {
            const auto of = queue.pattern_takers.find(pattern);
            if (of != queue.pattern_takers.end()) consider(of->second);
            return false;
        });
    }
    if (queue.best_handled()) consider(queue.handled_takers);
    if (queue.turn == 0) return first;
    for (const auto id : any_queue_takers_) {
        if (first && *first < id) break;
        if (!best_lane(queue, takers_.at(id).request)) continue;
        return id;
    }
    return first;
}

/// Pairs the jobs that became available in this command with those who wait for them.
void engine::dispatch(instant now) {
    if (handler_freed_) offer_to_handlers(now);
    while (!offers_.empty() || turns_.any()) {
        if (turns_.any()) start_turns(now);
        if (offers_.empty()) continue;
        auto* queue = offers_.back();
        offers_.pop_back();
        offer(*queue, now);
    }
}

void engine::offer(queue_state& queue, instant now) {
    if (draining_) return;
    while (!queue.heads.empty() && !queue.rests()) {
        const auto id = first_taker(queue);
        if (!id) return;
        std::vector<given_lease> leases;
        const bool blocked = take(takers_.at(*id).request, leases, now);
        if (leases.empty() && blocked) {
            blocked_offers_.push_back(&queue);
            return;
        }
        if (leases.empty()) continue;  // what was ready had gone stale; it is out of the line now
        const auto gate = gate_of(leases);
        grants_.push_back({*id, std::move(leases), gate});
        unpark(*id);
    }
}

/// A handler is below its limit again: in-server takers may have what was held back, in whatever
/// queue it waits.
void engine::offer_to_handlers(instant now) {
    handler_freed_ = false;
    if (draining_) return;
    const auto waiting = handler_takers_;
    for (const auto id : waiting) {
        std::vector<given_lease> leases;
        take(takers_.at(id).request, leases, now);
        if (leases.empty()) continue;  // when a load is wanted first, its end offers the queue
        const auto gate = gate_of(leases);
        grants_.push_back({id, std::move(leases), gate});
        unpark(id);
    }
}

std::vector<job_record> engine::hand_over(const std::vector<given_lease>& leases, instant now) {
    for (const auto& given : leases) {
        auto* job = jobs_.find(given.seq);
        if (!job || job->record.lease != given.lease || job->record.state != job_state::active) {
            leave_handler(given.lease);  // no handler will ever return from it
            continue;
        }
        job->record.started_at = stamp(now);
        if (!job->record.attempts.empty()) job->record.attempts.back().started_at = stamp(now);
        if (job->untold) record_start(*job, now);
    }
    auto jobs = granted(leases);
    if (handler_freed_) dispatch(now);
    return jobs;
}

std::vector<job_record> engine::granted(const std::vector<given_lease>& leases) const {
    std::vector<job_record> records;
    records.reserve(leases.size());
    for (const auto& given : leases) {
        const auto* job = jobs_.find(given.seq);
        if (job && job->record.state == job_state::active && job->record.lease == given.lease)
            records.push_back(job->record);
    }
    return records;
}

}  // namespace sluice
