#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/job_rows.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sluice::sqlite {

struct writer_options {
    std::uint64_t wal_bytes_max = 0;
    bool durable = true;  ///< false: never syncs; the control of the power-cut test
};

/// The writing connection: turns batches into transactions and keeps the log short. For one thread.
/// Throws database_error; after one, nothing of the transaction is on disk unless it failed at the
/// sync, and then it may be.
class journal_writer {
public:
    journal_writer(connection db, writer_options options);
    journal_writer(const journal_writer&) = delete;
    journal_writer& operator=(const journal_writer&) = delete;

    void apply(const journal_batch& batch);
    job_store::purge_outcome purge(timestamp now, std::size_t max);
    /// Durably makes the epoch one that was never used, at least `epoch_min`, and sequence numbers
    /// continue at least from `next_seq_min`.
    void raise_epoch(std::uint32_t epoch_min, std::int64_t next_seq_min);

    /// Counts every transaction since the database was made.
    std::uint64_t last_commit() const { return last_commit_; }
    /// The latest one that was synced; what came before it is durable too.
    std::uint64_t last_synced() const { return last_synced_; }
    std::int64_t next_seq() const { return next_seq_; }
    std::uint32_t epoch() const { return epoch_; }

    /// True when the log has outgrown its bound and all of it is synced; the commit that makes it
    /// so is always synced. The caller makes the mark durable and then calls `checkpoint`: were the
    /// database ever ahead of the mark, a log that lost its end would leave pages of two times
    /// without a sign.
    bool checkpoint_due() const {
        return wal_pages_ >= checkpoint_at_ && last_synced_ == last_commit_;
    }
    /// What the log holds that is not in the database yet, at most.
    std::uint64_t log_bytes() const;
    /// Moves the log into the database. True when all of it is there, so that the next commit
    /// starts the log anew.
    bool checkpoint();
    /// Makes everything durable.
    void sync_all();
    /// After `sync_all`: moves all of the log into the database and lets SQLite remove it when this
    /// is destroyed. Nothing may be called after it. When it throws, the log stays.
    void finish();
    /// Writes zeros behind what the log holds, up to its bound or 64 MiB, and syncs them: commits
    /// then overwrite blocks that are there, which a disk syncs sooner than a file that grows
    /// (measured in docs/benchmarks.md). What cannot be written is left out.
    void prepare_log();
    /// False when a rollback failed: nothing may be written any more.
    bool usable() const { return usable_; }

private:
    struct by_text {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept {
            return std::hash<std::string_view>{}(text);
        }
    };
    struct place_statements {
        statement insert, update, move_away, remove, remove_all, find_extras;
        std::vector<std::int64_t> moved;  ///< rows copied away that are to be removed
    };

    void in_transaction(bool sync, const std::function<void()>& body);
    sqlite3_file* log_file();
    void sync_log();
    void roll_back() noexcept;
    void set_meta(std::string_view key, std::int64_t value);
    void load_names();

    void write(const job_write& job);
    void write(const cron_write& cron);
    void write(const setting_record& setting);
    void insert(const job_write& job);
    void insert_end(const job_write& job, const row_texts& texts);
    void change(const job_write& job);
    void end_run(std::int64_t seq);
    void remove_ended_runs();
    void load_runs();
    std::vector<std::int64_t> expired_workflows(timestamp now, std::size_t max);
    void remove_moved(place_statements& from);
    void erase(job_place from, std::int64_t seq);
    void reset_all();
    std::int64_t name_id(const std::string& name);
    place_statements& at(job_place place);

    connection db_;
    writer_options options_;
    statement begin_, commit_, set_meta_, insert_name_, insert_new_, insert_ended_, insert_payload_,
        delete_payload_, insert_client_id_, delete_client_id_, put_key_, pause_queue_,
        insert_workflow_, put_progress_, delete_workflow_, delete_progress_,
        find_expired_workflows_, find_expired_, delete_keys_, put_cron_, delete_cron_, put_setting_,
        delete_setting_, insert_log_, delete_log_, log_end_, put_run_, delete_runs_;
    place_statements live_, history_;

    std::unordered_map<std::string, std::int64_t, by_text, std::equal_to<>> names_;
    bool names_changed_ = false;
    bool names_stale_ = true;
    std::unordered_set<std::int64_t> runs_;  ///< jobs that have a row in `runs`
    bool runs_stale_ = true;                 ///< after a rollback
    std::vector<std::int64_t> ended_runs_;   ///< of this batch

    std::uint64_t last_commit_ = 0;
    std::uint64_t last_synced_ = 0;
    std::int64_t next_seq_ = 1;
    std::uint32_t epoch_ = 0;

    int wal_pages_ = 0;
    int checkpoint_at_ = 0;
    bool usable_ = true;
};

}  // namespace sluice::sqlite
