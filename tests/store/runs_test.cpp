// Jobs that run: what their grants and beats changed is kept beside their rows.

#include "server/store/sqlite/salvage.hpp"
#include "tests/store/store_fixture.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <cstdlib>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;

job_record running(job_record job) {
    job.state = job_state::active;
    job.outcome = lease_outcome::open;
    return job;
}

class StoreRuns : public StoreTest {
protected:
    /// The first value of the answer; also changes what a closed store holds.
    std::string ask(const std::string& sql) {
        sqlite3* db = nullptr;
        std::string found;
        EXPECT_EQ(sqlite3_open_v2((config.directory / "sluice.db").c_str(), &db,
                                  SQLITE_OPEN_READWRITE, "sluice-checked-unix"),
                  SQLITE_OK);
        const auto keep = [](void* to, int, char** values, char**) {
            if (values[0] != nullptr) *static_cast<std::string*>(to) = values[0];
            return 0;
        };
        EXPECT_EQ(sqlite3_exec(db, sql.c_str(), keep, &found, nullptr), SQLITE_OK)
            << sqlite3_errmsg(db);
        sqlite3_close(db);
        return found;
    }
    std::string runs() { return ask("SELECT count(*) FROM runs"); }
    void close() {
        store->close_blocking();
        store.reset();
    }
};

TEST_F(StoreRuns, ARunComesBackWithEveryMember) {
    const auto waiting = full_record();
    put(job_place::nowhere, job_place::live, waiting);
    auto job = running(waiting);
    job.ticket = 21;
    job.attempt = 4;
    job.interruptions = 3;
    job.durable_at = noon + 30ms;
    job.available_at = noon - 5us;  // before it was received: clocks are set
    job.started_at = noon + 3h;
    job.finished_at.reset();
    job.acked_at.reset();
    job.due_at.reset();
    job.lease = {5, 0xfedcba9876543211, 0xffffffff};
    job.worker_id = "w2";
    job.lease_expires_at = timestamp::max();
    job.lease_length = 61s;
    job.run_left.reset();
    job.retry_delay.reset();
    job.failed_last = false;
    job.result.clear();
    job.attempts.push_back({4, "w2", *job.started_at, {}, lease_outcome::open});
    job.children = {make_uuid(noon, 9, 9)};
    put(job_place::live, job_place::live, job);
    EXPECT_EQ(runs(), "1");
    expect_same(find(job)->record, job);
    EXPECT_EQ(find(job)->record.children, job.children);
    job.lease_expires_at = timestamp::min();
    job.progress = std::make_shared<const job_progress>(job_progress{0.5, "half", "{}", noon});
    put(job_place::live, job_place::live, job);
    EXPECT_EQ(runs(), "1");
    reopen();
    const auto all = restore(*store);
    ASSERT_EQ(all.active.size(), 1U);
    expect_same(all.active.front(), job);
    ASSERT_TRUE(all.active.front().progress);
    EXPECT_EQ(*all.active.front().progress, *job.progress);
    EXPECT_TRUE(all.waiting.empty());
}

TEST_F(StoreRuns, AJobThatRunsIsListedAndFoundAsOne) {
    auto unique = std::make_shared<job_spec>(*make_job(2).spec);
    unique_rule rule;
    rule.text = "{}";
    rule.key.fill(7);
    unique->unique = std::make_shared<const unique_rule>(rule);
    auto job = make_job(2);
    job.spec = unique;
    commit({stored(make_job(1)), stored(job), stored(make_job(3))});
    auto run = running(job);
    run.attempt = 1;
    run.worker_id = "w1";
    put(job_place::live, job_place::live, run);
    job_query query;
    query.state = job_state::active;
    ASSERT_EQ(store->list_blocking(query).jobs.size(), 1U);
    expect_same(store->list_blocking(query).jobs.front(), run);
    query.state = job_state::available;
    EXPECT_EQ(store->list_blocking(query).jobs.size(), 2U);
    EXPECT_EQ(store->find_unique_blocking(rule.key, job_state::active, 9, 9).size(), 1U);
    EXPECT_TRUE(store->find_unique_blocking(rule.key, job_state::available, 9, 9).empty());
    const std::vector<std::int64_t> wanted{2};
    expect_same(store->load_blocking(wanted).at(0), run);
    EXPECT_EQ(ask("SELECT state || attempt || worker FROM job_overview WHERE seq = 2"),
              "active1w1");
    EXPECT_EQ(ask("SELECT state || attempt FROM job_overview WHERE seq = 3"), "available0");
    EXPECT_EQ(restore(*store).waiting.size(), 2U);
}

TEST_F(StoreRuns, WhenARunEndsTheJobsOwnRowCountsAgain) {
    std::vector<job_write> first, grants, ends;
    for (std::int64_t seq = 1; seq <= 9; ++seq) {
        auto job = make_job(seq);
        first.push_back(stored(job));
        job = running(job);
        job.lease = {1, static_cast<std::uint64_t>(seq), 2};
        grants.push_back({job_place::live, job_place::live, job, {}});
        if (seq == 5) continue;  // runs on
        job.state = seq == 2 ? job_state::retryable : job_state::completed;
        ends.push_back({job_place::live, seq == 2 ? job_place::live : job_place::history, job, {}});
    }
    commit(first);
    commit(grants, false);
    EXPECT_EQ(runs(), "9");
    reopen();  // whoever ends a run need not be who began it
    commit(ends);
    EXPECT_EQ(runs(), "1");
    for (const auto& end : ends) expect_same(find(end.record)->record, end.record);
    reopen();
    const auto all = restore(*store);
    ASSERT_EQ(all.active.size(), 1U);
    EXPECT_EQ(all.active.front().seq, 5);
    ASSERT_EQ(all.waiting.size(), 1U);
    EXPECT_EQ(all.waiting.front().state, job_state::retryable);
}

