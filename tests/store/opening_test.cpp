#include "tests/support/store_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>

namespace sluice::test {
namespace {

using testing::HasSubstr;

/// The exit code of the refusal and its words; 0 if the store opens.
std::pair<int, std::string> open_result(const std::filesystem::path& directory) {
    try {
        open_sqlite_store(small_store(directory));
        return {0, ""};
    } catch (const store_error& e) {
        return {e.exit_code(), e.what()};
    }
}

void execute(const std::filesystem::path& database, const char* sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(database.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
}

std::string query(const std::filesystem::path& database, const char* sql) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
    std::string out;
    const auto collect = [](void* to, int count, char** values, char**) {
        for (int i = 0; i < count; ++i)
            *static_cast<std::string*>(to) += values[i] ? values[i] : "";
        return 0;
    };
    EXPECT_EQ(sqlite3_exec(db, sql, collect, &out, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
    return out;
}

TEST(StoreOpening, IsRefusedWhileAnotherHoldsTheDirectory) {
    const temp_directory directory;
    auto first = open_sqlite_store(small_store(directory.path()));
    const auto [code, words] = open_result(directory.path());
    EXPECT_EQ(code, 75);
    EXPECT_THAT(words, HasSubstr("in use by another process"));
    EXPECT_THAT(words, HasSubstr(directory.path().string()));
    first.reset();
    EXPECT_EQ(open_result(directory.path()).first, 0);
}

TEST(StoreOpening, IsRefusedWhereNoDirectoryCanBe) {
    const temp_directory directory;
    std::ofstream(directory.path() / "file") << "x";
    EXPECT_EQ(open_result(directory.path() / "file" / "data").first, 73);
}

TEST(StoreOpening, MakesADirectoryAndFilesThatOnlyTheOwnerReads) {
    const temp_directory directory;
    const auto data = directory.path() / "deep" / "data";
    const auto before = ::umask(0);
    auto config = small_store(data);
    config.reserve_bytes = 64 * 1024;
    const auto store = open_sqlite_store(config);
    const auto mask_after = ::umask(before);
    EXPECT_EQ(mask_after, 0U) << "the process's own mask is given back";
    struct stat info {};
    ASSERT_EQ(::stat(data.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700U);
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(data)) {
        ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777, 0600U) << entry.path();
        ++files;
    }
    EXPECT_EQ(files, 6);
    EXPECT_EQ(std::filesystem::file_size(data / "reserve"), config.reserve_bytes);
}

TEST(StoreOpening, RefusesASchemaFromTheFuture) {
    const temp_directory directory;
    open_sqlite_store(small_store(directory.path()))->close_blocking();
    // Through the store's own pages, as a newer server would leave it.
    sqlite3* db = nullptr;
    const auto path = directory.path() / "sluice.db";
    ASSERT_EQ(sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE, "sluice-checked-unix"),
              SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version=99", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(db);
    const auto [code, words] = open_result(directory.path());
    EXPECT_EQ(code, 78);
    EXPECT_THAT(words, HasSubstr("schema version 99"));
    EXPECT_THAT(words, HasSubstr("newer"));
    EXPECT_EQ(query(path, "PRAGMA user_version"), "99") << "it must be left as it was";
}

TEST(StoreOpening, RefusesADatabaseThatIsNotItsOwn) {
    const temp_directory directory;
    execute(directory.path() / "sluice.db", "CREATE TABLE recipes(name)");
    const auto [code, words] = open_result(directory.path());
    EXPECT_EQ(code, 65);
    EXPECT_THAT(words, HasSubstr("sluice.db"));
    EXPECT_EQ(query(directory.path() / "sluice.db", "SELECT count(*) FROM recipes"), "0");
}

TEST(StoreOpening, GoesOnWithACreationThatWasCutOff) {
    const temp_directory directory;
    std::ofstream(directory.path() / "sluice.db");
    EXPECT_EQ(open_result(directory.path()).first, 0);
}

TEST(StoreOpening, TheShellCanReadAlongAndSeesNames) {
    const temp_directory directory;
    const auto store = open_sqlite_store(small_store(directory.path()));
    journal_batch batch;
    batch.jobs = {stored(make_job(1, "[1,2]")),
                  stored(make_job(2, "[\"" + std::string(5000, 'x') + "\"]"))};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    const auto path = directory.path() / "sluice.db";
    EXPECT_EQ(query(path, "SELECT queue, type, state, args FROM job_overview WHERE seq = 1"),
              "defaultemail.sendavailable[1,2]");
    EXPECT_EQ(query(path, "SELECT length(args) FROM job_overview WHERE seq = 2"), "5004");
    EXPECT_EQ(query(path, "PRAGMA integrity_check"), "ok");
    batch.jobs = {stored(make_job(3))};
    EXPECT_EQ(store->commit_blocking(batch).status, commit_status::ok);
}

TEST(StoreOpening, TakesOverWhatTheShellMovedFromTheLogAfterACrash) {
    const temp_directory directory;
    const auto copy = directory.path() / "copy";
    store_model model(11);
    {
        const auto data = directory.path() / "data";
        const auto store = open_sqlite_store(small_store(data));
        for (int i = 0; i < 60; ++i) {
            ASSERT_EQ(store->commit_blocking(model.next_batch()).status, commit_status::ok);
        }
        std::filesystem::copy(data, copy);  // as a killed process leaves it
    }
    execute(copy / "sluice.db", "SELECT count(*) FROM jobs");
    ASSERT_FALSE(std::filesystem::exists(copy / "sluice.db-wal")) << "the shell moved the log";
    EXPECT_EQ(contents_of(*open_sqlite_store(small_store(copy))), model.contents());
    EXPECT_EQ(contents_of(*open_sqlite_store(small_store(copy))), model.contents());
}

TEST(StoreOpening, LeavesNoLogAfterAnOrderlyClose) {
    const temp_directory directory;
    open_sqlite_store(small_store(directory.path()))->close_blocking();
    EXPECT_FALSE(std::filesystem::exists(directory.path() / "sluice.db-wal"));
    EXPECT_EQ(open_result(directory.path()).first, 0);
}

}  // namespace
}  // namespace sluice::test
