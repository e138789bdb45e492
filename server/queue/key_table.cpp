#include "server/queue/key_table.hpp"

namespace sluice {
namespace {

constexpr std::size_t kept_max = 16384;

}  // namespace

key_table::state key_table::find(const idempotency_key& key, timestamp now,
                                 std::uint64_t committed_batch) const {
    const auto it = recent_.find(key.key);
    if (it == recent_.end() || it->second.record.expires_at <= now) return {};
    if (it->second.record.key.body_hash != key.body_hash) return {errc::key_reused, {}};
    if (it->second.batch > committed_batch) return {errc::in_flight, {}};
    return {std::nullopt, it->second.record.job_ids};
}

void key_table::add(key_record record, std::uint64_t batch) {
    auto& recent = recent_[record.key.key];
    recent.batch = batch;
    recent.record = record;
    order_.push_back(record.key.key);
    open_.push_back(std::move(record));
}

void key_table::committed(std::uint64_t batch, std::uint64_t next_load,
                          const std::function<bool(std::uint64_t)>& ended_before) {
    unseen_.emplace_back(batch, next_load);
    while (!unseen_.empty() && ended_before(unseen_.front().second)) {
        seen_ = unseen_.front().first;
        unseen_.pop_front();
    }
    while (order_.size() > kept_max) {
        const auto it = recent_.find(order_.front());
        if (it != recent_.end() && it->second.batch > seen_) break;
        if (it != recent_.end()) recent_.erase(it);
        order_.pop_front();
    }
}

void key_table::clear() {
    open_.clear();
    recent_.clear();
    order_.clear();
    unseen_.clear();
}

}  // namespace sluice
