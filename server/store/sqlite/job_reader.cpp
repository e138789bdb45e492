#include "server/store/sqlite/job_reader.hpp"

#include "proto/fairness.hpp"
#include "proto/limits.hpp"
#include "server/store/sqlite/cron_rows.hpp"
#include "server/store/sqlite/job_rows.hpp"
#include "server/store/sqlite/key_rows.hpp"
#include "server/store/sqlite/log_rows.hpp"
#include "server/store/sqlite/setting_rows.hpp"
#include "server/store/sqlite/workflow_rows.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <unordered_map>

namespace sluice::sqlite {
namespace {

/// A listing looks at ranges of this many sequence numbers, and at no more than so many of them in
/// one call: a filter that matches nothing must not read a whole store.
constexpr std::int64_t list_range = 20'000;
constexpr int list_ranges_max = 10;

/// And at no more than so many bytes of jobs: the rest is for the next call.
constexpr std::size_t list_bytes_max = std::size_t{8} * 1024 * 1024;

std::size_t bytes_of(const job_record& job) {
    std::size_t bytes = job.spec->args.size() + job.spec->meta.size() + job.result.size();
    for (const auto& failure : job.failures)
        bytes += failure.message.size() + failure.details.size();
    return bytes;
}

std::string filter_sql(job_place place) {
    return "(?3 IS NULL OR " + std::string(state_sql(place)) +
           " = ?3) AND (?4 IS NULL OR q.name = ?4) AND "
           "(?5 IS NULL OR t.name = ?5) ORDER BY j.seq DESC LIMIT ?6";
}

void bind_filter(statement& rows, const job_query& query, std::size_t limit) {
    if (query.state) {
        rows.bind(3, static_cast<std::int64_t>(*query.state));
    } else {
        rows.bind_null(3);
    }
    rows.bind_unless_empty(4, query.queue);
    rows.bind_unless_empty(5, query.type);
    rows.bind(6, static_cast<std::int64_t>(limit));
}

constexpr const char* scan_sql =
    "SELECT seq, ticket, state, priority, due_at, expires_at, queue, type, client_id, id, "
    "limit_key, fairness FROM jobs ORDER BY seq";

/// Newest first, so that a limit leaves out the oldest.
constexpr const char* sum_dead_sql =
    "SELECT q.name, t.name, count(*), min(h.finished_at), max(h.finished_at) FROM (SELECT queue, "
    "type, finished_at FROM history WHERE dead_letter = 1 ORDER BY seq DESC LIMIT ?1) h JOIN names "
    "q ON q.id = h.queue JOIN names t ON t.id = h.type GROUP BY h.queue, h.type";

std::size_t page_bytes_of(const job_page& page) {
    std::size_t bytes = 0;
    for (const auto& job : page.jobs) bytes += bytes_of(job);
    return bytes;
}

}  // namespace

job_reader::list_statements job_reader::prepare_list(connection& db, job_place place) {
    const std::string table(table_name(place));
    return {db.prepare("SELECT max(seq) FROM " + table + " WHERE seq < ?1"),
            db.prepare(select_job_sql(place) + "WHERE j.seq >= ?1 AND j.seq < ?2 AND " +
                       filter_sql(place))};
}

job_reader::job_reader(connection db) : db_(std::move(db)) {
    live_ = db_.prepare(select_job_sql(job_place::live) + "WHERE j.seq = ?1");
    history_ = db_.prepare(select_job_sql(job_place::history) + "WHERE j.seq = ?1");
    // By the index of keys and states, which knows nothing of runs; those are few, and asked first.
    constexpr const char* latest_first = " AND j.seq < ?3 ORDER BY j.seq DESC LIMIT ?4";
    live_unique_ =
        db_.prepare(select_job_sql(job_place::live) +
                    "WHERE j.unique_key = ?1 AND j.state = ?2 AND r.seq IS NULL" + latest_first);
    active_unique_ =
        db_.prepare(select_job_sql(job_place::live) +
                    "WHERE j.seq IN (SELECT seq FROM runs) AND +j.unique_key = ?1" + latest_first);
    history_unique_ = db_.prepare(select_job_sql(job_place::history) +
                                  "WHERE j.unique_key = ?1 AND j.state = ?2" + latest_first);
    live_results_ = db_.prepare("SELECT result, parent_results FROM jobs WHERE seq = ?1");
    history_results_ = db_.prepare("SELECT result, parent_results FROM history WHERE seq = ?1");
    workflow_ = db_.prepare(select_workflow_sql("WHERE w.seq = ?1"));
    workflow_list_ =
        db_.prepare(select_workflow_sql("WHERE w.seq < ?1 ORDER BY w.seq DESC LIMIT ?2"));
    workflow_state_list_ = db_.prepare(
        select_workflow_sql("WHERE p.seq < ?1 AND p.state = ?3 ORDER BY p.seq DESC LIMIT ?2"));
    payload_ = db_.prepare(select_payload_sql);
    client_id_ = db_.prepare("SELECT seq FROM client_ids WHERE id = ?1");
    key_ = db_.prepare(select_key_sql("WHERE key = ?1"));
    log_end_ = db_.prepare(log_end_sql);
    log_lines_ =
        db_.prepare(select_log_sql("WHERE seq = ?1 AND number > ?2 ORDER BY number LIMIT ?3"));
    dead_ = db_.prepare(select_job_sql(job_place::history) +
                        "WHERE j.dead_letter = 1 AND j.seq >= ?1 AND j.seq < ?2 AND " +
                        filter_sql(job_place::history));
    lowest_dead_ = db_.prepare(
        "SELECT seq FROM history WHERE dead_letter = 1 AND seq < ?1 "
        "ORDER BY seq DESC LIMIT 1 OFFSET ?2");
    count_dead_ = db_.prepare("SELECT count(*) FROM history WHERE dead_letter = 1");
    sum_dead_ = db_.prepare(sum_dead_sql);
    old_dead_ =
        db_.prepare(select_job_sql(job_place::history) +
                    "WHERE j.dead_letter = 1 AND j.finished_at < ?1 ORDER BY j.seq LIMIT ?2");
    live_list_ = prepare_list(db_, job_place::live);
    history_list_ = prepare_list(db_, job_place::history);
}

void job_reader::scan(const restore_sink& sink) {
    transaction snapshot(db_, "BEGIN");
    auto queues = db_.prepare("SELECT name, paused FROM queues");
    while (queues.step()) sink.queue(queues.text(0), queues.integer(1) != 0);
    auto settings = db_.prepare(select_settings_sql);
    while (sink.setting && settings.step()) sink.setting(read_setting(settings));
    auto crons = db_.prepare(select_crons_sql);
    while (sink.cron && crons.step()) sink.cron(read_cron(crons));

    auto workflows = db_.prepare(select_workflow_sql("WHERE p.unfinished > 0 ORDER BY p.seq"));
    while (sink.workflow && workflows.step()) sink.workflow(read_workflow(workflows));

    std::unordered_map<std::int64_t, std::string> names;
    auto all_names = db_.prepare("SELECT id, name FROM names");
    while (all_names.step()) names.emplace(all_names.integer(0), all_names.text(1));
    const auto name = [&](std::int64_t id) -> std::string_view {
        const auto found = names.find(id);
        if (found == names.end()) throw_damaged("a job names a queue or type that is missing");
        return found->second;
    };

    auto dead =
        db_.prepare("SELECT queue, count(*) FROM history WHERE dead_letter = 1 GROUP BY queue");
    while (sink.dead_letters && dead.step())
        sink.dead_letters(name(dead.integer(0)), static_cast<std::uint64_t>(dead.integer(1)));

    // Few beside all there are: a look at the other table for each row would take a third longer.
    auto runs = db_.prepare("SELECT seq FROM runs ORDER BY seq");
    bool running = runs.step();
    auto rows = db_.prepare(scan_sql);
    while (rows.step()) {
        waiting_job job;
        job.seq = rows.integer(0);
        job.state = read_state(rows.integer(2));
        while (running && runs.integer(0) < job.seq) running = runs.step();
        if (running && runs.integer(0) == job.seq) job.state = job_state::active;
        if (job.state == job_state::active) {
            if (auto record = read(job_place::live, job.seq)) sink.active(std::move(*record));
            continue;
        }
        job.ticket = rows.integer(1);
        job.priority = static_cast<int>(rows.integer(3));
        job.due_at = to_timestamp(rows.optional_integer(4));
        job.expires_at = to_timestamp(rows.optional_integer(5));
        job.queue = name(rows.integer(6));
        job.type = name(rows.integer(7));
        if (rows.integer(8) != 0) job.client_id = read_uuid(rows.blob(9));
        job.limit_key = rows.text(10);
        fairness_rule fairness;
        if (!rows.is_null(11)) {
            auto known = parse_fairness_text(rows.text(11));
            if (!known) throw_damaged("the fairness key of a job cannot be read");
            fairness = *std::move(known);
        }
        job.fairness_key = fairness.key;
        job.fairness_weight = fairness.weight;
        job.cost = fairness.cost;
        sink.waiting(job);
    }
}

std::optional<job_record> job_reader::read(job_place place, std::int64_t seq) {
    auto& row = place == job_place::live ? live_ : history_;
    const reset_at_exit done(row);
    row.bind(1, seq);
    if (!row.step()) return std::nullopt;
    return read_job(row, payload_);
}

std::vector<job_record> job_reader::load(std::span<const std::int64_t> seqs) {
    transaction snapshot(db_, "BEGIN");
    std::vector<job_record> jobs;
    jobs.reserve(seqs.size());
    for (const auto seq : seqs) {
        if (auto job = read(job_place::live, seq)) jobs.push_back(std::move(*job));
    }
    return jobs;
}

std::optional<job_store::found_job> job_reader::find_at(std::int64_t seq, const uuid& id) {
    for (const auto place : {job_place::live, job_place::history}) {
        auto job = read(place, seq);
        if (job && job->spec->id == id) return job_store::found_job{place, std::move(*job)};
    }
    return std::nullopt;
}

std::optional<job_store::found_job> job_reader::find(const uuid& id) {
    transaction snapshot(db_, "BEGIN");
    if (auto job = find_at(sequence_of(id), id)) return job;
    const reset_at_exit done(client_id_);
    client_id_.bind(1, std::span<const std::uint8_t>(id.bytes));
    if (!client_id_.step()) return std::nullopt;
    return find_at(client_id_.integer(0), id);
}

std::vector<job_store::found_job> job_reader::find_unique(const unique_key& key, job_state state,
                                                          std::int64_t before_seq,
                                                          std::size_t max) {
    const auto place = is_terminal(state) ? job_place::history : job_place::live;
    std::vector<job_store::found_job> found;
    const auto look = [&](statement& rows) {
        const reset_at_exit done(rows);
        rows.bind(1, std::span<const std::uint8_t>(key));
        rows.bind(2, static_cast<std::int64_t>(state));
        rows.bind(3, before_seq);
        rows.bind(4, static_cast<std::int64_t>(max));
        while (rows.step()) found.push_back({place, read_job(rows, payload_)});
    };
    transaction snapshot(db_, "BEGIN");
    look(place == job_place::live ? live_unique_ : history_unique_);
    if (state == job_state::active) look(active_unique_);
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.record.seq > b.record.seq; });
    if (found.size() > max) found.resize(max);
    return found;
}

