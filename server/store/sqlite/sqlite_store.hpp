#pragma once

#include "server/queue/job_store.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>

/// The embedded store: one data directory with a SQLite database in write-ahead mode.
///
/// - `sluice.db`, `sluice.db-wal`, `sluice.db-shm`: the database; `sqlite3 -readonly` may look
///   while the server runs, `job_overview` is the view for people. Who would write finds it busy.
/// - `mark`: how much the database must hold at least (mark_file.hpp).
/// - `LOCK`: locked for as long as a process has the store open.
/// - `reserve`: room set aside for the day the disk is full.
///
/// What opening promises: either every commit that was acknowledged is there, or store_error names
/// the damaged file. Pages of the database carry checksums of ours that are verified whenever one
/// is read (checked_pages.hpp), the log has SQLite's, and the mark tells a log or a database that
/// ends too early. So opening costs no scan beyond the live jobs, which `restore_blocking` reads
/// anyway; damage in finished jobs shows when they are read. A loss in the last second before a
/// power cut can stay unseen, because the mark is synced about once a second. No other process may
/// write the database, or move the log into it while the server runs: the pages would lack the
/// checksum. After a crash another program may do the latter, as the `sqlite3` shell does when it
/// is the first to look; such pages are checked and taken over.
namespace sluice {

struct sqlite_store_config {
    std::filesystem::path directory;
    /// `disk_low` is reported below so much free space beside what the log will need in the
    /// database. 0: never.
    std::uint64_t disk_low_bytes = std::uint64_t{64} << 20;
    std::uint64_t reserve_bytes = std::uint64_t{8} << 20;
    /// The log is moved into the database when it has grown to this.
    std::uint64_t wal_bytes = std::uint64_t{16} << 20;
    /// The log's file gets its size at once, when there is plenty of room for it.
    bool prepare_log = false;
    /// Epochs and sequence numbers start at least here. For a store that takes over from another.
    std::uint32_t epoch_min = 1;
    std::int64_t next_seq_min = 1;

    /// For tests alone: another VFS, and what the controls of fault tests switch off.
    struct test_options {
        const char* vfs = nullptr;
        bool durable = true;
        bool check_mark = true;
        bool check_pages = true;
    };
    test_options testing{};
};

/// Opens the store in `config.directory`, which is made if it is missing, and durably raises its
/// boot epoch. Throws store_error.
///
/// Failures later: a batch that found no room is `no_space` and may be tried again. After any other
/// failed write or sync every commit answers `failed` without touching the disk, because a sync
/// that failed once may lie when it is repeated. Reads throw store_error.
std::unique_ptr<job_store> open_sqlite_store(const sqlite_store_config& config);

}  // namespace sluice
