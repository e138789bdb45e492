#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace sluice {

/// Deliveries that have not ended, by the key of their limit, which is their subscription's.
///
/// Each may have as many as are left free (a dynamic threshold: Choudhury and Hahne, "Dynamic Queue
/// Length Thresholds for Shared-Memory Packet Switches", 1998): one endpoint that takes nothing
/// fills half of the backlog, and the others still find room.
class delivery_counts {
public:
    bool has_room(std::string_view key, std::uint64_t max) const {
        const auto own = by_key_.find(key);
        return total_ + (own == by_key_.end() ? 0 : own->second) < max;
    }
    void add(std::string_view key) {
        const auto own = by_key_.find(key);
        if (own == by_key_.end())
            by_key_.emplace(key, 1);
        else
            ++own->second;
        ++total_;
    }
    void remove(std::string_view key) {
        const auto own = by_key_.find(key);
        if (own == by_key_.end()) return;
        if (--own->second == 0) by_key_.erase(own);
        --total_;
    }
    void clear() {
        by_key_.clear();
        total_ = 0;
    }

private:
    std::map<std::string, std::uint64_t, std::less<>> by_key_;
    std::uint64_t total_ = 0;
};

}  // namespace sluice
