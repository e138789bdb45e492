#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace sluice {

/// One job's place in line.
struct ready_entry {
    int priority = 0;
    std::int64_t ticket = 0;
    std::int64_t seq = 0;
    friend bool operator==(const ready_entry&, const ready_entry&) = default;
};

/// The available jobs of one queue and type: higher priority first, then by ticket.
///
/// Jobs that arrive one after the other have sequence numbers that rise by one and tickets that
/// rise in equal steps, and are kept as runs, so a backlog of any length costs a few bytes; jobs
/// that come in before others, such as those that come back under their old ticket, are kept one by
/// one. An entry may be stale (its job was cancelled): whoever takes it looks at the job.
class ready_line {
public:
    /// No other waiting job of this priority may have that ticket. False when the line grows no
    /// longer: the job left and came back before its old place was passed, and takes that again, or
    /// it takes that of a stale entry.
    bool add(const ready_entry& entry);

    /// While restoring, entries come in order of `seq`, not of `ticket`. False: another one has
    /// that place, and this one is not in line.
    bool restore(const ready_entry& entry);

    std::optional<ready_entry> front() const;
    /// The one that has the lowest ticket, whatever its priority.
    std::optional<ready_entry> oldest() const;
    /// Takes away what is, among those of its priority, the first.
    void pop(int priority);
    /// Takes away any entry; false: it is not there. Costs little near the front.
    bool remove(const ready_entry& entry);
    /// Takes away all of one priority.
    ready_line split_off(int priority);
    /// Frees up to `max` runs and entries that stand alone; how many.
    std::size_t free_some(std::size_t max);

    /// The first `max` entries, in order.
    std::vector<ready_entry> peek(std::size_t max) const;
    /// Of each priority the first `max` that have a lower seq than `before`. No more than `looks`
    /// others are passed over for it.
    std::vector<ready_entry> peek_before(std::int64_t before, std::size_t max,
                                         std::size_t looks) const;

    /// How many entries come before this place, stale ones included. Each run and each entry that
    /// stands alone takes one off `looks`; at 0 the rest is not counted.
    std::size_t ahead_of(int priority, std::int64_t ticket, std::size_t& looks) const;

    /// The entries of one priority, stale ones included.
    struct extent {
        std::int64_t first = 0;  ///< lowest ticket
        std::int64_t last = 0;   ///< highest
        std::size_t count = 0;
    };
    /// Nothing: there are none.
    std::optional<extent> extent_of(int priority) const;
    /// The job that has this ticket, if one has it.
    std::optional<std::int64_t> holder(int priority, std::int64_t ticket) const;
    /// The lowest ticket from this one on that nobody has.
    std::int64_t next_free(int priority, std::int64_t ticket) const;

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

private:
    struct run {
        std::int64_t ticket = 0;
        std::int64_t seq = 0;
        std::int64_t count = 0;
        std::int64_t step = 1;  ///< between tickets; that of a single one means nothing

        std::int64_t last() const { return ticket + (count - 1) * step; }
        /// How many of it have a lower ticket than this one.
        std::int64_t before(std::int64_t other) const;
    };
    struct level {
        std::deque<run> runs;                         ///< rising tickets
        std::map<std::int64_t, std::int64_t> strays;  ///< ticket to seq
        std::size_t size = 0;

        bool stray_first() const;
        ready_entry front(int priority) const;
        bool in_order(std::int64_t ticket) const;
        void append(std::int64_t ticket, std::int64_t seq);
        void scatter_last_run();
        const run* run_with(std::int64_t ticket) const;
        std::optional<std::int64_t> holder(std::int64_t ticket) const;
        bool remove(std::int64_t ticket, std::int64_t seq);
        /// Calls `visit` with each ticket and seq, in order, while it says to go on.
        template <class Visit>
        void walk(Visit visit) const;
    };

    std::map<int, level, std::greater<>> levels_;
    std::size_t size_ = 0;
};

}  // namespace sluice
