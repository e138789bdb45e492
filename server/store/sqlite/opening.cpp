#include "server/store/sqlite/opening.hpp"

#include "server/store/sqlite/checked_pages.hpp"
#include "server/store/sqlite/schema.hpp"

#include <optional>
#include <string>

namespace sluice::sqlite {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
    throw store_error(exit_damaged,
                      file + " is damaged: " + why +
                          ". Acknowledged jobs may be missing, so the store was not opened; "
                          "salvage can save what is left.");
}

connection connect(const data_directory& directory, int flags, const char* vfs) {
    connection db(directory.file(database_name), flags, vfs);
    // The log must outlive a process that found damage, and one that dies.
    sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_busy_timeout(db.get(), 5000);
    db.execute(
        "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
        "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0");
    return db;
}

std::uint64_t commit_of(connection& db) {
    return static_cast<std::uint64_t>(
        db.query_integer("SELECT value FROM meta WHERE key = 'commit'"));
}

/// The latest commit in the database file by itself. Nothing if that cannot be told: a power cut
/// during a checkpoint leaves torn pages, which the log holds whole.
std::optional<std::uint64_t> commit_without_log(const data_directory& directory, const char* vfs) {
    try {
        connection db(file_uri(directory.file(database_name), "immutable=1"),
                      SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, vfs);
        return commit_of(db);
    } catch (const database_error& e) {
        if (e.is_damage() || e.primary_code() == SQLITE_ERROR) return std::nullopt;
        throw;
    }
}

void refuse_foreign(const data_directory& directory, connection& db) {
    if (db.query_integer("PRAGMA application_id") == application_id) return;
    refuse(directory.file(database_name), "it is not a database of this server");
}

void refuse_newer(const data_directory& directory, std::int64_t version) {
    if (version <= schema_version) return;
    throw store_error(exit_config,
                      directory.file(database_name) + " has schema version " +
                          std::to_string(version) + "; this server knows versions up to " +
                          std::to_string(schema_version) + ". It was written by a newer server.");
}

/// True when there is nothing yet, or a creation that was interrupted.
bool is_fresh(const data_directory& directory) {
    const bool has_mark = directory.has(mark_name);
    const bool has_wal = directory.size(wal_name) > 0;
    if (directory.size(database_name) > 0) return false;
    if (has_mark || has_wal) {
        refuse(directory.file(database_name),
               directory.has(database_name) ? "it is empty" : "it is missing");
    }
    return true;
}

/// A creation that was cut off before its first commit has tables, perhaps, but no mark.
bool is_unfinished(connection& db) {
    if (db.query_integer("PRAGMA user_version") == 0) {
        return db.query_integer("SELECT count(*) FROM sqlite_schema") == 0;
    }
    return commit_of(db) == 0;
}

std::unique_ptr<mark_file> open_mark(const data_directory& directory, const char* vfs,
                                     bool create) {
    return std::make_unique<mark_file>(directory.file(mark_name), vfs, create);
}

opened_database create(const data_directory& directory, const char* vfs, const char* base) {
    opened_database opened;
    opened.writer = connect(directory, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);
    create_database(opened.writer);
    opened.mark = open_mark(directory, base, true);
    opened.mark->write(opened.position);
    opened.mark->sync();
    opened.reader = connect(directory, SQLITE_OPEN_READONLY, vfs);
    return opened;
}

void check_position(const data_directory& directory, std::optional<std::uint64_t> without_log,
                    std::uint64_t commit, const high_water_mark& mark) {
    if (without_log && *without_log < mark.checkpointed) {
        refuse(directory.file(database_name),
               "it holds commits up to " + std::to_string(*without_log) + ", but " +
                   std::to_string(mark.checkpointed) + " were moved into it");
    }
    if (commit < mark.commit) {
        refuse(directory.file(wal_name), "the log ends at commit " + std::to_string(commit) +
                                             ", but " + std::to_string(mark.commit) +
                                             " were acknowledged");
    }
}

/// Takes over what another program moved from the log into the database, such as the sqlite3 shell
/// does when someone looks after a crash. It must be sound and complete.
void adopt_foreign_checkpoint(const data_directory& directory, const char* base,
                              const high_water_mark& mark) {
    const auto path = directory.file(database_name);
    if (mark.closed || directory.size(wal_name) > 0 || count_unchecked_pages(path.c_str()) == 0) {
        return;
    }
    {
        auto db = connect(directory, SQLITE_OPEN_READWRITE, base);
        check_position(directory, std::nullopt, commit_of(db), mark);
        auto check = db.prepare("PRAGMA quick_check(1)");
        if (!check.step() || check.text(0) != "ok") {
            refuse(path, "another program has written it, and " + std::string(check.text(0)));
        }
    }
    if (!adopt_pages(path.c_str())) throw store_error(exit_io, "cannot write " + path);
}

opened_database open_existing(const sqlite_store_config& config, const data_directory& directory,
                              const char* vfs) {
    const char* base = config.testing.vfs;
    opened_database opened;
    if (!directory.has(mark_name)) {
        opened.writer = connect(directory, SQLITE_OPEN_READWRITE, vfs);
        if (!is_unfinished(opened.writer)) {
            refuse(directory.file(mark_name), "it is missing");
        }
        opened.writer.close();
        return create(directory, vfs, base);
    }
    opened.mark = open_mark(directory, base, false);
    const auto mark = opened.mark->read();
    if (mark) adopt_foreign_checkpoint(directory, base, *mark);
    const auto without_log = commit_without_log(directory, vfs);
    opened.writer = connect(directory, SQLITE_OPEN_READWRITE, vfs);
    refuse_foreign(directory, opened.writer);
    const auto version = opened.writer.query_integer("PRAGMA user_version");
    refuse_newer(directory, version);
    if (version == 0) refuse(directory.file(database_name), "it has no schema");
    if (!mark && commit_of(opened.writer) > 0) {
        refuse(directory.file(mark_name), "neither of its slots is whole");
    }
    opened.position = mark.value_or(high_water_mark{});
    if (config.testing.check_mark) {
        check_position(directory, without_log, commit_of(opened.writer), opened.position);
    }
    migrate(opened.writer, version);
    opened.reader = connect(directory, SQLITE_OPEN_READONLY, vfs);
    return opened;
}

}  // namespace

store_error to_store_error(const database_error& e, const std::string& file) {
    const bool unreadable = e.is_damage() || e.primary_code() == SQLITE_ERROR;
    int code = unreadable ? exit_damaged : exit_io;
    if (e.primary_code() == SQLITE_BUSY || e.primary_code() == SQLITE_LOCKED) code = exit_locked;
    return store_error(code, file + ": " + e.what());
}

opened_database open_database(const sqlite_store_config& config, const data_directory& directory) {
    const char* base = config.testing.vfs;
    const char* vfs = config.testing.check_pages ? checked_pages_vfs(base) : base;
    try {
        if (is_fresh(directory)) return create(directory, vfs, base);
        return open_existing(config, directory, vfs);
    } catch (const database_error& e) {
        throw to_store_error(e, directory.file(database_name));
    }
}

}  // namespace sluice::sqlite
