#pragma once

#include "proto/error.hpp"
#include "server/queue/job_store.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice {

/// The latest Idempotency-Keys, so that a repeat is mostly answered without a read of the store.
class key_table {
public:
    /// What is known of a key: nothing, in_flight, key_reused, or the ids of the first answer. One
    /// that is not known here may still be in the store.
    struct state {
        std::optional<errc> problem;
        std::vector<uuid> replay;
        bool known() const { return problem || !replay.empty(); }
    };

    state find(const idempotency_key& key, timestamp now, std::uint64_t committed_batch) const;

    /// A key used by a push whose jobs are in `batch`, the open one.
    void add(key_record record, std::uint64_t batch);

    /// Keys of the open batch, for the journal.
    std::vector<key_record> take() { return std::exchange(open_, {}); }
    bool has_open() const { return !open_.empty(); }

    /// `batch` is durable and `next_load` the number of the next read of the store: lets go of the
    /// oldest keys beyond the bound, but of none that a load under way may have missed.
    /// `ended_before(n)`: all loads before n have ended.
    void committed(std::uint64_t batch, std::uint64_t next_load,
                   const std::function<bool(std::uint64_t)>& ended_before);

    void clear();

private:
    struct recent_key {
        key_record record;
        std::uint64_t batch = 0;
    };

    std::vector<key_record> open_;
    std::unordered_map<std::string, recent_key> recent_;
    std::deque<std::string> order_;
    /// Batches with keys that loads begun before their commit may not have seen: each with the
    /// number of the first load that began after it.
    std::deque<std::pair<std::uint64_t, std::uint64_t>> unseen_;
    std::uint64_t seen_ = 0;  ///< the latest batch whose keys every load has seen
};

}  // namespace sluice