std::optional<key_record> job_reader::find_key(std::string_view key) {
    const reset_at_exit done(key_);
    key_.bind(1, key);
    if (!key_.step()) return std::nullopt;
    return read_key(key_);
}

std::vector<job_results> job_reader::results(std::span<const std::int64_t> seqs) {
    transaction snapshot(db_, "BEGIN");
    std::vector<job_results> all;
    all.reserve(seqs.size());
    for (const auto seq : seqs) {
        auto& found = all.emplace_back();
        found.seq = seq;
        for (auto* rows : {&history_results_, &live_results_}) {
            const reset_at_exit done(*rows);
            rows->bind(1, seq);
            if (!rows->step()) continue;
            found.result = rows->text(0);
            found.parent_results = rows->text(1);
        }
    }
    return all;
}

std::optional<workflow_record> job_reader::find_workflow(const uuid& id) {
    const reset_at_exit done(workflow_);
    workflow_.bind(1, sequence_of(id));
    if (!workflow_.step()) return std::nullopt;
    auto record = read_workflow(workflow_);
    if (record.id != id) return std::nullopt;
    return record;
}

std::vector<workflow_record> job_reader::list_workflows(const workflow_query& query) {
    auto& rows = query.state ? workflow_state_list_ : workflow_list_;
    const reset_at_exit done(rows);
    rows.bind(1, query.before_seq.value_or(std::numeric_limits<std::int64_t>::max()));
    rows.bind(2, static_cast<std::int64_t>(query.limit));
    if (query.state) rows.bind(3, static_cast<std::int64_t>(*query.state));
    std::vector<workflow_record> all;
    while (rows.step()) all.push_back(read_workflow(rows));
    return all;
}

