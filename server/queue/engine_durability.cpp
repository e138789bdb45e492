#include "server/queue/engine.hpp"

#include <algorithm>

namespace sluice {

durability_class engine::durability_of(const job_spec& spec) const {
    return spec.durability.value_or(config_.durability);
}

/// All jobs of a push are in one commit: the strongest wish of any is that of all.
durability_class engine::asked_of(const std::vector<job_spec>& jobs) const {
    auto asked = durability_class::memory;
    for (const auto& spec : jobs) asked = std::max(asked, durability_of(spec));
    return asked;
}

durability_class engine::reached(std::uint64_t batch) const {
    const auto latest = batch != 0 ? batch : weak_batch_;
    if (latest <= synced_batch_) return durability_class::fsync;
    return latest <= committed_batch_ ? durability_class::written : durability_class::memory;
}

/// Somebody is told that this job is there, and takes it for durable. It may have been stored with
/// less: then it is written once more, with a sync.
void engine::strengthen(resident_job& job) {
    if (weak_batch_ > synced_batch_ && job.place == job_place::live) touch(job, true);
}

/// Of these, those whose id or unique key is taken.
void engine::strengthen_known(const std::vector<job_spec>& jobs) {
    if (weak_batch_ <= synced_batch_ || asked_of(jobs) != durability_class::fsync) return;
    for (const auto& spec : jobs) {
        if (auto* job = spec.client_id ? find(spec.id) : nullptr) strengthen(*job);
        if (!spec.unique) continue;
        for (std::size_t i = 0; i < job_state_count; ++i)
            unique_.each(spec.unique->key, static_cast<job_state>(i), [this](std::int64_t seq) {
                if (auto* job = jobs_.find(seq)) strengthen(*job);
                return true;
            });
    }
}

}  // namespace sluice
