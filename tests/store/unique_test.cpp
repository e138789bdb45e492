#include "proto/unique.hpp"
#include "server/store/sqlite/salvage.hpp"
#include "tests/store/store_fixture.hpp"

#include <sqlite3.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

unique_key key_of(std::uint8_t byte) {
    unique_key key{};
    key.fill(byte);
    return key;
}

job_record unique_job(std::int64_t seq, std::uint8_t key, std::string args = "[]") {
    auto job = make_job(seq, std::move(args));
    auto spec = std::make_shared<job_spec>(*job.spec);
    unique_rule rule;
    rule.text = R"({"keys": ["type"]})";
    rule.states.add(job_state::completed);
    rule.period = 5min;
    rule.on_conflict = conflict_policy::ignore;
    rule.key = key_of(key);
    spec->unique = std::make_shared<const unique_rule>(std::move(rule));
    job.spec = spec;
    return job;
}

class UniqueStore : public StoreTest {
protected:
    std::vector<std::int64_t> found(std::uint8_t key, job_state state,
                                    std::int64_t before = INT64_MAX, std::size_t max = 16) {
        std::vector<std::int64_t> all;
        for (const auto& each : store->find_unique_blocking(key_of(key), state, before, max)) {
            EXPECT_EQ(each.place, is_terminal(state) ? job_place::history : job_place::live);
            EXPECT_EQ(each.record.state, state);
            EXPECT_TRUE(each.record.spec->unique && each.record.spec->unique->key == key_of(key));
            all.push_back(each.record.seq);
        }
        return all;
    }
    using seqs = std::vector<std::int64_t>;
};

TEST_F(UniqueStore, TellsRunningJobsFromThoseThatWait) {
    for (const std::int64_t seq : {3, 4, 9})
        put(job_place::nowhere, job_place::live, unique_job(seq, 1));
    const auto running = [](std::int64_t seq) {
        auto job = unique_job(seq, 1);
        job.state = job_state::active;
        job.attempt = 1;
        job.worker_id = "w1";
        return job;
    };
    put(job_place::live, job_place::live, running(4));
    put(job_place::live, job_place::live, running(9));
    put(job_place::nowhere, job_place::live, running(11));  // has no run apart
    EXPECT_EQ(found(1, job_state::active), (seqs{11, 9, 4}));
    EXPECT_EQ(found(1, job_state::active, 11, 1), (seqs{9}));
    EXPECT_EQ(found(1, job_state::available), (seqs{3}));
    EXPECT_EQ(found(2, job_state::active), (seqs{}));
}

TEST_F(UniqueStore, FindsJobsByKeyAndStateNewestFirst) {
    for (const std::int64_t seq : {3, 4, 9})
        put(job_place::nowhere, job_place::live, unique_job(seq, 1));
    put(job_place::nowhere, job_place::live, unique_job(5, 2));
    put(job_place::nowhere, job_place::live, make_job(6));
    EXPECT_EQ(found(1, job_state::available), (seqs{9, 4, 3}));
    EXPECT_EQ(found(1, job_state::available, 9), (seqs{4, 3}));
    EXPECT_EQ(found(1, job_state::available, INT64_MAX, 2), (seqs{9, 4}));
    EXPECT_EQ(found(2, job_state::available), (seqs{5}));
    EXPECT_EQ(found(3, job_state::available), (seqs{}));
    EXPECT_EQ(found(1, job_state::scheduled), (seqs{}));
}

TEST_F(UniqueStore, FollowsAJobThroughItsStates) {
    auto job = unique_job(3, 1);
    put(job_place::nowhere, job_place::live, job);
    job.state = job_state::active;
    put(job_place::live, job_place::live, job);
    EXPECT_EQ(found(1, job_state::available), (seqs{}));
    EXPECT_EQ(found(1, job_state::active), (seqs{3}));
    job.state = job_state::completed;
    job.finished_at = noon;
    put(job_place::live, job_place::history, job);
    EXPECT_EQ(found(1, job_state::active), (seqs{}));
    EXPECT_EQ(found(1, job_state::completed), (seqs{3}));
    job.state = job_state::available;
    put(job_place::history, job_place::live, job);
    EXPECT_EQ(found(1, job_state::completed), (seqs{}));
    EXPECT_EQ(found(1, job_state::available), (seqs{3}));
}

TEST_F(UniqueStore, KeepsRuleAndKeyAlsoOfALargeJobAndThroughSalvage) {
    const std::string large = "[\"" + std::string(100'000, 'x') + "\"]";
    const auto job = unique_job(3, 7, large);
    put(job_place::nowhere, job_place::live, job);
    reopen();
    expect_same(store->find_unique_blocking(key_of(7), job_state::available, 10, 1).at(0).record,
                job);
    store->close_blocking();
    store.reset();
    config.directory = [&] {
        const auto rescued = config.directory / "rescued";
        EXPECT_EQ(salvage_store(config.directory, rescued).live_jobs, 1U);
        return rescued;
    }();
    reopen();
    EXPECT_EQ(found(7, job_state::available), (seqs{3}));
}

/// The lookup is on the way of each push of such a job.
TEST_F(UniqueStore, LooksInAnIndexAndSortsNothing) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open_v2((config.directory / "sluice.db").c_str(), &db, SQLITE_OPEN_READONLY,
                              "sluice-checked-unix"),
              SQLITE_OK);
    for (const std::string table : {"jobs", "history"}) {
        const auto sql = "EXPLAIN QUERY PLAN SELECT * FROM " + table +
                         " WHERE unique_key = ?1 AND state = ?2 AND seq < ?3 ORDER BY seq DESC";
        sqlite3_stmt* plan = nullptr;
        ASSERT_EQ(sqlite3_prepare_v2(db, sql.c_str(), -1, &plan, nullptr), SQLITE_OK);
        std::string text;
        while (sqlite3_step(plan) == SQLITE_ROW)
            text += reinterpret_cast<const char*>(sqlite3_column_text(plan, 3));
        sqlite3_finalize(plan);
        EXPECT_EQ(text, "SEARCH " + table + " USING INDEX " + table +
                            "_unique (unique_key=? AND state=? AND rowid<?)");
    }
    sqlite3_close(db);
}

}  // namespace
}  // namespace sluice::test
