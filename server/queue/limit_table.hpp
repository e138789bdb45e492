#pragma once

#include "proto/limit_rule.hpp"
#include "proto/queue_config.hpp"
#include "server/queue/queue_table.hpp"
#include "server/rules/rate_limit.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/// A lane whose first job waits for room in its group. Those that are allowed most come first:
/// where they have no room nobody has. Among equals the first job goes first.
struct blocked_lane {
    std::int64_t allowed;  ///< by its own rule
    lane_head head;
    bool operator<(const blocked_lane& other) const {
        return allowed != other.allowed ? allowed > other.allowed : head < other.head;
    }
};

/// A queue and a type.
using lane_place = std::pair<std::string_view, std::string_view>;

/// What is counted under one key of rate limits. Its times are of the steady clock.
struct limit_state {
    std::string key;
    std::int64_t number = 0;  ///< names it to its timer
    /// Of all starts under the key, for each rate that jobs came with or an operator gave.
    std::vector<std::pair<rate_rule, rules::rate_state>> rates;
    std::size_t running = 0;                  ///< active jobs
    std::chrono::microseconds held_until{0};  ///< nothing starts before
    std::set<ready_lane*> lanes;              ///< all that are kept
    std::vector<ready_lane*> closed;          ///< of these, the one closed longest first
    /// Lanes of other keys that wait for room under this one, by queue and type.
    std::map<lane_place, std::set<blocked_lane>> blocked;
    std::optional<limit_override> given;  ///< by an operator
    std::optional<std::chrono::microseconds> timer_at;
    /// Of the job `rule_seq`, the latest one seen; without its text.
    std::shared_ptr<const limit_rule> rule;
    std::int64_t rule_seq = 0;
    std::vector<std::shared_ptr<const std::string>> queues;  ///< that have had jobs under the key
    bool more_queues = false;                                ///< than are named there
    std::optional<std::chrono::microseconds> idle;  ///< its place among those without lanes
};

/// What is kept of `rate`; a new one has had its rest. Of too many the one that rests first goes.
rules::rate_state& rate_of(limit_state& state, const rate_rule& rate);
/// The same without keeping it.
rules::rate_state rate_of(const limit_state& state, const rate_rule& rate);

/// The keys under which jobs run, wait or are in memory, and the latest ones under which they did.
///
/// A key whose rate has not had its rest is kept longer than others: forgotten, it would allow a
/// burst too early.
class limit_table {
public:
    /// Queues that are named for one key.
    static constexpr std::size_t queues_max = 16;
    /// Keys that are kept only for their rest. Beyond it those go that would have had it soonest.
    static constexpr std::size_t resting_max = 262'144;

    limit_state& get(std::string_view key);
    limit_state* find(std::string_view key);
    const limit_state* find(std::string_view key) const;
    limit_state* find(std::int64_t number);

    /// A lane of the key has come, or is about to go. Without any the key is idle and has no timer.
    static void add_lane(limit_state& state, ready_lane& lane);
    /// A queue that has jobs under it.
    static void name_queue(limit_state& state, const std::shared_ptr<const std::string>& name);
    void remove_lane(limit_state& state, ready_lane& lane);
    /// One that has neither lanes nor an override, and nothing that runs or waits as a group, is
    /// idle from now on.
    void settle(limit_state& state);
    /// Forgets what may go; call after lanes have gone.
    void forget_idle(std::size_t idle_max, std::chrono::microseconds now);

    /// In the order of keys.
    auto begin() const { return states_.begin(); }
    auto end() const { return states_.end(); }
    std::size_t size() const { return states_.size(); }
    void clear();

private:
    std::map<std::string, std::unique_ptr<limit_state>, std::less<>> states_;
    std::map<std::int64_t, limit_state*> by_number_;
    /// Those without lanes, by when they have had their rest.
    std::set<std::pair<std::chrono::microseconds, std::int64_t>> idle_;
    std::int64_t next_number_ = 1;
};

}  // namespace sluice
