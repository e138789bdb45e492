#pragma once

#include "proto/cron.hpp"
#include "server/queue/job_store.hpp"
#include "server/rules/cron.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice {

/// A registration in memory.
struct cron_entry {
    std::int64_t number = 0;  ///< names it to timers
    cron_record record;
    rules::cron_schedule schedule;
    std::shared_ptr<const std::string> queue, type;  ///< of the jobs it makes
    std::optional<timestamp> armed_for;              ///< its timer
};

/// What a registration does now that its time has come.
struct cron_plan {
    std::vector<timestamp> runs;     ///< times to make a job for, rising
    std::vector<timestamp> missing;  ///< times passed by that the clock skipped
    std::optional<timestamp> next;
};

/// `due` is the time that was waited for, not after `now`.
cron_plan plan_cron(const rules::cron_schedule& schedule, catch_up_policy catch_up, timestamp due,
                    timestamp now);

/// The registrations, by name, by number and by the jobs they made. References stay valid until the
/// entry is erased.
class cron_table {
public:
    cron_entry* find(std::string_view name);
    const cron_entry* find(std::string_view name) const;
    cron_entry* find(std::int64_t number);
    /// A new one, or the old one under the name with `record` and `schedule` in place of its own.
    cron_entry& put(cron_record record, rules::cron_schedule schedule);
    /// Also for the journal.
    void erase(cron_entry& entry);

    void add_unfinished(cron_entry& entry, std::int64_t seq);
    /// A job has ended: the registration that waits for its end, if any does.
    cron_entry* end_unfinished(std::int64_t seq);
    /// Whether a pending job may start: those made before it have ended.
    bool is_first(std::int64_t seq) const;
    /// Whose end the registration waits for; null: none does.
    const cron_entry* of_job(std::int64_t seq) const {
        const auto known = by_job_.find(seq);
        return known == by_job_.end() ? nullptr : known->second;
    }

    /// The entry is in the open batch.
    void touch(const cron_entry& entry) { changed_.insert(entry.record.definition.name); }
    bool has_changes() const { return !changed_.empty(); }
    /// What changed, for the journal.
    std::vector<cron_write> take_changes();

    auto begin() const { return by_name_.begin(); }
    auto end() const { return by_name_.end(); }
    std::size_t size() const { return by_name_.size(); }
    void clear();

private:
    std::map<std::string, std::unique_ptr<cron_entry>, std::less<>> by_name_;
    std::unordered_map<std::int64_t, cron_entry*> by_number_;
    std::unordered_map<std::int64_t, cron_entry*> by_job_;  ///< by seq, of `unfinished`
    std::set<std::string> changed_;
    std::int64_t next_number_ = 1;
};

}  // namespace sluice