log_end job_reader::end_of_log(std::int64_t seq) {
    const reset_at_exit done(log_end_);
    log_end_.bind(1, seq);
    if (!log_end_.step()) return {};
    return {static_cast<std::uint64_t>(log_end_.integer(0)),
            static_cast<std::uint64_t>(log_end_.integer(1))};
}

std::vector<log_line> job_reader::lines(std::int64_t seq, std::uint64_t after,
                                        std::size_t lines_max) {
    const reset_at_exit done(log_lines_);
    log_lines_.bind(1, seq);
    log_lines_.bind(2, static_cast<std::int64_t>(std::min<std::uint64_t>(after, INT64_MAX)));
    log_lines_.bind(3, static_cast<std::int64_t>(lines_max));
    std::vector<log_line> lines;
    std::size_t bytes = 0;
    while (bytes <= limits::log_page_bytes_max && log_lines_.step()) {
        lines.push_back(read_log(log_lines_).line);
        bytes += log_cost(lines.back().text);
    }
    return lines;
}

std::int64_t job_reader::newest_below(list_statements& list, std::int64_t seq) {
    const reset_at_exit done(list.newest);
    list.newest.bind(1, seq);
    return list.newest.step() ? list.newest.integer(0) : 0;
}

void job_reader::collect(list_statements& list, const job_query& query, std::int64_t from,
                         std::int64_t below, std::vector<job_record>& out) {
    auto& rows = list.matching;
    const reset_at_exit done(rows);
    rows.bind(1, from);
    rows.bind(2, below);
    bind_filter(rows, query, query.limit);
    std::size_t bytes = 0;
    while (bytes < list_bytes_max && rows.step()) {
        out.push_back(read_job(rows, payload_));
        bytes += bytes_of(out.back());
    }
}

