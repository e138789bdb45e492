#pragma once

#include "proto/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

namespace sluice::cli {

/// Since when the jobs of one queue wait, as far as can be known from outside.
///
/// Jobs whose way into the queue was seen are known one by one, up to a limit. Of the others, those
/// that were there before or came when their time had come, only a listing tells how many there
/// are; they have waited at least since the first listing that counted them. Time is the server's
/// for the former and ours, which never jumps, for the latter.
class waiting_line {
public:
    using clock = std::chrono::steady_clock;
    using nanoseconds = std::chrono::nanoseconds;

    /// No more jobs are known one by one; others are counted.
    static constexpr std::size_t known_max = 5000;

    struct age {
        nanoseconds time{0};
        bool at_least = false;  ///< it may be more
    };

    /// A job came, by our clock at `came` or a little before, and waits since `due`.
    void enter(const std::string& job, timestamp due, clock::time_point came);
    /// A job starts, or is no longer wanted.
    void leave(const std::string& job, bool started);
    /// So many are available now, those that are known among them.
    void count(std::uint64_t available, clock::time_point now);
    void clear();

    bool empty() const { return known_.empty() && others_.empty(); }

    /// How long the first has waited. `server_now` is the server's time at `now`, where known.
    std::optional<age> oldest(clock::time_point now, std::optional<timestamp> server_now) const;

private:
    /// Jobs that a listing counted first at one time.
    struct generation {
        std::uint64_t count = 0;
        clock::time_point since;
    };
    static constexpr std::size_t generations_max = 64;
    /// How exactly the two clocks can be compared.
    static constexpr std::chrono::milliseconds tolerance{100};

    void take_others(std::uint64_t count);

    std::unordered_map<std::string, timestamp> known_;
    std::multiset<timestamp> due_;   ///< of those known
    std::deque<generation> others_;  ///< oldest first; jobs are taken to start in their order
    std::uint64_t others_count_ = 0;
    clock::time_point counted_at_;
};

}  // namespace sluice::cli
