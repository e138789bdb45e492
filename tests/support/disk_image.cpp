#include "tests/support/memory_store.hpp"

#include <algorithm>

/// What a batch makes of a disk, and whether it may.
namespace sluice::test {
namespace {

std::string place_name(job_place place) {
    return place == job_place::live ? "live" : place == job_place::history ? "history" : "nowhere";
}

}  // namespace

job_record deep_copy(const job_record& record) {
    auto copy = record;
    copy.spec = std::make_shared<const job_spec>(*record.spec);
    return copy;
}

std::map<std::int64_t, disk_image::row>& disk_image::table(job_place place) {
    return place == job_place::live ? live : history;
}

const std::map<std::int64_t, disk_image::row>& disk_image::table(job_place place) const {
    return place == job_place::live ? live : history;
}

std::string disk_image::check(const journal_batch& batch) const {
    for (const auto& write : batch.jobs) {
        const auto seq = write.record.seq;
        const auto name = "job " + std::to_string(seq);
        const bool is_live = !batch.reset && live.contains(seq);
        const bool is_history = !batch.reset && history.contains(seq);
        const auto stands = is_live      ? job_place::live
                            : is_history ? job_place::history
                                         : job_place::nowhere;
        const bool purged = write.from == job_place::history && write.to == job_place::nowhere &&
                            stands == job_place::nowhere;  // retention has been quicker
        if (stands != write.from && !purged)
            return name + " is " + place_name(stands) + ", not " + place_name(write.from);
        if (write.from == job_place::nowhere && write.to == job_place::nowhere)
            return name + " goes from nowhere to nowhere";
        if (write.to == job_place::live && is_terminal(write.record.state))
            return name + " is live and " + std::string(to_string(write.record.state));
        if (write.to == job_place::history && !is_terminal(write.record.state))
            return name + " is history and " + std::string(to_string(write.record.state));
        if (write.from == job_place::nowhere && seq < next_seq && !batch.reset)
            return name + " has the number of an older job";
    }
    return check_logs(batch);
}

/// Each log belongs to a job that is there, and its lines follow each other.
std::string disk_image::check_logs(const journal_batch& batch) const {
    std::map<std::int64_t, log_end> ends;
    for (const auto& write : batch.logs) {
        const auto name = "the log of job " + std::to_string(write.seq);
        bool there = !batch.reset && (live.contains(write.seq) || history.contains(write.seq));
        for (const auto& job : batch.jobs)
            if (job.record.seq == write.seq) there = job.to != job_place::nowhere;
        if (!there) return name + " grows without it";
        auto [end, fresh] = ends.try_emplace(write.seq);
        if (fresh && !batch.reset) end->second = end_of_log(write.seq);
        if (write.line.number != end->second.lines + 1) return name + " has a gap";
        if (write.bytes != end->second.bytes + log_cost(write.line.text))
            return name + " is counted wrong";
        end->second = {write.line.number, write.bytes};
    }
    return {};
}

log_end disk_image::end_of_log(std::int64_t seq) const {
    const auto it = logs.find(seq);
    if (it == logs.end()) return {};
    return {it->second.back().line.number, it->second.back().bytes};
}

std::string disk_image::apply(const journal_batch& batch) {
    if (auto wrong = check(batch); !wrong.empty()) return wrong;
    if (batch.reset) {
        live.clear();
        history.clear();
        seq_of.clear();
        logs.clear();
        keys.clear();
        queues.clear();
        settings.clear();
        crons.clear();
        workflows.clear();
    }
    for (const auto& write : batch.jobs) {
        const auto seq = write.record.seq;
        const auto& id = write.record.spec->id;
        if (write.from != job_place::nowhere) table(write.from).erase(seq);
        if (const auto it = seq_of.find(id); it != seq_of.end() && it->second == seq)
            seq_of.erase(it);
        if (write.to == job_place::nowhere) logs.erase(seq);
        if (write.to == job_place::nowhere) continue;
        auto copy = std::make_shared<const job_record>(deep_copy(write.record));
        table(write.to).insert_or_assign(seq, row{std::move(copy), write.purge_at});
        seq_of.insert_or_assign(id, seq);
        queues.try_emplace(write.record.spec->queue, false);
    }
    for (const auto& write : batch.jobs) next_seq = std::max(next_seq, write.record.seq + 1);
    next_seq = std::max(next_seq, batch.next_seq);
    for (const auto& write : batch.logs) logs[write.seq].push_back(write);
    for (const auto& key : batch.keys) keys.insert_or_assign(key.key.key, key);
    for (const auto& [queue, paused] : batch.paused_queues) queues.insert_or_assign(queue, paused);
    for (const auto& [kind, name, value] : batch.settings) {
        if (value.empty())
            settings.erase({kind, name});
        else
            settings.insert_or_assign({kind, name}, value);
    }
    for (const auto& write : batch.workflows) {
        const auto seq = write.record.seq;
        next_seq = std::max(next_seq, seq + 1);
        if (write.fresh == workflows.contains(seq)) return "a workflow is stored twice, or never";
        auto& kept = workflows[seq];
        if (write.fresh) kept = write.record;
        kept.state = write.record.state;
        kept.unfinished = write.record.unfinished;
        kept.ended_at = write.record.ended_at;
        kept.nodes = write.record.nodes;
    }
    for (const auto& [name, record] : batch.crons) {
        if (record)
            crons.insert_or_assign(name, *record);
        else
            crons.erase(name);
    }
    return {};
}

}  // namespace sluice::test
