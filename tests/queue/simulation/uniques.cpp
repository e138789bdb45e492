#include "tests/queue/simulation/world.hpp"

#include <map>
#include <utility>

namespace sluice::test {
namespace {

constexpr std::uint8_t keys = 3;

}  // namespace

bool world::is_unique(const job_spec& spec) {
    return spec.unique != nullptr;
}

/// Jobs of one key may be in any queue and at any stage of life.
job_spec world::unique_job(std::uint8_t number, conflict_policy on_conflict) {
    auto spec = make_spec(one_in(2) ? "a" : "b");
    spec.type = one_in(2) ? "x" : "y";
    spec.args = R"(["unique )" + std::to_string(number) + "\"]";
    spec.retry.max_attempts = static_cast<std::uint32_t>(1 + below(2));
    spec.retry.initial_interval = up_to(50);
    if (one_in(4)) spec.scheduled_at = clock_.now.wall + up_to(100);
    if (one_in(8)) spec.pending = true;
    if (one_in(6)) spec.expires_at = clock_.now.wall + up_to(300);
    unique_rule rule;
    rule.text = "{}";
    rule.on_conflict = on_conflict;
    rule.key.fill(number);
    spec.unique = std::make_shared<const unique_rule>(std::move(rule));
    return spec;
}

void world::unique_step() {
    push_request request;
    const auto jobs = one_in(4) ? 2 + below(2) : 1;
    for (std::uint64_t i = 0; i < jobs; ++i)
        request.jobs.push_back(unique_job(
            static_cast<std::uint8_t>(below(keys)),
            any(std::vector{conflict_policy::reject, conflict_policy::ignore,
                            conflict_policy::replace, conflict_policy::replace_except_schedule})));
    push_unique(std::move(request), false);
}

void world::push_unique(push_request request, bool must_store) {
    auto lookups = unique_lookups(request.jobs);
    with_jobs(
        {},
        [this, request = std::move(request), must_store] {
            const auto stored = engine_->push(request, clock_.now);
            if (must_store && (!stored || !stored->deduplicated.empty()))
                seen_.miscounts.push_back(
                    "C15 unique: a key is still taken after the last of its "
                    "jobs has ended");
            if (!stored) return;
            for (const auto index : stored->deduplicated)
                if (stored->jobs[index].spec->unique->key != request.jobs[index].unique->key)
                    seen_.miscounts.push_back("C15 unique: deduplicated by another key");
        },
        std::move(lookups));
}

/// Never are two jobs of one key unfinished, whatever was replaced or came back after a crash.
void world::look_at_uniques() {
    std::map<unique_key, int> unfinished;
    for (const auto& [seq, row] : disk_->image().live)
        if (is_unique(*row.record->spec) && ++unfinished[row.record->spec->unique->key] > 1)
            seen_.miscounts.push_back("C15 unique: two jobs of one key are unfinished");
}

/// Nothing is left: each key is free again.
void world::end_uniques() {
    for (std::uint8_t number = 0; number < keys; ++number) {
        push_request request;
        request.jobs.push_back(unique_job(number, conflict_policy::reject));
        request.jobs.back().expires_at = clock_.now.wall + 1ms;
        push_unique(std::move(request), true);
        quiesce();
    }
    drain_of_work();
}

}  // namespace sluice::test