std::vector<job_record> job_reader::old_dead_letters(timestamp time, std::size_t max) {
    std::vector<job_record> jobs;
    const reset_at_exit done(old_dead_);
    old_dead_.bind(1, to_stored(time));
    old_dead_.bind(2, static_cast<std::int64_t>(max));
    std::size_t bytes = 0;
    while (bytes < list_bytes_max && old_dead_.step()) {
        jobs.push_back(read_job(old_dead_, payload_));
        bytes += bytes_of(jobs.back());
    }
    return jobs;
}

/// The lowest of those to look at; 0: there are no more than may be.
std::int64_t job_reader::lowest_dead(const job_query& query, std::int64_t below) {
    if (query.looks_max == 0) return 0;
    const reset_at_exit done(lowest_dead_);
    lowest_dead_.bind(1, below);
    lowest_dead_.bind(2, static_cast<std::int64_t>(query.looks_max) - 1);
    return lowest_dead_.step() ? lowest_dead_.integer(0) : 0;
}

std::vector<job_record> job_reader::dead_letters(const job_query& query, std::int64_t from,
                                                 std::int64_t below) {
    std::vector<job_record> jobs;
    const reset_at_exit done(dead_);
    dead_.bind(1, from);
    dead_.bind(2, below);
    bind_filter(dead_, query, query.limit);
    std::size_t bytes = 0;
    while (bytes < list_bytes_max && dead_.step()) {
        jobs.push_back(read_job(dead_, payload_));
        bytes += bytes_of(jobs.back());
    }
    return jobs;
}

