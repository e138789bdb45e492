#include "server/store/sqlite/salvage.hpp"

#include "proto/json_text.hpp"
#include "server/rules/fairness.hpp"
#include "server/store/sqlite/checked_pages.hpp"
#include "server/store/sqlite/job_rows.hpp"
#include "server/store/sqlite/opening.hpp"
#include "server/store/sqlite/run_rows.hpp"
#include "server/store/sqlite/salvage_crons.hpp"
#include "server/store/sqlite/salvage_keys.hpp"
#include "server/store/sqlite/salvage_logs.hpp"
#include "server/store/sqlite/salvage_settings.hpp"
#include "server/store/sqlite/salvage_workflows.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_set>

namespace sluice {
namespace {

using namespace sqlite;

constexpr std::size_t batch_jobs = 500;
constexpr std::size_t problems_max = 100;
constexpr int exit_cannot_create = 73;
/// How far the database may be ahead of the mark, which only follows synced commits.
constexpr std::int64_t seq_leap = 1 << 20;
/// Rows tried one by one behind a damaged place. A subtree that holds more is given up.
constexpr std::int64_t probes_max = 20'000'000;
constexpr std::uint64_t epoch_ceiling = 0xffff'0000;

class salvager {
public:
    salvager(const std::filesystem::path& from, const std::filesystem::path& to)
        : directory_(from), to_(to) {
        open_damaged();
    }

    salvage_report run() {
        read_position();
        copy_names();
        open_fresh(epoch_ + 1);
        for (const auto place : {job_place::live, job_place::history}) {
            try {
                copy_jobs(place);
            } catch (const database_error& e) {
                problem("Nothing of " + std::string(table_name(place)) +
                        " can be read: " + e.what());
            }
        }
        copy_logs();
        copy_keys();
        copy_queues();
        copy_what_jobs_belong_to();
        flush();
        fresh_->close_blocking();
        // A place that cannot be read covers numbers that were in the other table.
        report_.lost_rows = static_cast<std::uint64_t>(
            std::count_if(unreadable_.begin(), unreadable_.end(),
                          [&](std::int64_t seq) { return !kept_.contains(seq); }));
        // A lease that was seen may be younger than the epoch that could be read.
        if (epoch_ > opened_epoch_) {
            open_fresh(epoch_ + 1);
            fresh_->close_blocking();
        }
        return std::move(report_);
    }

private:
    void open_damaged();
    void open_fresh(std::uint64_t epoch_min);
    void read_position();
    std::optional<high_water_mark> read_mark();
    void copy_names();
    void copy_jobs(job_place place);
    void copy_row(const statement& row, job_place place);
    void add_run(job_record& job);
    std::int64_t copy_run(statement& rows, job_place place, std::int64_t after);
    std::optional<std::int64_t> next_readable(statement& probe, std::int64_t after,
                                              std::int64_t last);
    bool give_names(const statement& row);
    void keep(job_record job, job_place place, std::optional<timestamp> purge_at);
    void copy_logs();
    void copy_keys();
    void copy_queues();
    void copy_what_jobs_belong_to();
    void flush();
    void problem(const std::string& what);
    std::optional<std::int64_t> try_integer(const char* sql);

