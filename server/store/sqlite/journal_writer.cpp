#include "server/store/sqlite/journal_writer.hpp"

#include "server/store/sqlite/checked_pages.hpp"
#include "server/store/sqlite/cron_rows.hpp"
#include "server/store/sqlite/job_rows.hpp"
#include "server/store/sqlite/key_rows.hpp"
#include "server/store/sqlite/log_rows.hpp"
#include "server/store/sqlite/run_rows.hpp"
#include "server/store/sqlite/setting_rows.hpp"
#include "server/store/sqlite/workflow_rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace sluice::sqlite {
namespace {

/// Calls `visit(first, last)` for each run of numbers that follow one another. Sorts them.
template <class Visit>
void each_sequence(std::vector<std::int64_t>& numbers, Visit visit) {
    std::sort(numbers.begin(), numbers.end());
    for (std::size_t i = 0; i < numbers.size();) {
        std::size_t end = i + 1;
        while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
        visit(numbers[i], numbers[end - 1]);
        i = end;
    }
}

std::string expired_sql() {
    return "SELECT seq FROM history WHERE purge_at IS NOT NULL AND purge_at <= ?1 "
           "ORDER BY purge_at LIMIT ?2";
}

}  // namespace

journal_writer::journal_writer(connection db, writer_options options)
    : db_(std::move(db)), options_(options) {
    // NORMAL: checkpoints sync. Commits are synced by sync_log, since to change between the two
    // levels for each costs more than that call.
    db_.execute(options_.durable ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=OFF");
    db_.execute("PRAGMA cache_size=-16384");
    // The log's file is kept and overwritten, which is cheaper than growing it, but not for ever
    // after a reader has held it up.
    const auto limit = "PRAGMA journal_size_limit=" + std::to_string(4 * options_.wal_bytes_max);
    db_.execute(limit.c_str());
    begin_ = db_.prepare("BEGIN IMMEDIATE");
    commit_ = db_.prepare("COMMIT");
    set_meta_ = db_.prepare("UPDATE meta SET value = ?2 WHERE key = ?1");
    insert_name_ = db_.prepare("INSERT INTO names(name) VALUES(?1)");
    insert_new_ = db_.prepare(insert_new_job_sql());
    insert_ended_ = db_.prepare(insert_ended_job_sql());
    insert_payload_ = db_.prepare("INSERT INTO payloads(seq, spec, args) VALUES(?1, ?2, ?3)");
    delete_payload_ = db_.prepare("DELETE FROM payloads WHERE seq = ?1");
    insert_client_id_ = db_.prepare("INSERT INTO client_ids(id, seq) VALUES(?1, ?2)");
    delete_client_id_ = db_.prepare("DELETE FROM client_ids WHERE id = ?1");
    put_key_ = db_.prepare(put_key_sql);
    insert_log_ = db_.prepare(insert_log_sql);
    delete_log_ = db_.prepare(delete_log_sql);
    log_end_ = db_.prepare(log_end_sql);
    put_run_ = db_.prepare(put_run_sql);
    delete_runs_ = db_.prepare(delete_runs_sql);
    pause_queue_ = db_.prepare("INSERT OR REPLACE INTO queues(name, paused) VALUES(?1, ?2)");
    put_setting_ = db_.prepare(put_setting_sql);
    delete_setting_ = db_.prepare(delete_setting_sql);
    put_cron_ = db_.prepare(put_cron_sql);
    delete_cron_ = db_.prepare("DELETE FROM crons WHERE name = ?1");
    insert_workflow_ = db_.prepare(insert_workflow_sql);
    put_progress_ = db_.prepare(put_workflow_progress_sql);
    delete_workflow_ = db_.prepare("DELETE FROM workflows WHERE seq = ?1");
    delete_progress_ = db_.prepare("DELETE FROM workflow_progress WHERE seq = ?1");
    find_expired_workflows_ = db_.prepare(
        "SELECT seq FROM workflow_progress WHERE purge_at IS NOT NULL AND purge_at <= ?1 "
        "ORDER BY purge_at LIMIT ?2");
    find_expired_ = db_.prepare(expired_sql());
    delete_keys_ = db_.prepare(
        "DELETE FROM idempotency WHERE key IN "
        "(SELECT key FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)");
    for (const auto place : {job_place::live, job_place::history}) {
        const auto other = place == job_place::live ? job_place::history : job_place::live;
        auto& s = at(place);
        s.insert = db_.prepare(insert_job_sql(place));
        s.update = db_.prepare(update_job_sql(place));
        s.move_away = db_.prepare(move_job_sql(place, other));
        s.remove = db_.prepare(delete_job_sql(place));
        s.remove_all = db_.prepare(delete_jobs_sql(place));
        s.find_extras = db_.prepare("SELECT client_id, id, args IS NULL FROM " +
                                    std::string(table_name(place)) + " WHERE seq = ?1");
    }
    last_commit_ = static_cast<std::uint64_t>(
        db_.query_integer("SELECT value FROM meta WHERE key = 'commit'"));
    last_synced_ = last_commit_;
    next_seq_ = db_.query_integer("SELECT value FROM meta WHERE key = 'next_seq'");
    epoch_ =
        static_cast<std::uint32_t>(db_.query_integer("SELECT value FROM meta WHERE key = 'epoch'"));
    checkpoint_at_ = static_cast<int>(options_.wal_bytes_max / page_bytes);
    // Also takes the place of SQLite's own automatic checkpoint.
    sqlite3_wal_hook(
        db_.get(),
        [](void* pages, sqlite3*, const char*, int count) {
            *static_cast<int*>(pages) = count;
            return SQLITE_OK;
        },
        &wal_pages_);
}

journal_writer::place_statements& journal_writer::at(job_place place) {
    return place == job_place::live ? live_ : history_;
}

/// The file of the log, once the first transaction has opened it.
sqlite3_file* journal_writer::log_file() {
    sqlite3_file* log = nullptr;
    sqlite3_file_control(db_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
    return log != nullptr && log->pMethods != nullptr ? log : nullptr;
}

void journal_writer::sync_log() {
    if (!options_.durable) return;
    sqlite3_file* log = log_file();
    const int rc = log ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : SQLITE_MISUSE;
    if (rc == SQLITE_OK) return;
    const int error = last_errno(log);
    throw database_error(rc, error, "syncing the log: " + std::string(std::strerror(error)));
}

void journal_writer::in_transaction(bool sync, const std::function<void()>& body) {
    sync = sync || wal_pages_ >= checkpoint_at_;
    if (names_stale_) load_names();
    if (runs_stale_) load_runs();
    const auto next_seq_before = next_seq_;
    try {
        begin_.run();
        body();
        set_meta("commit", static_cast<std::int64_t>(last_commit_ + 1));
        if (next_seq_ != next_seq_before) set_meta("next_seq", next_seq_);
        commit_.run();
    } catch (...) {
        roll_back();
        next_seq_ = next_seq_before;
        throw;
    }
    names_changed_ = false;
    ++last_commit_;
    if (!sync) return;
    sync_log();
    last_synced_ = last_commit_;
}

void journal_writer::roll_back() noexcept {
    // SQLite has already done it after some errors.
    if (db_.in_transaction() &&
        sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr) != SQLITE_OK) {
        usable_ = false;
    }
    names_stale_ = names_stale_ || std::exchange(names_changed_, false);
    runs_stale_ = true;
}

void journal_writer::set_meta(std::string_view key, std::int64_t value) {
    set_meta_.bind(1, key);
    set_meta_.bind(2, value);
    set_meta_.run();
}

void journal_writer::load_names() {
    names_.clear();
    auto all = db_.prepare("SELECT id, name FROM names");
    while (all.step()) names_.emplace(all.text(1), all.integer(0));
    names_stale_ = false;
}

void journal_writer::load_runs() {
    runs_.clear();
    auto all = db_.prepare("SELECT seq FROM runs");
    while (all.step()) runs_.insert(all.integer(0));
    runs_stale_ = false;
}

std::int64_t journal_writer::name_id(const std::string& name) {
    const auto known = names_.find(name);
    if (known != names_.end()) return known->second;
    insert_name_.bind(1, name);
    insert_name_.run();
    const std::int64_t id = sqlite3_last_insert_rowid(db_.get());
    names_changed_ = true;
    names_.emplace(name, id);
    return id;
}

void journal_writer::apply(const journal_batch& batch) {
    in_transaction(batch.sync, [&] {
        if (batch.reset) reset_all();
        next_seq_ = std::max(next_seq_, batch.next_seq);
        for (auto* place : {&live_, &history_}) place->moved.clear();
        ended_runs_.clear();
        for (const auto& job : batch.jobs) write(job);
        for (auto* place : {&live_, &history_}) remove_moved(*place);
        remove_ended_runs();
        for (const auto& log : batch.logs) {
            bind_log(insert_log_, log);
            insert_log_.run();
        }
        for (const auto& key : batch.keys) put_key(put_key_, key);
        for (const auto& [queue, paused] : batch.paused_queues) {
            pause_queue_.bind(1, queue);
            pause_queue_.bind(2, std::int64_t{paused});
            pause_queue_.run();
        }
        for (const auto& setting : batch.settings) write(setting);
        for (const auto& cron : batch.crons) write(cron);
        for (const auto& workflow : batch.workflows) {
            next_seq_ = std::max(next_seq_, workflow.record.seq + 1);
            if (workflow.fresh) insert_workflow(insert_workflow_, workflow.record);
            put_workflow_progress(put_progress_, workflow);
        }
    });
}

void journal_writer::write(const job_write& job) {
    next_seq_ = std::max(next_seq_, job.record.seq + 1);
    if (job.to == job_place::nowhere) {
        if (job.from != job_place::nowhere) erase(job.from, job.record.seq);
    } else if (job.from == job_place::nowhere) {
        insert(job);
    } else {
        change(job);
    }
}

void journal_writer::write(const setting_record& setting) {
    if (setting.value.empty())
        delete_setting(delete_setting_, setting);
    else
        put_setting(put_setting_, setting);
}

void journal_writer::write(const cron_write& cron) {
    if (cron.record) {
        put_cron(put_cron_, *cron.record);
        return;
    }
    delete_cron_.bind(1, cron.name);
    delete_cron_.run();
}

void journal_writer::insert(const job_write& job) {
    const auto& record = job.record;
    const auto& spec = *record.spec;
    const auto texts = encode_row_texts(record, true);
    if (job.to == job_place::live && never_ran(record, texts)) {
        bind_place(insert_new_, record);
        bind_identity(insert_new_, record, name_id(spec.queue), name_id(spec.type), texts);
        insert_new_.run();
    } else {
        auto& row = at(job.to).insert;
        bind_progress(row, record, texts);
        bind_identity(row, record, name_id(spec.queue), name_id(spec.type), texts);
        if (job.to == job_place::history) bind_history(row, job);
        row.run();
    }
    if (texts.aside) {
        insert_payload_.bind(1, record.seq);
        insert_payload_.bind_unless_empty(2, texts.spec);
        insert_payload_.bind(3, spec.args);
        insert_payload_.run();
    }
    if (spec.client_id) {
        insert_client_id_.bind(1, std::span<const std::uint8_t>(spec.id.bytes));
        insert_client_id_.bind(2, record.seq);
        insert_client_id_.run();
    }
}

/// It comes from memory: to copy its row takes 0.3 µs more of SQLite. Not for jobs whose spec and
/// args are kept beside the row, which says so.
void journal_writer::insert_end(const job_write& job, const row_texts& texts) {
    const auto& spec = *job.record.spec;
    const auto run = encode_end(job.record, texts);
    bind_end(insert_ended_, job.record,
             std::span(reinterpret_cast<const std::uint8_t*>(run.data()), run.size()));
    bind_identity(insert_ended_, job.record, name_id(spec.queue), name_id(spec.type), texts);
    bind_history(insert_ended_, job);
    insert_ended_.run();
}

void journal_writer::change(const job_write& job) {
    const bool stays = job.from == job_place::live && job.to == job_place::live;
    if (stays && job.record.state == job_state::active) {
        put_run(put_run_, job.record, encode_row_texts(job.record, false));
        runs_.insert(job.record.seq);
        return;
    }
    if (job.from == job_place::live) end_run(job.record.seq);
    auto& from = at(job.from);
    if (job.from != job.to) from.moved.push_back(job.record.seq);
    const bool ends = job.from == job_place::live && job.to == job_place::history;
    const auto texts = encode_row_texts(job.record, ends);
    if (ends && !texts.aside) {
        insert_end(job, texts);
        return;
    }
    auto& row = job.from == job.to ? from.update : from.move_away;
    bind_progress(row, job.record, texts);
    if (job.to == job_place::history) bind_history(row, job);
    row.run();
    if (db_.changes() != 1) {
        throw std::logic_error("job " + std::to_string(job.record.seq) + " is not in " +
                               std::string(table_name(job.from)));
    }
}

/// What the job's own row says counts again, wherever that is.
void journal_writer::end_run(std::int64_t seq) {
    if (runs_.erase(seq) > 0) ended_runs_.push_back(seq);
}

void journal_writer::remove_ended_runs() {
    each_sequence(ended_runs_, [this](std::int64_t first, std::int64_t last) {
        delete_runs_.bind(1, first);
        delete_runs_.bind(2, last);
        delete_runs_.run();
    });
}

/// Jobs that came one after the other mostly end so: one statement removes all whose numbers follow
/// each other, 0.2 µs a job instead of 0.4.
void journal_writer::remove_moved(place_statements& from) {
    each_sequence(from.moved, [&](std::int64_t first, std::int64_t last) {
        from.remove_all.bind(1, first);
        from.remove_all.bind(2, last);
        from.remove_all.run();
        if (db_.changes() != last - first + 1)
            throw std::logic_error("jobs to be removed from their table are not there");
    });
}

void journal_writer::raise_epoch(std::uint32_t epoch_min, std::int64_t next_seq_min) {
    const std::uint32_t next = std::max(epoch_ + 1, epoch_min);
    in_transaction(true, [&] {
        set_meta("epoch", std::int64_t{next});
        next_seq_ = std::max(next_seq_, next_seq_min);
    });
    epoch_ = next;
}

void journal_writer::sync_all() {
    if (last_synced_ == last_commit_) return;
    sync_log();
    last_synced_ = last_commit_;
}

std::uint64_t journal_writer::log_bytes() const {
    return static_cast<std::uint64_t>(wal_pages_) * page_bytes;
}

bool journal_writer::checkpoint() {
    int pages = 0;
    int moved = 0;
    const int rc =
        sqlite3_wal_checkpoint_v2(db_.get(), "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    const auto bound = static_cast<int>(options_.wal_bytes_max / page_bytes);
    const bool whole = rc == SQLITE_OK && moved == pages;
    // A reader may hold it up, or a full disk: try again when the log has grown by a quarter.
    checkpoint_at_ = whole ? bound : wal_pages_ + std::max(bound / 4, 1);
    if (whole) wal_pages_ = 0;
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) throw_database_error(db_.get(), rc, "checkpointing");
    return whole;
}

void journal_writer::prepare_log() {
    constexpr std::int64_t prepared_max = std::int64_t{64} << 20;
    static constexpr std::array<char, 64 * 1024> zeros{};
    sqlite3_file* log = log_file();
    if (log == nullptr) return;
    const auto& methods = *log->pMethods;
    sqlite3_int64 size = 0;
    if (methods.xFileSize(log, &size) != SQLITE_OK) return;
    // The commit that passes the bound is written before the log begins anew.
    const auto bound = static_cast<std::int64_t>(options_.wal_bytes_max / 64 * 65);
    const auto end = std::min(bound, prepared_max);
    int rc = SQLITE_OK;
    for (auto at = size; at < end && rc == SQLITE_OK; at += std::int64_t{zeros.size()})
        rc = methods.xWrite(log, zeros.data(), static_cast<int>(zeros.size()), at);
    if (rc != SQLITE_OK) methods.xTruncate(log, size);
    // One that failed once may lie when it is repeated, so it ends the opening.
    if (size < end) sync_log();
}

void journal_writer::finish() {
    const int rc =
        sqlite3_wal_checkpoint_v2(db_.get(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    if (rc != SQLITE_OK) throw_database_error(db_.get(), rc, "checkpointing");
    sqlite3_db_config(db_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
}

}  // namespace sluice::sqlite
