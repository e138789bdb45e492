#pragma once

#include "proto/unique.hpp"

#include <cstdint>
#include <limits>
#include <set>
#include <tuple>

namespace sluice {

/// The resident jobs that have a unique key, by key and state, newest first.
class unique_table {
public:
    void add(const job_record& job) {
        if (job.spec->unique) entries_.insert(entry_of(job, job.state));
    }
    void remove(const job_record& job) {
        if (job.spec->unique) entries_.erase(entry_of(job, job.state));
    }
    /// `job` has left the state `from`.
    void move(const job_record& job, job_state from) {
        if (!job.spec->unique) return;
        entries_.erase(entry_of(job, from));
        entries_.insert(entry_of(job, job.state));
    }
    /// Calls `visit(seq)` for each of that key and state, newest first, while it returns true.
    template <class Visit>
    void each(const unique_key& key, job_state state, Visit visit) const {
        for (auto it = entries_.lower_bound({key, state, std::numeric_limits<std::int64_t>::min()});
             it != entries_.end() && std::get<0>(*it) == key && std::get<1>(*it) == state; ++it)
            if (!visit(-std::get<2>(*it))) return;
    }
    void clear() { entries_.clear(); }

private:
    using entry = std::tuple<unique_key, job_state, std::int64_t>;  ///< the last: less than nought

    static entry entry_of(const job_record& job, job_state state) {
        return {job.spec->unique->key, state, -job.seq};
    }

    std::set<entry> entries_;
};

}  // namespace sluice