job_page job_reader::list(const job_query& query) {
    transaction snapshot(db_, "BEGIN");
    job_page page;
    std::int64_t below = query.before_seq.value_or(std::numeric_limits<std::int64_t>::max());
    if (query.dead_letter) {
        const auto from = lowest_dead(query, below);
        page.jobs = dead_letters(query, from, below);
        const reset_at_exit done(count_dead_);
        if (query.looks_max == 0 && count_dead_.step())
            page.total = static_cast<std::uint64_t>(count_dead_.integer(0));
        const bool full = !page.jobs.empty() && page_bytes_of(page) >= list_bytes_max;
        if (full || (page.jobs.size() == query.limit && query.limit > 0)) {
            page.next_before_seq = page.jobs.back().seq;
        } else if (from > 0) {
            page.next_before_seq = from;
        }
        return page;
    }
    const bool want_live = !query.state || !is_terminal(*query.state);
    std::size_t bytes = 0;
    const bool want_history = !query.unfinished && (!query.state || is_terminal(*query.state));
    for (int i = 0; i < list_ranges_max && page.jobs.size() < query.limit; ++i) {
        const std::int64_t newest = std::max(want_live ? newest_below(live_list_, below) : 0,
                                             want_history ? newest_below(history_list_, below) : 0);
        page.next_before_seq.reset();
        if (newest <= 0) return page;
        const std::int64_t from = std::max<std::int64_t>(newest - list_range + 1, 0);
        std::vector<job_record> found;
        if (want_live) collect(live_list_, query, from, newest + 1, found);
        if (want_history) collect(history_list_, query, from, newest + 1, found);
        std::sort(found.begin(), found.end(),
                  [](const job_record& a, const job_record& b) { return a.seq > b.seq; });
        // A table that was cut short for its size ends the page before its next job could come.
        std::size_t taken = 0;
        const auto room = query.limit - page.jobs.size();
        while (taken < found.size() && taken < room && bytes < list_bytes_max) {
            bytes += bytes_of(found[taken]);
            page.jobs.push_back(std::move(found[taken++]));
        }
        const bool full = taken == room || bytes >= list_bytes_max;
        below = full && taken > 0 ? page.jobs.back().seq : from;
        page.next_before_seq = below;
        if (bytes >= list_bytes_max) return page;
    }
    return page;
}

dead_letter_summary job_reader::sum_dead_letters(std::size_t max) {
    dead_letter_summary summary;
    std::size_t seen = 0;
    const reset_at_exit done(sum_dead_);
    sum_dead_.bind(1, static_cast<std::int64_t>(max));
    while (sum_dead_.step()) {
        dead_letter_group group;
        group.queue = sum_dead_.text(0);
        group.type = sum_dead_.text(1);
        group.count = static_cast<std::uint64_t>(sum_dead_.integer(2));
        group.oldest = to_timestamp(sum_dead_.integer(3));
        group.newest = to_timestamp(sum_dead_.integer(4));
        seen += group.count;
        summary.groups.push_back(std::move(group));
    }
    summary.complete = seen < max;
    return summary;
}

}  // namespace sluice::sqlite