TEST_F(StoreRuns, AJobThatEndedComesBackWithEveryMember) {
    auto job = running(full_record());
    put(job_place::nowhere, job_place::live, job);
    job.state = job_state::completed;
    job.outcome = lease_outcome::acked;
    job.lease_expires_at.reset();
    job.finished_at = job.acked_at = noon + 2h;
    job.attempts.push_back({3, job.worker_id, *job.started_at, job.finished_at, job.outcome});
    put(job_place::live, job_place::history, job, noon + 24h);
    EXPECT_EQ(ask("SELECT count(*) FROM history WHERE run IS NOT NULL"), "1");
    expect_same(find(job)->record, job);
    EXPECT_EQ(ask("SELECT state || attempt || worker || result FROM job_overview"),
              "completed3worker \"1\"" + job.result);
    reopen();
    expect_same(find(job)->record, job);
    job.failed_last = false;
    job.acked_at = noon + 3h;
    put(job_place::history, job_place::history, job);
    expect_same(find(job)->record, job);
    EXPECT_EQ(ask("SELECT count(*) FROM history WHERE run IS NOT NULL"), "0");
}

TEST_F(StoreRuns, ADeadLetterMayRunAsSoonAsItIsRevived) {
    auto job = full_record();
    job.state = job_state::discarded;
    job.dead_letter = true;
    put(job_place::nowhere, job_place::history, job);
    job = running(job);
    job.dead_letter = false;
    put(job_place::history, job_place::live, job);
    EXPECT_EQ(find(job)->place, job_place::live);
    expect_same(find(job)->record, job);
    job.state = job_state::completed;
    put(job_place::live, job_place::history, job);
    expect_same(find(job)->record, job);
    EXPECT_TRUE(restore(*store).active.empty());
}

TEST_F(StoreRuns, AnEndedJobWithALargePayloadKeepsIt) {
    for (const std::size_t size : {10, 5000}) {
        auto job = make_job(1, "[\"" + std::string(size, 'x') + "\"]");
        put(job_place::nowhere, job_place::live, job);
        job.state = job_state::completed;
        put(job_place::live, job_place::history, job);
        expect_same(find(job)->record, job);
        EXPECT_EQ(find(job)->record.spec->args, job.spec->args);
        put(job_place::history, job_place::nowhere, job);
        EXPECT_EQ(ask("SELECT count(*) FROM payloads"), "0");
    }
}

TEST_F(StoreRuns, AResetEndsAll) {
    put(job_place::nowhere, job_place::live, make_job(1));
    put(job_place::live, job_place::live, running(make_job(1)));
    journal_batch batch;
    batch.reset = true;
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    EXPECT_EQ(runs(), "0");
    put(job_place::nowhere, job_place::live, make_job(1));
    EXPECT_EQ(find(make_job(1))->record.state, job_state::available);
}

TEST_F(StoreRuns, SalvageKeepsRunsAndAJobWhoseRunIsLostWaits) {
    commit({stored(make_job(1)), stored(make_job(2)), stored(make_job(3))});
    for (std::int64_t seq = 1; seq <= 2; ++seq)
        put(job_place::live, job_place::live, running(make_job(seq)));
    close();
    const auto saved = [this](const char* to) {
        auto copy = config;
        copy.directory = config.directory / to;
        const auto report = salvage_store(config.directory, copy.directory);
        EXPECT_EQ(report.live_jobs, 3U);
        return std::pair{restore(*open_sqlite_store(copy)), report};
    };
    const auto [sound, nothing] = saved("sound");
    EXPECT_EQ(sound.active.size(), 2U);
    EXPECT_TRUE(nothing.problems.empty());
    ask("UPDATE runs SET run = x'0100' WHERE seq = 2");
    const auto [damaged, report] = saved("damaged");
    ASSERT_EQ(damaged.active.size(), 1U);
    expect_same(damaged.active.front(), running(make_job(1)));
    EXPECT_EQ(damaged.waiting.size(), 2U);
    EXPECT_THAT(report.problems, Contains(HasSubstr("Job 2")));
}

TEST_F(StoreRuns, SalvageKeepsWhatEnded) {
    auto job = running(full_record());
    put(job_place::nowhere, job_place::live, job);
    job.state = job_state::completed;
    put(job_place::live, job_place::history, job);
    close();
    auto copy = config;
    copy.directory = config.directory / "copy";
    EXPECT_TRUE(salvage_store(config.directory, copy.directory).problems.empty());
    expect_same(open_sqlite_store(copy)->find_blocking(job.spec->id)->record, job);
}

TEST_F(StoreRuns, WhatCannotBeARunIsDamage) {
    put(job_place::nowhere, job_place::live, make_job(1));
    put(job_place::live, job_place::live, running(make_job(1)));
    close();
    const auto sound = ask("SELECT hex(run) FROM runs");
    for (auto wrong :
         {std::string("02") + sound.substr(2), sound + "00", sound.substr(0, sound.size() - 2),
          std::string("01FFFFFFFFFFFFFFFFFFFF01"), std::string()}) {
        ask("UPDATE runs SET run = x'" + wrong + "'");
        reopen();
        EXPECT_THROW(restore(*store), store_error) << wrong;
        close();
    }
    ask("UPDATE runs SET run = x'" + sound + "'");
    reopen();
    EXPECT_EQ(restore(*store).active.size(), 1U);
}

}  // namespace
}  // namespace sluice::test
