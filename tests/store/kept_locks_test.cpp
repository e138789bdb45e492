#include "server/store/sqlite/kept_locks.hpp"

#include "server/store/sqlite/checked_pages.hpp"
#include "server/store/sqlite/database.hpp"
#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
using namespace sqlite;

/// The VFS of SQLite that counts the locks taken and given back, and may meddle with them.
struct counting_vfs {
    static constexpr const char* name = "lock-counting";

    static void start() {
        static sqlite3_vfs vfs = [] {
            sqlite3_vfs made = *sqlite3_vfs_find(nullptr);
            made.zName = name;
            made.xOpen = open;
            return made;
        }();
        sqlite3_vfs_register(&vfs, 0);
        calls = 0;
        before = nullptr;
    }

    static int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out) {
        auto* system = sqlite3_vfs_find(nullptr);
        const int rc = system->xOpen(system, path, file, flags, out);
        if (rc != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return rc;
        static const sqlite3_io_methods* const uncounted = file->pMethods;
        static const sqlite3_io_methods counted = [] {
            auto made = *uncounted;
            made.xShmLock = [](sqlite3_file* f, int first, int count, int how) {
                ++calls;
                if (before) before(f, first, count, how);
                return uncounted->xShmLock(f, first, count, how);
            };
            return made;
        }();
        file->pMethods = &counted;
        return rc;
    }

    static inline int calls = 0;
    static inline std::function<void(sqlite3_file*, int first, int count, int how)> before;
};

connection open_table(const fs::path& file, const char* vfs = checked_pages_vfs(nullptr)) {
    auto db = open_writer(file, vfs);
    db.execute("PRAGMA synchronous=NORMAL; CREATE TABLE IF NOT EXISTS t(a)");
    return db;
}

connection open_reader(const fs::path& file, const char* vfs = checked_pages_vfs(nullptr)) {
    return {file.string(), SQLITE_OPEN_READONLY, vfs};
}

