#include "server/store/sqlite/salvage.hpp"
#include "tests/store/store_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstring>
#include <fstream>
#include <iterator>

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

/// The next lines of a log, counted as the engine does.
class log_writer {
public:
    explicit log_writer(std::int64_t seq) : seq_(seq) {}

    std::vector<log_write> say(const std::vector<std::string>& texts) {
        std::vector<log_write> made;
        for (const auto& text : texts) {
            end_.bytes += log_cost(text);
            made.push_back({seq_, {++end_.lines, noon, 1, log_stream::stderr_, text}, end_.bytes});
        }
        return made;
    }
    const log_end& end() const { return end_; }

private:
    std::int64_t seq_;
    log_end end_;
};

using texts = std::vector<std::string>;

texts texts_of(job_store& store, std::int64_t seq, std::uint64_t after = 0,
               std::size_t lines_max = 1000) {
    texts all;
    for (auto& line : store.read_log_blocking(seq, after, lines_max))
        all.push_back(std::move(line.text));
    return all;
}

class StoreLogs : public StoreTest {
public:
    void write(std::vector<log_write> logs) {
        journal_batch batch;
        batch.number = ++batches;
        batch.sync = false;
        batch.logs = std::move(logs);
        const auto outcome = store->commit_blocking(batch);
        ASSERT_EQ(outcome.status, commit_status::ok) << outcome.message;
    }
};

