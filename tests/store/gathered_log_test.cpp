#include "server/store/sqlite/gathered_log.hpp"

#include "server/store/sqlite/checked_pages.hpp"
#include "server/store/sqlite/database.hpp"
#include "tests/support/powercut_vfs.hpp"
#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <random>
#include <string>

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
using namespace sqlite;

constexpr int frame_bytes = 24 + page_bytes;

/// Changes of the disk that one small commit without a sync makes.
std::uint64_t changes_of_a_commit(bool gathered) {
    auto& disk = powercut_vfs::instance();
    disk.start(1);
    const char* vfs = gathered ? checked_pages_vfs(powercut_vfs::name) : powercut_vfs::name;
    const temp_directory directory;
    auto db = open_writer(directory.path() / "db", vfs);
    db.execute("PRAGMA synchronous=NORMAL; CREATE TABLE t(a); CREATE TABLE u(a)");
    db.execute("INSERT INTO t VALUES(1)");
    const auto before = disk.changes();
    db.execute("BEGIN; INSERT INTO t VALUES(2); INSERT INTO u VALUES(2); COMMIT");
    return disk.changes() - before;
}

TEST(GatheredLog, WritesACommitByOneCall) {
    EXPECT_EQ(changes_of_a_commit(true), 1);
}

TEST(GatheredLogControl, SqliteAloneNeedsTwoCallsForEachPage) {
    EXPECT_EQ(changes_of_a_commit(false), 4);
}

using row_map = std::map<std::int64_t, std::string>;

/// A database whose transactions are larger than its cache: pages go to the log before their
/// commit, are read back from it and written to it anew.
class spilling_database {
public:
    spilling_database(const fs::path& directory, std::uint64_t seed)
        : file_(directory / "db"),
          random_(seed),
          db_(open_writer(file_, checked_pages_vfs(nullptr))) {
        db_.execute("PRAGMA synchronous=NORMAL; PRAGMA cache_size=4; PRAGMA cache_spill=4");
        db_.execute("CREATE TABLE t(key INTEGER PRIMARY KEY, value TEXT NOT NULL)");
        put_ = db_.prepare("INSERT OR REPLACE INTO t VALUES(?1, ?2)");
    }

    void change() {
        const auto before = rows_;
        db_.execute("BEGIN");
        some_rows(30);
        db_.execute("SAVEPOINT s");
        const auto saved = rows_;
        some_rows(30);
        if (random_() % 2 == 0) {
            db_.execute("ROLLBACK TO s");
            rows_ = saved;
            some_rows(10);
        }
        const bool keep = random_() % 4 != 0;
        db_.execute(keep ? "COMMIT" : "ROLLBACK");
        if (!keep) rows_ = before;
        if (random_() % 16 == 0) db_.execute("PRAGMA wal_checkpoint(RESTART)");
    }

    const row_map& expected() const { return rows_; }
    const fs::path& file() const { return file_; }

private:
    void some_rows(int count) {
        for (int i = 0; i < count; ++i) {
            const auto key = static_cast<std::int64_t>(random_() % 200);
            rows_[key] = std::string(500 + random_() % 900, static_cast<char>('a' + key % 26)) +
                         std::to_string(random_());
            put_.bind(1, key);
            put_.bind(2, rows_[key]);
            put_.run();
        }
    }

    fs::path file_;
    std::mt19937_64 random_;
    connection db_;
    statement put_;
    row_map rows_;
};

/// What a process finds that opens the files as they are now, after the end of this one.
row_map found_after_a_kill(const fs::path& file, std::uintmax_t log_bytes_lost) {
    const temp_directory directory;
    const auto copy = directory.path() / "db";
    fs::copy_file(file, copy);
    fs::copy_file(file.string() + "-wal", copy.string() + "-wal");
    const auto size = fs::file_size(copy.string() + "-wal");
    fs::resize_file(copy.string() + "-wal", size - std::min(size, log_bytes_lost));
    auto db = open_writer(copy, checked_pages_vfs(nullptr));
    EXPECT_EQ(db.query_integer("SELECT count(*) FROM pragma_integrity_check WHERE "
                               "integrity_check = 'ok'"),
              1);
    row_map found;
    auto all = db.prepare("SELECT key, value FROM t");
    while (all.step()) found[all.integer(0)] = all.text(1);
    return found;
}

TEST(GatheredLog, HasEveryCommitInTheFileWhenItReturns) {
    const auto seed = announced_seed();
    const temp_directory directory;
    spilling_database db(directory.path(), seed);
    for (int i = 0; i < 120; ++i) {
        SCOPED_TRACE("transaction " + std::to_string(i));
        db.change();
        ASSERT_TRUE(found_after_a_kill(db.file(), 0) == db.expected());
    }
}

TEST(GatheredLogControl, ALogWithoutItsLastFrameLosesCommits) {
    const temp_directory directory;
    spilling_database db(directory.path(), 7);
    int lost = 0;
    for (int i = 0; i < 20; ++i) {
        db.change();
        if (found_after_a_kill(db.file(), frame_bytes) != db.expected()) ++lost;
    }
    EXPECT_GT(lost, 2);  // a transaction may be rolled back, or its log shorter than the file
}

TEST(PreparedLog, HasItsSizeFromTheStartAndHoldsWhatWasStored) {
    const temp_directory directory;
    auto config = small_store(directory.path());
    config.prepare_log = true;
    store_model model(3);
    for (int round = 0; round < 3; ++round) {
        const auto store = open_sqlite_store(config);
        const auto log = directory.path() / "sluice.db-wal";
        EXPECT_GE(fs::file_size(log), config.wal_bytes);
        EXPECT_LT(fs::file_size(log), 2 * config.wal_bytes);
        EXPECT_EQ(contents_of(*store), model.contents());
        for (int i = 0; i < 10; ++i)
            ASSERT_EQ(store->commit_blocking(model.next_batch()).status, commit_status::ok);
        EXPECT_EQ(contents_of(*store), model.contents());
        if (round == 0) store->close_blocking();  // the next one finds no log, the last one a log
    }
}

TEST(PreparedLog, IsLeftOutWhereThereIsHardlyRoom) {
    const temp_directory directory;
    auto config = small_store(directory.path());
    config.prepare_log = true;
    config.disk_low_bytes = std::uint64_t{1} << 60;
    const auto store = open_sqlite_store(config);
    EXPECT_LT(fs::file_size(directory.path() / "sluice.db-wal"), config.wal_bytes);
}

}  // namespace
}  // namespace sluice::test
