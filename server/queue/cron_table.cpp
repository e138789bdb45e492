#include "server/queue/cron_table.hpp"

#include "proto/codec.hpp"
#include "proto/limits.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

/// How late a time still counts as met when nothing is to be caught up.
constexpr std::chrono::minutes late_max{1};

/// Steps of a schedule looked at one by one: after an outage that saw more, the rest goes unseen.
constexpr int steps_max = 10'000;

}  // namespace

cron_plan plan_cron(const rules::cron_schedule& schedule, catch_up_policy catch_up, timestamp due,
                    timestamp now) {
    cron_plan plan;
    const bool in_time = now - due <= late_max;
    if (catch_up != catch_up_policy::none || in_time) plan.runs.push_back(due);
    auto step = schedule.next(due);
    for (int i = 0; step && i < steps_max; ++i) {
        const bool later = step->at > now;
        if (step->missing) plan.missing.push_back(step->at);
        if (step->runs && later) break;
        if (step->runs && catch_up == catch_up_policy::all &&
            plan.runs.size() < limits::cron_catch_up_max)
            plan.runs.push_back(step->at);
        if (step->runs && catch_up == catch_up_policy::none && now - step->at <= late_max)
            plan.runs.assign(1, step->at);
        step = schedule.next(step->at);
    }
    if (step) plan.next = step->at > now ? step->at : schedule.next_run(now);
    return plan;
}

cron_entry* cron_table::find(std::string_view name) {
    return const_cast<cron_entry*>(std::as_const(*this).find(name));
}

const cron_entry* cron_table::find(std::string_view name) const {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : it->second.get();
}

cron_entry* cron_table::find(std::int64_t number) {
    const auto it = by_number_.find(number);
    return it == by_number_.end() ? nullptr : it->second;
}

cron_entry& cron_table::put(cron_record record, rules::cron_schedule schedule) {
    // Only to know where its jobs go; each job is read anew.
    const auto spec = decode_job(record.definition.job, record.created_at);
    auto queue = std::make_shared<const std::string>(spec ? spec->queue : std::string{});
    auto type = std::make_shared<const std::string>(spec ? spec->type : std::string{});
    auto* known = find(record.definition.name);
    if (known == nullptr) {
        auto made = std::make_unique<cron_entry>(
            cron_entry{next_number_++, {}, std::move(schedule), {}, {}, {}});
        known = made.get();
        by_number_.emplace(known->number, known);
        by_name_.emplace(record.definition.name, std::move(made));
    } else {
        known->schedule = std::move(schedule);
    }
    for (const auto seq : known->record.unfinished) by_job_.erase(seq);
    for (const auto seq : record.unfinished) by_job_[seq] = known;
    known->record = std::move(record);
    known->queue = std::move(queue);
    known->type = std::move(type);
    return *known;
}

void cron_table::erase(cron_entry& entry) {
    for (const auto seq : entry.record.unfinished) by_job_.erase(seq);
    by_number_.erase(entry.number);
    touch(entry);
    by_name_.erase(by_name_.find(entry.record.definition.name));
}

void cron_table::add_unfinished(cron_entry& entry, std::int64_t seq) {
    entry.record.unfinished.push_back(seq);
    by_job_[seq] = &entry;
}

cron_entry* cron_table::end_unfinished(std::int64_t seq) {
    const auto it = by_job_.find(seq);
    if (it == by_job_.end()) return nullptr;
    auto* const entry = it->second;
    by_job_.erase(it);
    std::erase(entry->record.unfinished, seq);
    touch(*entry);
    return entry;
}

bool cron_table::is_first(std::int64_t seq) const {
    const auto it = by_job_.find(seq);
    return it != by_job_.end() && it->second->record.unfinished.front() == seq;
}

std::vector<cron_write> cron_table::take_changes() {
    std::vector<cron_write> changes;
    for (const auto& name : std::exchange(changed_, {})) {
        const auto* entry = find(name);
        changes.push_back({name, entry ? std::optional(entry->record) : std::nullopt});
    }
    return changes;
}

void cron_table::clear() {
    by_name_.clear();
    by_number_.clear();
    by_job_.clear();
    changed_.clear();
}

}  // namespace sluice