    data_directory directory_;
    std::filesystem::path to_;
    connection db_;
    statement payload_, run_;
    bool has_runs_ = false;  ///< stores of older versions have none
    std::unique_ptr<job_store> fresh_;
    journal_batch batch_;
    salvage_report report_;
    std::unordered_set<std::int64_t> kept_;
    std::unordered_set<std::int64_t> live_;  ///< of those
    std::unordered_set<std::int64_t> unreadable_;
    std::unordered_set<uuid> client_ids_;
    std::uint64_t epoch_ = 0;
    std::uint64_t opened_epoch_ = 0;
    std::int64_t next_seq_ = 1;
    std::int64_t seq_max_ = 0;  ///< what is beyond is damage
};

void salvager::problem(const std::string& what) {
    if (report_.problems.size() < problems_max) report_.problems.push_back(what);
}

void salvager::open_damaged() {
    const auto path = directory_.file(database_name);
    try {
        db_ = connection(path, SQLITE_OPEN_READONLY, nullptr);
        sqlite3_busy_timeout(db_.get(), 5000);
        db_.execute("PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY");
        db_.query_integer("SELECT count(*) FROM sqlite_schema");
        // Names are looked up here first; what the damage took gets a stand-in.
        db_.execute("CREATE TEMP TABLE names(id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
        payload_ = db_.prepare(select_payload_sql);
        has_runs_ = db_.query_integer("SELECT count(*) FROM sqlite_schema WHERE name = 'runs'") > 0;
        if (has_runs_) run_ = db_.prepare(select_run_sql);
    } catch (const database_error& e) {
        throw to_store_error(e, path);
    }
}

void salvager::open_fresh(std::uint64_t epoch_min) {
    std::error_code failed;
    if (!fresh_ && std::filesystem::exists(to_) && !std::filesystem::is_empty(to_, failed)) {
        throw store_error(exit_cannot_create, to_.string() + " is not empty");
    }
    fresh_.reset();
    sqlite_store_config config;
    config.directory = to_;
    config.epoch_min = static_cast<std::uint32_t>(epoch_min);
    config.next_seq_min = next_seq_;
    fresh_ = open_sqlite_store(config);
    opened_epoch_ = epoch_min;
}

std::optional<std::int64_t> salvager::try_integer(const char* sql) {
    try {
        return db_.query_integer(sql);
    } catch (const database_error& e) {
        problem(std::string(e.what()) + " (" + sql + ")");
        return std::nullopt;
    }
}

void salvager::read_position() {
    report_.damaged_pages = count_damaged_pages(directory_.file(database_name).c_str());
    const auto commit = try_integer("SELECT value FROM meta WHERE key = 'commit'");
    const auto epoch = try_integer("SELECT value FROM meta WHERE key = 'epoch'");
    const auto next_seq = try_integer("SELECT value FROM meta WHERE key = 'next_seq'");
    const auto mark = read_mark();
    if (mark) {
        epoch_ = mark->epoch;
        next_seq_ = static_cast<std::int64_t>(mark->next_seq);
    }
    // What is far beyond the mark is damage, not progress.
    const auto seq_max = mark ? next_seq_ + seq_leap : uuid_sequence_max / 2;
    const auto epoch_max = static_cast<std::int64_t>(mark ? epoch_ + 1 : epoch_ceiling);
    if (next_seq && *next_seq <= seq_max) next_seq_ = std::max(next_seq_, *next_seq);
    if (epoch && *epoch >= 0 && *epoch <= epoch_max) {
        epoch_ = std::max(epoch_, static_cast<std::uint64_t>(*epoch));
    }
    seq_max_ = seq_max;
    if (!mark) {
        problem("The mark cannot be read, so whether commits are missing is not known.");
        return;
    }
    report_.mark_readable = true;
    report_.commits_known = commit.has_value();
    if (!commit) {
        problem("The database does not say how many commits it holds.");
    } else if (static_cast<std::uint64_t>(*commit) < mark->commit) {
        report_.missing_commits = mark->commit - static_cast<std::uint64_t>(*commit);
        problem("The database ends at commit " + std::to_string(*commit) + "; " +
                std::to_string(mark->commit) +
                " were acknowledged. Jobs stored in the missing ones are gone, jobs finished in "
                "them run again.");
    }
}

std::optional<high_water_mark> salvager::read_mark() {
    try {
        if (!directory_.has(mark_name)) return std::nullopt;
        return mark_file(directory_.file(mark_name), nullptr, false).read();
    } catch (const database_error& e) {
        problem(e.what());
        return std::nullopt;
    }
}

void salvager::copy_names() {
    try {
        auto names = db_.prepare("SELECT id, name FROM main.names");
        auto insert = db_.prepare("INSERT OR IGNORE INTO temp.names VALUES(?1, ?2)");
        while (names.step()) {
            insert.bind(1, names.integer(0));
            insert.bind(2, names.text(1));
            insert.run();
        }
    } catch (const database_error& e) {
        problem(std::string("Names of queues and types: ") + e.what());
    }
}

/// Makes up what a row calls its queue and type where the names are lost. True if that helped.
bool salvager::give_names(const statement& row) {
    bool given = false;
    for (const auto& [id, missing] : unresolved_names(row)) {
        if (!missing) continue;
        auto insert = db_.prepare("INSERT OR IGNORE INTO temp.names VALUES(?1, ?2)");
        const std::string name = "salvaged-" + std::to_string(id);
        insert.bind(1, id);
        insert.bind(2, name);
        insert.run();
        if (db_.changes() == 0) return false;  // the row's own id is no number
        problem("The name " + std::to_string(id) + " of a queue or type is lost; it is now " +
                name + ".");
        given = true;
    }
    return given;
}

void salvager::copy_jobs(job_place place) {
    const std::string table(table_name(place));
    const auto newest = try_integer(("SELECT max(seq) FROM main." + table).c_str());
    const auto last = std::min(newest.value_or(next_seq_), seq_max_);
    // The version may be damage; the table itself says which columns it has.
    const auto has = [&](const std::string& column) {
        const auto sql = "SELECT count(*) FROM pragma_table_info('" + table + "') WHERE name = '";
        return try_integer((sql + column + "'").c_str()).value_or(1) > 0;
    };
    // Runs of active jobs are looked up one by one: the damage of one is not to cost the job.
    const std::int64_t version = has("run")              ? 10
                                 : has("fairness")       ? 9
                                 : has("limit_key")      ? 6
                                 : has("parent_results") ? 5
                                 : has("unique_key")     ? 4
                                 : has("run_left_ms")    ? 2
                                                         : 1;
    auto rows = db_.prepare(select_job_sql(place, version) + "WHERE j.seq > ?1 ORDER BY j.seq");
    auto probe = db_.prepare("SELECT seq, length(result), length(args) FROM main." + table +
                             " WHERE seq = ?1");
    std::int64_t after = 0;
    for (bool probed = false;; probed = true) {
        auto reached = copy_run(rows, place, after);
        if (reached == std::numeric_limits<std::int64_t>::max()) return;
        // The probe saw a row there, but not all of it can be read.
        if (probed && reached == after) unreadable_.insert(++reached);
        const auto next = next_readable(probe, reached, last);
        if (!next) return;
        after = *next - 1;
    }
}

/// Copies until a row cannot be read; returns the last seq before it, or the maximum at the end.
std::int64_t salvager::copy_run(statement& rows, job_place place, std::int64_t after) {
    const reset_at_exit done(rows);
    try {
        rows.bind(1, after);
        while (rows.step()) {
            if (give_names(rows)) {
                rows.reset();  // to see the same row with its names
                rows.bind(1, after);
                continue;
            }
            // Damage may hand rows out of order; going back would never end.
            if (rows.integer(0) <= after) return after;
            after = rows.integer(0);
            copy_row(rows, place);
        }
    } catch (const database_error& e) {
        problem(std::string(table_name(place)) + " after " + std::to_string(after) + ": " +
                e.what());
        return after;
    }
    return std::numeric_limits<std::int64_t>::max();
}

void salvager::copy_row(const statement& row, job_place place) {
    try {
        auto job = read_job(row, payload_);
        if (place == job_place::live) add_run(job);
        keep(std::move(job), place, purge_time_of(row));
    } catch (const database_error& e) {
        unreadable_.insert(row.integer(0));
        problem("Job " + std::to_string(row.integer(0)) + ": " + e.what());
    }
}

/// A job whose run is lost stands where it stood before: it waits and will be run again.
void salvager::add_run(job_record& job) {
    if (!has_runs_) return;
    try {
        const reset_at_exit done(run_);
        run_.bind(1, job.seq);
        if (!run_.step()) return;
        auto running = job;
        apply_run(run_, 0, running);
        job = std::move(running);
    } catch (const database_error& e) {
        problem("Job " + std::to_string(job.seq) + " was perhaps running: " + e.what());
    }
}

/// Looks behind a damaged place row by row.
std::optional<std::int64_t> salvager::next_readable(statement& probe, std::int64_t after,
                                                    std::int64_t last) {
    const auto end = std::min(last, after + probes_max);
    for (std::int64_t seq = after + 1; seq <= end; ++seq) {
        try {
            const reset_at_exit done(probe);
            probe.bind(1, seq);
            if (probe.step()) return seq;
        } catch (const database_error&) {
            unreadable_.insert(seq);
        }
    }
    return std::nullopt;
}

void salvager::keep(job_record job, job_place place, std::optional<timestamp> purge_at) {
    const auto& spec = *job.spec;
    if (check_json(spec.args, json_depth_cap) ||
        (!job.result.empty() && check_json(job.result, json_depth_cap))) {
        throw_damaged("its args or result are not JSON");
    }
    if (job.seq <= 0 || job.seq > seq_max_) {
        throw_damaged("its place in the line is impossible");
    }
    // Those of fair queues are times of their own; a lost place costs no job.
    if (!rules::is_fair_tag(job.ticket)) job.ticket = job.seq;
    if (job.ticket <= seq_max_ && report_.mark_readable)
        batch_.next_seq = std::max(batch_.next_seq, job.ticket + 1);
    if (!spec.client_id && sequence_of(spec.id) != job.seq) {
        throw_damaged("its id does not belong to it");
    }
    if (!kept_.insert(job.seq).second || (spec.client_id && !client_ids_.insert(spec.id).second)) {
        throw_damaged("it was there twice");
    }
    // Without the mark, leases are the last to know how far the epochs went.
    if (!report_.mark_readable && job.lease.epoch < epoch_ceiling) {
        epoch_ = std::max<std::uint64_t>(epoch_, job.lease.epoch);
    }
    if (place == job_place::live) live_.insert(job.seq);
    ++(place == job_place::live ? report_.live_jobs : report_.finished_jobs);
    batch_.jobs.push_back({job_place::nowhere, place, std::move(job), purge_at});
    if (batch_.jobs.size() >= batch_jobs) flush();
}

void salvager::copy_logs() {
    std::vector<std::int64_t> jobs(kept_.begin(), kept_.end());
    std::sort(jobs.begin(), jobs.end());
    const auto keep = [this](log_write write) {
        ++report_.log_lines;
        batch_.logs.push_back(std::move(write));
        if (batch_.logs.size() >= batch_jobs) flush();
    };
    salvage_logs(db_, jobs, keep, [this](const std::string& what) { problem(what); });
}

void salvager::copy_keys() {
    const auto keep = [this](key_record key) {
        batch_.keys.push_back(std::move(key));
        ++report_.keys;
        if (batch_.keys.size() >= batch_jobs) flush();
    };
    salvage_keys(db_, keep, [this](const std::string& what) { problem(what); });
}

void salvager::copy_queues() {
    try {
        auto rows = db_.prepare("SELECT name, paused FROM queues");
        while (rows.step()) {
            batch_.paused_queues.emplace_back(rows.text(0), rows.integer(1) != 0);
            ++report_.queues;
        }
    } catch (const database_error& e) {
        problem(std::string("Paused queues: ") + e.what());
    }
}

/// What a store of an older version does not have is not looked for.
void salvager::copy_what_jobs_belong_to() {
    const auto has = [this](const std::string& table) {
        const auto sql = "SELECT count(*) FROM sqlite_schema WHERE name = '" + table + "'";
        return try_integer(sql.c_str()).value_or(1) > 0;
    };
    const auto tell = [this](const std::string& what) { problem(what); };
    const auto keep_cron = [this](cron_record record) {
        auto name = record.definition.name;
        batch_.crons.push_back({std::move(name), std::move(record)});
        ++report_.crons;
    };
    const auto keep_workflow = [this](workflow_write write) {
        batch_.workflows.push_back(std::move(write));
        ++report_.workflows;
        if (batch_.workflows.size() >= batch_jobs) flush();
    };
    const auto keep_setting = [this](setting_record setting) {
        batch_.settings.push_back(std::move(setting));
        ++report_.settings;
    };
    if (has("settings")) salvage_settings(db_, keep_setting, tell);
    if (has("crons")) salvage_crons(db_, live_, keep_cron, tell);
    if (has("workflows")) salvage_workflows(db_, live_, keep_workflow, tell);
}

void salvager::flush() {
    const auto outcome = fresh_->commit_blocking(batch_);
    if (outcome.status != commit_status::ok) throw store_error(exit_io, outcome.message);
    batch_ = {};
}

}  // namespace

salvage_report salvage_store(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (!std::filesystem::is_directory(from)) {
        throw store_error(exit_damaged, from.string() + " is not a directory");
    }
    try {
        return salvager(from, to).run();
    } catch (const database_error& e) {
        throw to_store_error(e, (from / database_name).string());
    }
}

}  // namespace sluice
