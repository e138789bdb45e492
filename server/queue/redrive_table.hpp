#pragma once

#include "proto/redrive.hpp"
#include "server/rules/redrive.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sluice {

struct redrive_entry {
    redrive_record record;
    std::int64_t number = 0;                            ///< names it to its timers
    std::uint64_t batch = 0;                            ///< of its latest change; 0: committed
    rules::send_pace pace;                              ///< not kept over a restart
    std::optional<std::chrono::microseconds> timer_at;  ///< steady clock
    bool reading = false;                               ///< a read for it is under way
    std::optional<std::chrono::microseconds> read_at;   ///< when the latest one was asked for
    std::size_t read_jobs = 0;                          ///< of the next read, at least
    redrive_wait queue_wait = redrive_wait::nothing;    ///< for what the queue below is waited for
    std::string queue;                                  ///< empty: for none
};

/// The redrives by id, which is the order they began in, and who waits for which canary.
class redrive_table {
public:
    redrive_entry& add(redrive_record record) {
        auto id = record.id;
        for (const auto& canary : record.canaries)
            if (!is_over(record.state) && !canary.completed) canaries_[canary.seq] = id;
        active_ += is_over(record.state) ? 0 : 1;
        auto& entry = all_[std::move(id)];
        entry.record = std::move(record);
        entry.number = next_number_++;
        numbers_[entry.number] = &entry;
        return entry;
    }
    redrive_entry* find(std::string_view id) {
        const auto it = all_.find(id);
        return it == all_.end() ? nullptr : &it->second;
    }
    const redrive_entry* find(std::string_view id) const {
        const auto it = all_.find(id);
        return it == all_.end() ? nullptr : &it->second;
    }
    redrive_entry* of_number(std::int64_t number) {
        const auto it = numbers_.find(number);
        return it == numbers_.end() ? nullptr : it->second;
    }
    /// The one that waits for the end of this job; null: none does.
    redrive_entry* of_canary(std::int64_t seq) {
        const auto it = canaries_.find(seq);
        return it == canaries_.end() ? nullptr : find(it->second);
    }
    bool has_canaries() const { return !canaries_.empty(); }
    void wait_for(std::int64_t seq, const redrive_entry& entry) {
        canaries_[seq] = entry.record.id;
    }
    void wait_no_more(std::int64_t seq) { canaries_.erase(seq); }
    /// It is over.
    void end(redrive_entry& entry) {
        --active_;
        for (const auto& canary : entry.record.canaries) canaries_.erase(canary.seq);
    }
    void forget(const std::string& id) {
        numbers_.erase(all_.at(id).number);
        all_.erase(id);
    }
    std::size_t active() const { return active_; }
    std::map<std::string, redrive_entry, std::less<>>& all() { return all_; }
    const std::map<std::string, redrive_entry, std::less<>>& all() const { return all_; }
    void clear() {
        all_.clear();
        numbers_.clear();
        canaries_.clear();
        active_ = 0;
    }

private:
    std::map<std::string, redrive_entry, std::less<>> all_;
    std::unordered_map<std::int64_t, redrive_entry*> numbers_;
    std::unordered_map<std::int64_t, std::string> canaries_;  ///< by their seq, those not ended
    std::int64_t next_number_ = 1;
    std::size_t active_ = 0;
};

}  // namespace sluice
