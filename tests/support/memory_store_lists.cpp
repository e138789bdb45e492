#include "tests/support/memory_store.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {
namespace {

bool matches(const job_query& query, const job_record& record) {
    return (!query.state || record.state == *query.state) &&
           (query.queue.empty() || record.spec->queue == query.queue) &&
           (query.type.empty() || record.spec->type == query.type) &&
           (!query.dead_letter || record.dead_letter) &&
           (!query.unfinished || !is_terminal(record.state));
}

}  // namespace

job_page memory_store::list_blocking(const job_query& query) {
    const auto lock = lock_for_read();
    const auto& image = disk_->written_;
    std::vector<const job_record*> all;
    for (const auto* table : {&image.live, &image.history})
        for (const auto& [seq, row] : *table) all.push_back(row.record.get());
    std::sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->seq > b->seq; });
    job_page page;
    std::size_t looks = 0;  // at dead letters, if they are bounded
    for (const auto* record : all) {
        if (query.dead_letter && query.looks_max == 0 && record->dead_letter) ++page.total;
        if (query.before_seq && record->seq >= *query.before_seq) continue;
        if (query.looks_max > 0 && record->dead_letter && ++looks == query.looks_max &&
            page.jobs.size() < query.limit)
            page.next_before_seq = record->seq;
        if (looks > query.looks_max) break;
        if (page.jobs.size() == query.limit || !matches(query, *record)) continue;
        page.jobs.push_back(deep_copy(*record));
        if (page.jobs.size() == query.limit) page.next_before_seq = record->seq;
    }
    return page;
}

dead_letter_summary memory_store::sum_dead_letters_blocking(std::size_t max) {
    const auto lock = lock_for_read();
    std::map<std::pair<std::string, std::string>, dead_letter_group> groups;
    std::size_t seen = 0;
    const auto& history = disk_->written_.history;
    for (auto it = history.rbegin(); it != history.rend() && seen < max; ++it) {
        const auto& record = *it->second.record;
        if (!record.dead_letter) continue;
        ++seen;
        const timestamp ended = *record.finished_at;
        auto& group = groups[{record.spec->queue, record.spec->type}];
        if (group.count++ == 0) group = {record.spec->queue, record.spec->type, 1, ended, ended};
        group.oldest = std::min(group.oldest, ended);
        group.newest = std::max(group.newest, ended);
    }
    dead_letter_summary summary;
    for (auto& [name, group] : groups) summary.groups.push_back(std::move(group));
    summary.complete = seen < max;
    return summary;
}

std::vector<job_record> memory_store::old_dead_letters_blocking(timestamp time, std::size_t max) {
    const auto lock = lock_for_read();
    std::vector<job_record> found;
    for (const auto& [seq, row] : disk_->written_.history) {
        const auto& record = *row.record;
        if (found.size() == max) break;
        if (record.dead_letter && *record.finished_at < time) found.push_back(record);
    }
    return found;
}

std::vector<job_store::found_job> memory_store::find_unique_blocking(const unique_key& key,
                                                                     job_state state,
                                                                     std::int64_t before_seq,
                                                                     std::size_t max) {
    const auto lock = lock_for_read();
    std::vector<found_job> found;
    for (const auto place : {job_place::history, job_place::live}) {
        const auto& image = disk_->written_;
        const auto& rows = place == job_place::live ? image.live : image.history;
        for (auto it = rows.rbegin(); it != rows.rend() && found.size() < max; ++it) {
            const auto& record = *it->second.record;
            if (it->first < before_seq && record.state == state && record.spec->unique &&
                record.spec->unique->key == key)
                found.push_back({place, deep_copy(record)});
        }
    }
    return found;
}

std::vector<workflow_record> memory_store::list_workflows_blocking(const workflow_query& query) {
    const auto lock = lock_for_read();
    const auto& all = disk_->written_.workflows;
    std::vector<workflow_record> found;
    for (auto it = all.rbegin(); it != all.rend() && found.size() < query.limit; ++it)
        if (it->first < query.before_seq.value_or(INT64_MAX) &&
            (!query.state || *query.state == it->second.state))
            found.push_back(it->second);
    return found;
}

}  // namespace sluice::test
