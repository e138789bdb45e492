// Files of older servers.

#include "proto/limit_rule.hpp"
#include "proto/unique.hpp"
#include "server/store/sqlite/salvage.hpp"
#include "tests/store/store_fixture.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// Changes a closed store behind its back.
void change(const std::filesystem::path& directory, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open_v2((directory / "sluice.db").c_str(), &db, SQLITE_OPEN_READWRITE,
                              "sluice-checked-unix"),
              SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
}

constexpr const char* no_runs =
    "DROP VIEW job_overview; DROP TABLE runs; CREATE VIEW job_overview AS SELECT seq FROM jobs;"
    "ALTER TABLE history DROP COLUMN run;";
constexpr const char* no_fairness =
    "ALTER TABLE jobs DROP COLUMN fairness; ALTER TABLE history DROP COLUMN fairness;";
constexpr const char* no_settings = "DROP TABLE settings;";
constexpr const char* no_limits =
    "ALTER TABLE jobs DROP COLUMN limit_key; ALTER TABLE history DROP COLUMN limit_key;";
constexpr const char* no_workflows =
    "DROP TABLE workflows; DROP TABLE workflow_progress;"
    "ALTER TABLE jobs DROP COLUMN parent_results; ALTER TABLE history DROP COLUMN parent_results;";
constexpr const char* no_unique_keys =
    "DROP INDEX jobs_unique; DROP INDEX history_unique;"
    "ALTER TABLE jobs DROP COLUMN unique_key; ALTER TABLE history DROP COLUMN unique_key;";

/// Makes of a closed store what version 7 of the schema would have left.
void make_version_7(const std::filesystem::path& directory) {
    change(directory, std::string("PRAGMA user_version=7;") + no_runs + no_fairness);
}

/// The same for version 6.
void make_version_6(const std::filesystem::path& directory) {
    change(directory, std::string("PRAGMA user_version=6;") + no_runs + no_fairness + no_settings);
}

/// The same for version 5.
void make_version_5(const std::filesystem::path& directory) {
    change(directory,
           std::string("PRAGMA user_version=5;") + no_runs + no_fairness + no_settings + no_limits);
}

/// The same for version 4.
void make_version_4(const std::filesystem::path& directory) {
    change(directory, std::string("PRAGMA user_version=4;") + no_runs + no_fairness + no_settings +
                          no_limits + no_workflows);
}

/// The same for version 3.
void make_version_3(const std::filesystem::path& directory) {
    change(directory, std::string("PRAGMA user_version=3;") + no_runs + no_fairness + no_settings +
                          no_limits + no_workflows + no_unique_keys);
}

/// The same for version 2.
void make_version_2(const std::filesystem::path& directory) {
    change(directory, std::string("PRAGMA user_version=2; DROP TABLE crons;") + no_runs +
                          no_fairness + no_settings + no_limits + no_workflows + no_unique_keys);
}

/// The same for version 1.
void make_version_1(const std::filesystem::path& directory) {
    std::string sql = "PRAGMA user_version=1; DROP TABLE job_logs; DROP TABLE crons;";
    sql += no_runs;
    sql += no_fairness;
    sql += no_settings;
    sql += no_limits;
    sql += no_workflows;
    sql += no_unique_keys;
    for (const auto* table : {"jobs", "history"})
        for (const auto* column : {"lease_length_ms", "run_left_ms"})
            sql += std::string("ALTER TABLE ") + table + " DROP COLUMN " + column + ";";
    change(directory, sql);
}

job_record as_of_version_1(job_record job) {
    job.lease_length.reset();
    job.run_left.reset();
    job.parent_results.clear();
    return job;
}

job_record running() {
    auto job = full_record();
    job.state = job_state::active;
    job.outcome = lease_outcome::open;
    return job;
}

class StoreUpgrade : public StoreTest {
protected:
    StoreUpgrade() {
        put(job_place::nowhere, job_place::live, live);
        put(job_place::nowhere, job_place::history, ended);
        store->close_blocking();
        store.reset();
        make_version_1(config.directory);
    }

    job_record live = running();
    job_record ended = [] {
        auto job = make_job(8);
        job.state = job_state::completed;
        job.finished_at = noon;
        job.lease_length = 1s;
        return job;
    }();
};