TEST_F(StoreLogs, AreKeptByteForByteAndReadInPages) {
    put(job_place::nowhere, job_place::live, make_job(1));
    put(job_place::nowhere, job_place::live, make_job(2));
    log_writer one(1), two(2);
    const std::string odd("tab \t \x01 \xC3\xBC");
    write(one.say({"a", odd}));
    write(two.say({"of two"}));
    write(one.say({"", std::string(16'384, 'x')}));
    reopen();
    EXPECT_EQ(texts_of(*store, 1), (texts{"a", odd, "", std::string(16'384, 'x')}));
    EXPECT_EQ(texts_of(*store, 1, 1, 2), (texts{odd, ""}));
    EXPECT_EQ(texts_of(*store, 1, 4), texts{});
    EXPECT_EQ(texts_of(*store, 1, UINT64_MAX), texts{});
    EXPECT_EQ(texts_of(*store, 2), texts{"of two"});
    const auto line = store->read_log_blocking(2, 0, 1).at(0);
    EXPECT_EQ(line, (log_line{1, noon, 1, log_stream::stderr_, "of two"}));
    EXPECT_EQ(store->log_end_blocking(1).lines, 4U);
    EXPECT_EQ(store->log_end_blocking(1).bytes, one.end().bytes);
    EXPECT_EQ(store->log_end_blocking(3).lines, 0U);
}

TEST_F(StoreLogs, RefuseTheZerosOfADamagedPage) {
    put(job_place::nowhere, job_place::live, make_job(1));
    log_writer one(1);
    write(one.say({std::string(3, '\0')}));
    EXPECT_THROW(store->read_log_blocking(1, 0, 10), store_error);
}

TEST_F(StoreLogs, FollowTheirJobIntoHistoryAndGoWithIt) {
    auto job = make_job(1);
    put(job_place::nowhere, job_place::live, job);
    log_writer log(1);
    write(log.say({"a", "b"}));
    job.state = job_state::discarded;
    put(job_place::live, job_place::history, job);
    EXPECT_EQ(texts_of(*store, 1), (texts{"a", "b"}));
    put(job_place::history, job_place::nowhere, job);
    EXPECT_EQ(texts_of(*store, 1), texts{});
    EXPECT_EQ(store->log_end_blocking(1).lines, 0U);
}

TEST_F(StoreLogs, GoWithRetention) {
    for (const std::int64_t seq : {1, 2}) {
        auto job = make_job(seq);
        put(job_place::nowhere, job_place::live, job);
        write(log_writer(seq).say({"a"}));
        job.state = job_state::completed;
        put(job_place::live, job_place::history, job, noon + std::chrono::hours(seq));
    }
    EXPECT_EQ(store->purge_blocking(noon + 90min, 100).gone, 1U);
    EXPECT_EQ(texts_of(*store, 1), texts{});
    EXPECT_EQ(texts_of(*store, 2), texts{"a"});
}

TEST_F(StoreLogs, BoundAStepOfRetention) {
    for (const std::int64_t seq : {1, 2, 3, 4}) {
        auto job = make_job(seq);
        put(job_place::nowhere, job_place::live, job);
        write(log_writer(seq).say(texts(seq == 1 ? 12'000 : 4'000, "a")));
        job.state = job_state::completed;
        put(job_place::live, job_place::history, job, noon + std::chrono::seconds(seq));
    }
    auto step = store->purge_blocking(noon + 1h, 100);
    EXPECT_EQ(step.gone, 1U) << "one job at least";
    EXPECT_TRUE(step.more);
    step = store->purge_blocking(noon + 1h, 100);
    EXPECT_EQ(step.gone, 2U);
    EXPECT_TRUE(step.more);
    step = store->purge_blocking(noon + 1h, 100);
    EXPECT_EQ(step.gone, 1U);
    EXPECT_FALSE(step.more);
    EXPECT_EQ(store->log_end_blocking(4).lines, 0U);
}

TEST_F(StoreLogs, GoWithAReset) {
    put(job_place::nowhere, job_place::live, make_job(1));
    write(log_writer(1).say({"a"}));
    journal_batch batch;
    batch.number = ++batches;
    batch.reset = true;
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    EXPECT_EQ(texts_of(*store, 1), texts{});
}

TEST_F(StoreLogs, OfALongLogAPageEndsAfterAMebibyte) {
    put(job_place::nowhere, job_place::live, make_job(1));
    log_writer log(1);
    write(log.say(texts(200, std::string(16'000, 'x'))));
    const auto page = texts_of(*store, 1);
    EXPECT_GT(page.size(), 60U);
    EXPECT_LT(page.size(), 70U);
}

// -- a store of the first version

class StoreOfVersion1 : public testing::Test {
protected:
    StoreOfVersion1() { fs::copy(SLUICE_VERSION_1, path); }

    const temp_directory directory;
    const fs::path path = directory.path() / "data";
};

TEST_F(StoreOfVersion1, IsBroughtUpToDateWithAllItHolds) {
    auto store = open_sqlite_store(small_store(path));
    const auto found = contents_of(*store);
    ASSERT_EQ(found.size(), 7U);
    EXPECT_THAT(found.at(1), HasSubstr("[1, \"waiting\"]"));
    EXPECT_THAT(found.at(2), HasSubstr("019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f"));
    EXPECT_THAT(found.at(3), HasSubstr(std::string(3000, 'x')));
    EXPECT_THAT(found.at(4), HasSubstr("live scheduled"));
    EXPECT_THAT(found.at(5), HasSubstr("history completed"));
    EXPECT_THAT(found.at(6), HasSubstr("history discarded"));
    EXPECT_THAT(found.at(7), HasSubstr("live active"));
    EXPECT_TRUE(store->find_key_blocking("k1"));
    const auto told = restore(*store);
    EXPECT_EQ(told.waiting.size(), 4U);
    EXPECT_EQ(told.active.size(), 1U);
    EXPECT_EQ(told.summary.next_seq, 8);
    EXPECT_EQ(texts_of(*store, 7), texts{});

    journal_batch batch;
    batch.number = 1;
    batch.logs = log_writer(7).say({"from version 2"});
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    store->close_blocking();
    store.reset();
    store = open_sqlite_store(small_store(path));
    EXPECT_EQ(texts_of(*store, 7), texts{"from version 2"});
}

TEST_F(StoreOfVersion1, IsTheFirstVersionIndeed) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((path / "sluice.db").c_str(), &db), SQLITE_OK);
    sqlite3_stmt* version = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &version, nullptr), SQLITE_OK);
    ASSERT_EQ(sqlite3_step(version), SQLITE_ROW);
    EXPECT_EQ(sqlite3_column_int(version, 0), 1);
    sqlite3_finalize(version);
    sqlite3_close(db);
}

TEST_F(StoreOfVersion1, CanBeSalvagedAsItIs) {
    const auto fresh = directory.path() / "fresh";
    const auto report = salvage_store(path, fresh);
    EXPECT_EQ(report.live_jobs, 5U);
    EXPECT_EQ(report.finished_jobs, 2U);
    EXPECT_EQ(report.log_lines, 0U);
    EXPECT_EQ(report.problems, texts{});
    EXPECT_EQ(contents_of(*open_sqlite_store(small_store(fresh))).size(), 7U);
}

// -- salvage

class SalvageOfLogs : public testing::Test {
protected:
    /// Jobs 1 to 60, every second one with 40 lines.
    void fill() {
        const auto store = open_sqlite_store(small_store(damaged));
        for (std::int64_t seq = 1; seq <= 60; ++seq) {
            journal_batch batch;
            batch.number = static_cast<std::uint64_t>(seq);
            batch.jobs = {stored(make_job(seq))};
            texts lines;
            for (int i = 0; i < 40; ++i)
                lines.push_back("job " + std::to_string(seq) + " line " + std::to_string(i));
            if (seq % 2 == 0) batch.logs = log_writer(seq).say(lines);
            ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
        }
        before = contents_of(*store);
        store->close_blocking();
    }

    const temp_directory directory;
    const fs::path damaged = directory.path() / "damaged";
    const fs::path fresh = directory.path() / "fresh";
    store_contents before;
};

TEST_F(SalvageOfLogs, OfASoundStoreKeepsThemAll) {
    fill();
    const auto report = salvage_store(damaged, fresh);
    EXPECT_EQ(report.log_lines, 1200U);
    EXPECT_EQ(report.problems, texts{});
    EXPECT_EQ(contents_of(*open_sqlite_store(small_store(fresh))), before);
}

TEST_F(SalvageOfLogs, SavesTheLinesAroundADamagedPage) {
    fill();
    std::ifstream in(damaged / "sluice.db", std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto at = bytes.find("job 30 line 20");
    ASSERT_NE(at, bytes.npos);
    std::memset(bytes.data() + at / 4096 * 4096, 0, 4096);
    std::ofstream(damaged / "sluice.db", std::ios::binary) << bytes;

    const auto report = salvage_store(damaged, fresh);
    EXPECT_EQ(report.lost_rows, 0U) << "no job is lost";
    EXPECT_GT(report.log_lines, 1000U);
    EXPECT_LT(report.log_lines, 1200U);
    ASSERT_FALSE(report.problems.empty());
    EXPECT_THAT(report.problems.front(), HasSubstr("Logs after job"));
    const auto store = open_sqlite_store(small_store(fresh));
    const auto found = contents_of(*store);
    ASSERT_EQ(found.size(), 60U);
    EXPECT_EQ(found.at(2), before.at(2));
    EXPECT_EQ(found.at(60), before.at(60));
    // A log goes on behind what was saved of it.
    const auto end = store->log_end_blocking(30);
    journal_batch batch;
    batch.number = 1;
    batch.logs = {{30, {end.lines + 1, noon, 2, log_stream::log, "more"}, end.bytes + 68}};
    EXPECT_EQ(store->commit_blocking(batch).status, commit_status::ok);
}

}  // namespace
}  // namespace sluice::test
