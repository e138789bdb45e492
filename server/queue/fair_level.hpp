#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice {

struct ready_lane;

/// What decides whose turn it is among the jobs of one queue and priority: the virtual time of each
/// line (see rules/fairness.hpp), and where each fairness key is in it. The tags themselves are
/// the tickets of the jobs. "" is the key of the jobs that have none.
///
/// A key is kept while jobs of it wait, and afterwards until virtual time has passed the end of its
/// last one; from then on it is like any new one.
class fair_level {
public:
    /// Virtual time begins at `now`.
    explicit fair_level(std::int64_t now) : latest_(now) {}
    fair_level(const fair_level&) = delete;  // what rests refers to keys
    fair_level(fair_level&&) = default;
    fair_level& operator=(fair_level&&) = default;
    ~fair_level() = default;

    /// One that goes on from here and knows of no key.
    fair_level next() const { return fair_level(latest_); }

    /// The virtual time of a line. One that is empty begins where the furthest one is.
    std::int64_t time_of(const ready_lane& lane, bool empty) const;
    /// It is so late there, or later already.
    void set_time(const ready_lane& lane, std::int64_t now);
    /// The line is about to go.
    void forget(const ready_lane& lane) { times_.erase(&lane); }

    /// Where the last job of the key ends: before all times when nothing is known of it.
    std::int64_t finish_of(std::string_view key) const;
    /// For a job that is about to enter.
    void set_finish(std::string_view key, std::int64_t finish);

    /// A job of the key waits, or so many.
    void enter(std::string_view key, std::size_t jobs = 1);
    /// It waits no more. `step` is the virtual time it takes.
    void leave(std::string_view key, std::int64_t step);
    /// Jobs that wait.
    std::size_t waiting() const { return waiting_; }

    std::size_t keys() const { return keys_.size(); }
    /// Frees up to `max` keys of a level that has ended; false when none is left.
    bool free_some(std::size_t max);

private:
    struct key_state {
        std::int64_t finish = INT64_MIN;
        std::size_t waiting = 0;
        bool rests = false;  ///< has an entry in `resting_`
    };
    /// No hash table: nobody waits while a large one grows.
    using key_map = std::map<std::string, key_state, std::less<>>;
    struct rest {
        std::int64_t until;  ///< at least
        key_map::iterator key;
        bool operator<(const rest& other) const { return until > other.until; }
    };

    key_state& get(std::string_view key);
    void let_rest(key_map::iterator key);
    void forget_passed();

    std::int64_t latest_;  ///< the furthest of the lines
    std::unordered_map<const ready_lane*, std::int64_t> times_;
    key_map keys_;
    /// A heap of the keys without waiting jobs, by where their last one ends. Some may have jobs by
    /// now.
    std::deque<rest> resting_;
    std::size_t waiting_ = 0;
};

/// By priority.
using fair_levels = std::map<int, fair_level>;

}  // namespace sluice