TEST_F(StoreUpgrade, KeepsEveryJobAndKnowsNoLengthsOfBefore) {
    reopen();
    const auto all = restore(*store);
    ASSERT_EQ(all.active.size(), 1U);
    expect_same(all.active.front(), as_of_version_1(live));
    job_query done;
    done.state = job_state::completed;
    const auto page = store->list_blocking(done);
    ASSERT_EQ(page.jobs.size(), 1U);
    EXPECT_EQ(page.jobs.front().seq, 8);
}

TEST_F(StoreUpgrade, TakesLengthsFromThenOn) {
    reopen();
    live.run_left = 7ms;
    put(job_place::live, job_place::live, live);
    reopen();
    expect_same(restore(*store).active.at(0), live);
}

TEST_F(StoreUpgrade, TakesCronJobsFromThenOn) {
    reopen();
    EXPECT_TRUE(restore(*store).crons.empty());
    journal_batch batch;
    batch.crons = {{"tick", cron_record{}}};
    batch.crons[0].record->definition.name = "tick";
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    reopen();
    EXPECT_EQ(restore(*store).crons.size(), 1U);
}

TEST_F(StoreTest, AStoreOfVersion2TakesCronJobsAndKeepsItsJobs) {
    auto live = running();
    live.run_left = 7ms;
    live.parent_results.clear();
    put(job_place::nowhere, job_place::live, live);
    store->close_blocking();
    store.reset();
    make_version_2(config.directory);
    const auto rescued = config.directory / "rescued";
    EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 1U);
    reopen();
    expect_same(restore(*store).active.at(0), live);
    journal_batch batch;
    batch.crons = {{"tick", cron_record{}}};
    batch.crons[0].record->definition.name = "tick";
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    reopen();
    EXPECT_EQ(restore(*store).crons.size(), 1U);
}

TEST_F(StoreTest, AStoreOfVersion3TakesUniqueJobsAndKeepsItsOwn) {
    auto old = make_job(3);
    auto spec = std::make_shared<job_spec>(*old.spec);
    spec->extra_options = R"("unique":{"keys":["type"]})";  // as a member nobody knew
    old.spec = spec;
    put(job_place::nowhere, job_place::live, old);
    store->close_blocking();
    store.reset();
    make_version_3(config.directory);
    const auto rescued = config.directory / "rescued";
    EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 1U);
    reopen();
    expect_same(store->find_blocking(old.spec->id)->record, old);
    auto fresh = make_job(4);
    auto unique = std::make_shared<job_spec>(*fresh.spec);
    unique_rule rule;
    rule.text = "{}";
    unique->unique = std::make_shared<const unique_rule>(std::move(rule));
    fresh.spec = unique;
    put(job_place::nowhere, job_place::live, fresh);
    EXPECT_EQ(store->find_unique_blocking({}, job_state::available, 9, 9).size(), 1U);
}

TEST_F(StoreTest, AStoreOfVersion4TakesWorkflowsAndKeepsItsUniqueKeys) {
    auto old = make_job(3);
    auto spec = std::make_shared<job_spec>(*old.spec);
    unique_rule rule;
    rule.text = "{}";
    rule.key.fill(7);
    spec->unique = std::make_shared<const unique_rule>(rule);
    old.spec = spec;
    put(job_place::nowhere, job_place::live, old);
    store->close_blocking();
    store.reset();
    make_version_4(config.directory);
    const auto rescued = config.directory / "rescued";
    EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 1U);
    reopen();
    EXPECT_EQ(store->find_unique_blocking(rule.key, job_state::available, 9, 9).size(), 1U);
    journal_batch batch;
    batch.workflows.emplace_back().fresh = true;
    batch.workflows[0].record.seq = 7;
    batch.workflows[0].record.id = make_uuid(noon, 7, 1);
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    EXPECT_TRUE(store->find_workflow_blocking(make_uuid(noon, 7, 1)));
}

TEST_F(StoreTest, AStoreOfVersion5TakesLimitsAndKeepsItsJobs) {
    const auto old = make_job(3);
    put(job_place::nowhere, job_place::live, old);
    store->close_blocking();
    store.reset();
    make_version_5(config.directory);
    const auto rescued = config.directory / "rescued";
    EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 1U);
    reopen();
    expect_same(store->find_blocking(old.spec->id)->record, old);
    auto fresh = make_job(4);
    auto limited = std::make_shared<job_spec>(*fresh.spec);
    limit_rule rule;
    rule.text = "{}";
    rule.key = "k";
    limited->limit = std::make_shared<const limit_rule>(std::move(rule));
    fresh.spec = limited;
    put(job_place::nowhere, job_place::live, fresh);
    reopen();
    EXPECT_EQ(restore(*store).limit_keys, (std::vector<std::string>{"", "k"}));
}

