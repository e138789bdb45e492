#include "proto/limit_rule.hpp"
#include "tests/queue/simulation/world.hpp"

/// Rate limits: jobs of all kinds that share four keys, two of which share a group.
namespace sluice::test {

void world::add_limit(job_spec& spec) {
    limit_rule rule;
    rule.text = "{}";
    rule.key = any(std::vector<std::string>{"one", "two", "three", "four"});
    rule.concurrency = rule.key == "one" ? 1 : 2;
    if (rule.key == "three" || rule.key == "four") {
        rule.group = "all";
        rule.group_concurrency = rule.key == "three" ? 2 : 3;
    }
    if (rule.key == "two") rule.rate = rate_rule{.limit = 1, .period = 10ms, .burst = 3};
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
}

bool world::has_room(const job_spec& spec) const {
    if (!spec.limit) return true;
    const auto group = engine_->rate_limit(spec.limit->group, clock_.now);
    if (!spec.limit->group.empty() && group &&
        group->running >= static_cast<std::uint64_t>(spec.limit->group_concurrency))
        return false;
    const auto info = engine_->rate_limit(spec.limit->key, clock_.now);
    return info && !info->available_at &&
           info->running < static_cast<std::uint64_t>(*spec.limit->concurrency);
}

/// Never do more jobs of a key run than may, whatever lapsed or came back after a crash.
void world::look_at_limits() {
    std::map<std::string, std::int64_t> running, of_group;
    for (const auto& [seq, row] : disk_->image().live) {
        const auto& limit = row.record->spec->limit;
        if (!limit || row.record->state != job_state::active) continue;
        if (++running[limit->key] > *limit->concurrency)
            seen_.miscounts.push_back("C17 limit: too many jobs of the key " + limit->key + " run");
        if (!limit->group.empty() && ++of_group[limit->group] > 3)
            seen_.miscounts.push_back("C17 limit: too many jobs of a group run");
    }
}

}  // namespace sluice::test
