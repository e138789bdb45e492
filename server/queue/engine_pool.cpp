#include "server/queue/engine.hpp"

#include <algorithm>

/// Queues that share workers by a rule.
namespace sluice {
namespace {

error no_such_pool() {
    return {errc::not_found, "There is no pool of that name."};
}

}  // namespace

result<pool_change> engine::set_pool(std::string_view name, fair_pool pool) {
    const bool created = !pools_.contains(name);
    if (created && pools_.size() >= limits::pools_max)
        return error(errc::validation_failed, "There are " + std::to_string(pools_.size()) +
                                                  " pools already; no more are taken.");
    set(setting_kind::pool, name, encode_fair_pool(pool));
    end_waits_in(name);
    pools_.insert_or_assign(std::string(name), pool_state(pool));
    return pool_change{std::move(pool), created};
}

result<fair_pool> engine::remove_pool(std::string_view name) {
    const auto known = pools_.find(name);
    if (known == pools_.end()) return no_such_pool();
    auto gone = known->second.config();
    end_waits_in(name);
    set(setting_kind::pool, name, {});
    pools_.erase(known);
    return gone;
}

result<fair_pool> engine::pool(std::string_view name) const {
    const auto known = pools_.find(name);
    if (known == pools_.end()) return no_such_pool();
    return known->second.config();
}

std::vector<std::pair<std::string, fair_pool>> engine::pools() const {
    std::vector<std::pair<std::string, fair_pool>> all;
    for (const auto& [name, pool] : pools_) all.emplace_back(name, pool.config());
    return all;
}

/// Whoever waits in this pool asks anew, by the rule that holds then.
void engine::end_waits_in(std::string_view pool) {
    std::vector<std::uint64_t> ended;
    for (const auto& [id, waiting] : takers_)
        if (waiting.request.pool == pool) ended.push_back(id);
    for (const auto id : ended) {
        grants_.push_back({id, {}, 0});
        unpark(id);
    }
    forget_unused();
}

/// As `take`, from the queue whose turn it is.
bool engine::take_from_pool(const fetch_request& request, pool_state& pool,
                            std::vector<given_lease>& leases, instant now) {
    std::vector<pool_state::turn> turns;
    for (const auto& name : request.queues)
        if (auto* queue = queues_.find(name); queue && best_lane(*queue, request))
            turns.push_back(pool.turn_of(*queue));
    while (leases.size() < request.count && !turns.empty()) {
        auto next = turns.begin();
        for (auto it = next + 1; it != turns.end(); ++it)
            if (pool.before(*it, *next)) next = it;
        bool blocked = false;
        auto* job = next->queue->rests() ? nullptr : take_next(*next->queue, request, blocked, now);
        // Its turn is not somebody else's while its jobs are being read.
        if (blocked) return true;
        if (!job) {
            turns.erase(next);
            continue;
        }
        leases.push_back(grant_job(*job, request, now));
        pool.served(*next);
    }
    return false;
}

std::vector<queue_starts> engine::starts(instant now) const {
    std::vector<queue_starts> all;
    for (const auto& [name, queue] : queues_) {
        if (!queue->known) continue;
        const auto recent = queue->starts.last_minute(now.steady);
        queue_starts each;
        each.name = *queue->name;
        each.starts = recent.starts;
        each.waited = recent.waited;
        each.active = queue->jobs[static_cast<std::size_t>(job_state::active)];
        each.available = queue->jobs[static_cast<std::size_t>(job_state::available)];
        all.push_back(std::move(each));
    }
    return all;
}

}  // namespace sluice