TEST_F(StoreTest, AStoreOfVersion6TakesSettingsAndKeepsItsJobs) {
    put(job_place::nowhere, job_place::live, make_job(3));
    store->close_blocking();
    store.reset();
    make_version_6(config.directory);
    const auto rescued = config.directory / "rescued";
    EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 1U);
    reopen();
    const auto before = restore(*store);
    EXPECT_EQ(before.waiting.size(), 1U);
    EXPECT_TRUE(before.settings.empty());
    journal_batch batch;
    batch.settings = {{setting_kind::queue, "q", "{}"}};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    reopen();
    EXPECT_EQ(restore(*store).settings, batch.settings);
}

TEST_F(StoreTest, AStoreOfVersion7TakesFairnessKeysAndKeepsItsJobs) {
    const auto old = make_job(3);
    put(job_place::nowhere, job_place::live, old);
    store->close_blocking();
    store.reset();
    make_version_7(config.directory);
    const auto rescued = config.directory / "rescued";
    EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 1U);
    reopen();
    expect_same(store->find_blocking(old.spec->id)->record, old);
    const auto fresh = with_fairness(make_job(4), {"tenant-7", 2, 10});
    put(job_place::nowhere, job_place::live, fresh);
    reopen();
    EXPECT_EQ(restore(*store).fairness, (std::vector<fairness_rule>{{}, *fresh.spec->fairness}));
    expect_same(store->find_blocking(fresh.spec->id)->record, fresh);
}

TEST_F(StoreTest, AStoreOfVersion8KeepsItsRuns) {
    auto old = running();
    old.worker_id = "w2";
    old.attempts = {{1, "w1", noon, noon + 1s, lease_outcome::nacked},
                    {old.attempt, old.worker_id, *old.started_at, old.finished_at, old.outcome}};
    put(job_place::nowhere, job_place::live, old);
    store->close_blocking();
    store.reset();
    // As servers of then wrote it: the latest run like any other.
    const auto micros = [](timestamp t) { return std::to_string(t.time_since_epoch().count()); };
    const auto run = [&](const job_attempt& a) {
        return R"({"attempt":)" + std::to_string(a.attempt) + R"(,"worker":")" + a.worker_id +
               R"(","started":)" + micros(a.started_at) +
               (a.finished_at ? R"(,"finished":)" + micros(*a.finished_at) : "") +
               R"(,"outcome":)" + std::to_string(static_cast<int>(a.outcome)) + "}";
    };
    change(config.directory,
           std::string("PRAGMA user_version=8;") + no_runs +
               "UPDATE jobs SET history = json_set(history, '$.attempts', "
               "json('[" +
               run(old.attempts[0]) + "," + run(old.attempts[1]) +
               "]')); UPDATE jobs SET history = json_remove(history, '$.latest')");
    reopen();
    const auto all = restore(*store);
    ASSERT_EQ(all.active.size(), 1U);
    expect_same(all.active.front(), old);
    put(job_place::live, job_place::live, old);  // in the form of now
    reopen();
    expect_same(restore(*store).active.at(0), old);
}

TEST_F(StoreTest, AStoreOfVersion9TakesRunsAndKeepsItsOwn) {
    const auto old = running();
    put(job_place::nowhere, job_place::live, old);
    put(job_place::nowhere, job_place::live, make_job(8));
    store->close_blocking();
    store.reset();
    change(config.directory, std::string("PRAGMA user_version=9;") + no_runs);
    const auto rescued = config.directory / "rescued";
    EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 2U);
    reopen();
    auto all = restore(*store);
    ASSERT_EQ(all.active.size(), 1U);
    expect_same(all.active.front(), old);
    auto fresh = make_job(8);
    fresh.state = job_state::active;
    put(job_place::live, job_place::live, fresh);
    reopen();
    EXPECT_EQ(restore(*store).active.size(), 2U);
}

TEST_F(StoreUpgrade, SalvageReadsAnOlderFile) {
    const auto rescued = config.directory / "rescued";
    salvage_store(config.directory, rescued);
    auto copy = config;
    copy.directory = rescued;
    expect_same(restore(*open_sqlite_store(copy)).active.at(0), as_of_version_1(live));
}

}  // namespace
}  // namespace sluice::test
