#pragma once

#include "proto/requests.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice {

/// Remote workers that hold jobs or have sent a heartbeat lately.
struct worker_entry {
    std::int64_t number = 0;                 ///< names it in timers
    std::chrono::microseconds last_beat{0};  ///< steady clock
    bool beats = false;                      ///< has sent a heartbeat; only such can fall silent
    worker_state state = worker_state::running;      ///< as it says of itself
    worker_state directive = worker_state::running;  ///< what somebody told it to be
    std::set<std::int64_t> held;                     ///< jobs it holds
};

class worker_table {
public:
    worker_entry& get(const std::string& id) {
        const auto [it, added] = workers_.try_emplace(id);
        if (added) {
            it->second.number = next_++;
            names_.emplace(it->second.number, id);
        }
        return it->second;
    }
    worker_entry* find(const std::string& id) {
        const auto it = workers_.find(id);
        return it == workers_.end() ? nullptr : &it->second;
    }
    const worker_entry* find(const std::string& id) const {
        const auto it = workers_.find(id);
        return it == workers_.end() ? nullptr : &it->second;
    }
    const std::string* name(std::int64_t number) const {
        const auto it = names_.find(number);
        return it == names_.end() ? nullptr : &it->second;
    }
    void hold(const std::string& id, std::int64_t seq) {
        if (!id.empty()) get(id).held.insert(seq);
    }
    /// A worker that holds nothing and does not beat is forgotten.
    void release(const std::string& id, std::int64_t seq) {
        const auto it = workers_.find(id);
        if (it == workers_.end()) return;
        it->second.held.erase(seq);
        if (it->second.held.empty() && !it->second.beats) forget(it->first);
    }
    void forget(const std::string& id) {
        const auto it = workers_.find(id);
        if (it == workers_.end()) return;
        names_.erase(it->second.number);
        workers_.erase(it);
    }
    void clear() {
        workers_.clear();
        names_.clear();
    }
    std::size_t size() const { return workers_.size(); }
    auto begin() const { return workers_.begin(); }
    auto end() const { return workers_.end(); }

private:
    std::unordered_map<std::string, worker_entry> workers_;
    std::unordered_map<std::int64_t, std::string> names_;
    std::int64_t next_ = 1;
};

}  // namespace sluice
