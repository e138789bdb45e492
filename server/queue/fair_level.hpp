#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What decides whose turn it is among the jobs of one line and priority: virtual time (see
/// rules/fairness.hpp), and where each fairness key is in it. The tags themselves are the tickets
/// of the jobs. "" is the key of the jobs that have none.
///
/// It lasts as long as jobs wait there. A key is kept while jobs of it wait, and afterwards until
/// virtual time has passed the end of the last one that was started; from then on it is like any
/// new one.
class fair_level {
public:
    /// Keys without waiting jobs that are kept. Beyond it those go whose end comes first.
    static constexpr std::size_t resting_max = 10'000;

    /// `number` names it and is not 0. Virtual time begins at `now`, which is `time` among lines.
    fair_level(std::uint64_t number, std::int64_t now, std::int64_t time)
        : number_(number), now_(now), shift_(time - now) {}
    fair_level(const fair_level&) = delete;  // what rests refers to keys
    fair_level(fair_level&&) = default;
    fair_level& operator=(fair_level&&) = default;
    ~fair_level() = default;

    /// Virtual time begins there after all; what has an earlier ticket has been started before.
    void begin(std::int64_t now, std::int64_t time);
    /// It has begun with those that had come in order of arrival: their tickets, and those of jobs
    /// that were started before, count here too.
    void follow_plain() { follows_plain_ = true; }
    /// Those that came in order of arrival have tickets from this one to that. While they are
    /// started it is the time a job before the first of them, so that there is room for new keys.
    void keep_room_before(std::int64_t first, std::int64_t last) {
        plain_first_ = first;
        plain_last_ = last;
    }
    bool has_plain() const { return plain_last_ >= plain_first_; }
    /// How many jobs wait is not known: it does not say when none is left.
    void lose_count() { counts_ = false; }

    /// Whether a ticket counts here that was given by the level of this number; 0: by none, in
    /// order of arrival.
    bool knows(std::uint64_t number) const {
        return number == number_ || (number == 0 && follows_plain_);
    }
    std::uint64_t number() const { return number_; }

    std::int64_t now() const { return now_; }
    /// It is so late, or later already.
    void set_time(std::int64_t now);
    /// The job of this ticket is started. False: not for the first time.
    bool start(std::int64_t ticket);
    /// What is added to a ticket where lines are compared.
    std::int64_t shift() const { return shift_; }
    /// It was that far behind the other lines.
    void catch_up(std::int64_t by) { shift_ += by; }

    /// Where the last job of the key ends: before all times when nothing is known of it.
    std::int64_t finish_of(std::string_view key) const;
    /// For a job that is about to enter.
    void set_finish(std::string_view key, std::int64_t finish);

    /// A job of the key waits, or so many.
    void enter(std::string_view key, std::size_t jobs = 1);
    /// It waits no more. `end`: where it ends, when it has been started. Those that went otherwise
    /// are not held against their key once none of it waits.
    void leave(std::string_view key, std::optional<std::int64_t> end);
    /// Whether it is known that no job waits.
    bool over() const { return waiting_ == 0 && counts_; }

    std::size_t keys() const { return keys_.size(); }
    /// Frees up to `max` keys of a level that has ended; how many.
    std::size_t free_some(std::size_t max);

private:
    struct key_state {
        std::int64_t finish = INT64_MIN;
        std::int64_t started = INT64_MIN;  ///< where the last one ends that was started
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
    void forget_some();

    std::uint64_t number_;
    std::int64_t now_;
    std::int64_t shift_;
    std::int64_t started_ = INT64_MIN;  ///< the highest ticket of those that were started
    bool follows_plain_ = false;
    std::int64_t plain_first_ = 0;
    std::int64_t plain_last_ = -1;  ///< before the first: there are none
    bool counts_ = true;
    key_map keys_;
    /// A heap of the keys without waiting jobs, by where their last one ends. Some may have jobs by
    /// now.
    std::vector<rest> resting_;
    std::size_t waiting_ = 0;
};

/// Those of one line, by priority.
using fair_levels = std::map<int, fair_level>;

}  // namespace sluice