/// True when all of the log is in the database now.
bool checkpoint(connection& db) {
    int pages = 0;
    int moved = 0;
    EXPECT_EQ(
        sqlite3_wal_checkpoint_v2(db.get(), "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &moved),
        SQLITE_OK);
    return moved == pages;
}

std::int64_t rows_in(connection& db) {
    return db.query_integer("SELECT count(*) FROM t");
}

/// Steps of work in a process of its own, which knows nothing of the locks in this one. Begun
/// before this one opens a database, since SQLite's books must not be inherited.
class other_process {
public:
    explicit other_process(const std::function<std::int64_t(int step)>& work) {
        EXPECT_EQ(::pipe(orders_.data()), 0);
        EXPECT_EQ(::pipe(results_.data()), 0);
        child_ = ::fork();
        ::close(child_ == 0 ? orders_[1] : orders_[0]);
        ::close(child_ == 0 ? results_[0] : results_[1]);
        if (child_ != 0) return;
        char order = 0;
        for (int step = 0; ::read(orders_[0], &order, 1) == 1; ++step) {
            std::int64_t result = -1;
            try {
                result = work(step);
            } catch (const database_error& e) {
                result = -e.primary_code();
            } catch (...) {
                ::_exit(1);
            }
            if (::write(results_[1], &result, sizeof result) != sizeof result) break;
        }
        ::_exit(0);
    }
    ~other_process() {
        ::close(orders_[1]);
        ::waitpid(child_, nullptr, 0);
        ::close(results_[0]);
    }
    other_process(const other_process&) = delete;
    other_process& operator=(const other_process&) = delete;

    /// What the next step returns; minus SQLite's code when it threw.
    std::int64_t step() {
        std::int64_t result = 0;
        EXPECT_EQ(::write(orders_[1], "s", 1), 1);
        EXPECT_EQ(::read(results_[0], &result, sizeof result), sizeof result);
        return result;
    }

private:
    std::array<int, 2> orders_{};
    std::array<int, 2> results_{};
    pid_t child_ = -1;
};

/// Locks taken and given back by ten small commits of a database that is in use for a while.
int lock_calls_of_ten_commits(bool kept) {
    counting_vfs::start();
    const temp_directory directory;
    const auto* vfs = kept ? checked_pages_vfs(counting_vfs::name) : counting_vfs::name;
    auto db = open_table(directory.path() / "db", vfs);
    db.execute("INSERT INTO t VALUES(1)");
    counting_vfs::calls = 0;
    for (int i = 0; i < 10; ++i) db.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES(2); COMMIT");
    return counting_vfs::calls;
}

TEST(KeptLocks, ACommitNeedsNoCall) {
    EXPECT_EQ(lock_calls_of_ten_commits(true), 0);
}

TEST(KeptLocksControl, SqliteAloneNeedsSixForEach) {
    EXPECT_EQ(lock_calls_of_ten_commits(false), 60);
}

TEST(KeptLocks, DoNotKeepTheLogFromBeginningAnew) {
    const temp_directory directory;
    const auto file = directory.path() / "db";
    auto db = open_table(file);
    auto reader = open_reader(file);
    std::optional<std::uintmax_t> size;
    for (int round = 1; round <= 5; ++round) {
        for (int i = 0; i < 20; ++i) {
            db.execute("INSERT INTO t VALUES(zeroblob(100))");
            if (i % 5 == 0) {
                EXPECT_EQ(rows_in(reader), (round - 1) * 20 + i + 1);
            }
        }
        EXPECT_TRUE(checkpoint(db));
        const auto now = fs::file_size(file.string() + "-wal");
        if (!size)
            size = now + 4 * (24 + page_bytes);  // later rounds touch a page more now and then
        EXPECT_LE(now, *size) << round;
    }
}

/// A reader that was stopped before it set its mark goes on when the log has begun anew.
TEST(KeptLocks, AMarkThatIsTooNewIsGivenBack) {
    counting_vfs::start();
    const temp_directory directory;
    constexpr int first_mark = 4;
    constexpr int marks = 4;
    bool anew = false;
    bool set = false;
    auto db = open_table(directory.path() / "db", checked_pages_vfs(counting_vfs::name));
    for (int i = 0; i < 10; ++i) db.execute("INSERT INTO t VALUES(1)");
    ASSERT_TRUE(checkpoint(db));
    counting_vfs::before = [&](sqlite3_file* file, int first, int count, int how) {
        if (how == (SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE) && count == marks) anew = true;
        if (!anew || set || first != first_mark || how != (SQLITE_SHM_LOCK | SQLITE_SHM_SHARED))
            return;
        void volatile* index = nullptr;
        ASSERT_EQ(file->pMethods->xShmMap(file, 0, 32768, 0, &index), SQLITE_OK);
        // https://www.sqlite.org/walformat.html: two headers of 48 bytes, nBackfill, the marks.
        static_cast<std::uint32_t volatile*>(index)[(2 * 48) / 4 + 1 + 1] = 1000;
        set = true;
    };
    db.execute("INSERT INTO t VALUES(1)");
    counting_vfs::before = nullptr;
    EXPECT_TRUE(set);
    EXPECT_EQ(rows_in(db), 11);
}

TEST(KeptLocks, AnotherProcessReadsWhatWasThereWhenItBegan) {
    const temp_directory directory;
    const auto file = directory.path() / "db";
    std::optional<connection> reader;
    other_process other([&](int step) -> std::int64_t {
        if (step == 0) {
            reader = open_reader(file, nullptr);
            reader->execute("BEGIN");
        }
        if (step == 2) reader->execute("COMMIT");
        return rows_in(*reader);
    });
    auto db = open_table(file);
    for (int i = 0; i < 20; ++i) db.execute("INSERT INTO t VALUES(zeroblob(2000))");
    EXPECT_EQ(other.step(), 20);
    for (int i = 0; i < 200; ++i) {
        db.execute("INSERT INTO t VALUES(zeroblob(2000)); DELETE FROM t WHERE rowid = 1");
        const bool whole = i % 50 == 49 && checkpoint(db);
        EXPECT_FALSE(whole) << "nobody seems to read";
    }
    EXPECT_EQ(other.step(), 20);
    EXPECT_EQ(other.step(), 219);
    EXPECT_TRUE(checkpoint(db));
    db.execute("INSERT INTO t VALUES(1)");
    EXPECT_EQ(other.step(), 220);
}

/// What another process is told that writes while nothing is under way here.
std::int64_t result_of_a_foreign_write(bool kept) {
    const temp_directory directory;
    const auto file = directory.path() / "db";
    other_process other([&](int) -> std::int64_t {
        connection db(file.string(), SQLITE_OPEN_READWRITE, nullptr);
        db.execute("INSERT INTO t VALUES(1)");
        return 1;
    });
    auto db = open_table(file, kept ? checked_pages_vfs(nullptr) : nullptr);
    db.execute("INSERT INTO t VALUES(1)");
    return other.step();
}

TEST(KeptLocks, AnotherProcessDoesNotWrite) {
    EXPECT_EQ(result_of_a_foreign_write(true), -SQLITE_BUSY);
}

TEST(KeptLocksControl, BesideSqliteAloneItWrites) {
    EXPECT_EQ(result_of_a_foreign_write(false), 1);
}

TEST(KeptLocks, AreGivenBackWhenTheConnectionIsClosed) {
    const temp_directory directory;
    const auto file = directory.path() / "db";
    auto db = open_table(file);
    db.execute("INSERT INTO t VALUES(1)");
    auto reader = open_reader(file);
    EXPECT_EQ(rows_in(reader), 1);
    db.close();
    auto next = open_table(file);
    next.execute("INSERT INTO t VALUES(1)");
    EXPECT_TRUE(checkpoint(next));
    EXPECT_EQ(rows_in(reader), 2);
}

TEST(KeptLocks, AThreadReadsWhileAnotherWrites) {
    const temp_directory directory;
    const auto file = directory.path() / "db";
    auto db = open_table(file);
    auto reader = open_reader(file);
    constexpr std::int64_t commits = 2000;
    std::jthread writer([&] {
        for (std::int64_t i = 0; i < commits; ++i) {
            db.execute("INSERT INTO t VALUES(1)");
            if (i % 100 == 0) checkpoint(db);
        }
    });
    std::int64_t seen = 0;
    while (seen < commits) {
        const auto now = rows_in(reader);
        EXPECT_GE(now, seen);
        seen = std::max(seen, now);
    }
    writer.join();
    EXPECT_EQ(rows_in(reader), commits);
}

/// A writer, a reader of the same process and one of another, in any order.
TEST(KeptLocks, EveryReaderSeesTheLatestCommitOrItsSnapshot) {
    const auto seed = announced_seed();
    std::mt19937_64 random(seed);
    const temp_directory directory;
    const auto file = directory.path() / "db";
    std::optional<connection> foreign;
    other_process other([&](int) -> std::int64_t {
        if (!foreign) foreign = open_reader(file, nullptr);
        return rows_in(*foreign);
    });
    auto db = open_table(file);
    auto reader = open_reader(file);
    std::int64_t rows = 0;
    std::optional<std::int64_t> snapshot;
    for (int i = 0; i < 2000; ++i) {
        switch (random() % 8) {
            case 0:
                checkpoint(db);
                break;
            case 1:
                if (snapshot) reader.execute("COMMIT");
                snapshot.reset();
                break;
            case 2:
                if (snapshot) break;
                reader.execute("BEGIN");
                snapshot = rows_in(reader);
                break;
            case 3:
                ASSERT_EQ(other.step(), rows);
                break;
            case 4:
                db.execute("BEGIN IMMEDIATE; INSERT INTO t VALUES(zeroblob(300)); ROLLBACK");
                break;
            default:
                db.execute("INSERT INTO t VALUES(zeroblob(300))");
                ++rows;
        }
        ASSERT_EQ(rows_in(reader), snapshot.value_or(rows)) << "step " << i;
        ASSERT_EQ(rows_in(db), rows);
    }
}

}  // namespace
}  // namespace sluice::test
