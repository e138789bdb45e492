#include "server/store/sqlite/salvage.hpp"
#include "tests/store/store_fixture.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// A record with every member set.
cron_record full_cron() {
    cron_record record;
    auto& given = record.definition;
    given.name = "daily-report";
    given.expression = "0 9 * * MON-FRI";
    given.timezone = "America/New_York";
    given.job = R"({"type":"report","args":[{"a": 1}]})";
    given.overlap = overlap_policy::enqueue;
    given.catch_up = catch_up_policy::all;
    given.enabled = false;
    given.description = "Nine o'clock";
    record.created_at = noon;
    record.last_run_at = noon + 1s;
    record.next_run_at = noon + 2s;
    record.run_count = 17;
    record.last_job_id = make_uuid(noon, 5, 6);
    record.unfinished = {3, std::int64_t{1} << 40, 7};
    record.removed = true;
    return record;
}

cron_record bare_cron(const std::string& name) {
    cron_record record;
    record.definition.name = name;
    record.definition.expression = "@daily";
    record.definition.job = R"({"type":"a","args":[]})";
    record.created_at = noon;
    return record;
}

class CronStore : public StoreTest {
protected:
    void write(std::vector<cron_write> crons, std::vector<job_write> jobs = {}) {
        journal_batch batch;
        batch.number = ++batches;
        batch.crons = std::move(crons);
        batch.jobs = std::move(jobs);
        ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    }
    std::vector<cron_record> kept() {
        reopen();
        return restore(*store).crons;
    }
};

TEST_F(CronStore, GivesBackEveryMember) {
    write({{"daily-report", full_cron()}, {"bare", bare_cron("bare")}});
    EXPECT_EQ(kept(), (std::vector{bare_cron("bare"), full_cron()}));
}

TEST_F(CronStore, ReplacesAndRemoves) {
    write({{"a", bare_cron("a")}, {"b", bare_cron("b")}});
    auto changed = bare_cron("a");
    changed.run_count = 2;
    write({{"a", changed}, {"b", std::nullopt}});
    EXPECT_EQ(kept(), std::vector{changed});
}

TEST_F(CronStore, IsEmptiedByAReset) {
    write({{"a", bare_cron("a")}});
    journal_batch reset;
    reset.reset = true;
    reset.crons = {{"b", bare_cron("b")}};
    ASSERT_EQ(store->commit_blocking(reset).status, commit_status::ok);
    EXPECT_EQ(kept(), std::vector{bare_cron("b")});
}

TEST_F(CronStore, GoesTogetherWithTheJobsOfItsBatch) {
    journal_batch batch;
    batch.crons = {{"a", bare_cron("a")}};
    // The last write cannot be done.
    batch.jobs = {{job_place::live, job_place::history, make_job(9), {}}};
    EXPECT_NE(store->commit_blocking(batch).status, commit_status::ok);
    EXPECT_TRUE(kept().empty());
}

TEST_F(CronStore, SalvageKeepsWhatIsRegistered) {
    auto running = full_cron();
    running.removed = false;
    write({{"daily-report", running},
           {"gone",
            [] {
                auto gone = full_cron();
                gone.definition.name = "gone";
                return gone;
            }()},
           {"bare", bare_cron("bare")}},
          {{job_place::nowhere, job_place::live, make_job(7), {}}});
    store->close_blocking();
    store.reset();
    const auto rescued = config.directory / "rescued";
    const auto report = salvage_store(config.directory, rescued);
    EXPECT_EQ(report.crons, 3U);
    auto copy = config;
    copy.directory = rescued;
    running.unfinished = {7};  // the one that is there
    auto gone = running;       // unseen, until that one has ended
    gone.definition.name = "gone";
    gone.removed = true;
    EXPECT_EQ(restore(*open_sqlite_store(copy)).crons,
              (std::vector{bare_cron("bare"), running, gone}));
}

TEST_F(CronStore, SalvagePassesOverWhatCannotBeRead) {
    auto odd = bare_cron("b");
    odd.definition.overlap = static_cast<overlap_policy>(9);
    auto broken = bare_cron("c");
    broken.definition.job = "{";
    auto forgotten = bare_cron("d");
    forgotten.removed = true;
    write({{"a", bare_cron("a")},
           {"b", odd},
           {"c", broken},
           {"d", forgotten},
           {"e", bare_cron("e")}});
    store->close_blocking();
    store.reset();
    const auto rescued = config.directory / "rescued";
    const auto report = salvage_store(config.directory, rescued);
    EXPECT_EQ(report.crons, 2U);
    EXPECT_EQ(report.problems.size(), 2U);
    auto copy = config;
    copy.directory = rescued;
    EXPECT_EQ(restore(*open_sqlite_store(copy)).crons,
              (std::vector{bare_cron("a"), bare_cron("e")}));
}

}  // namespace
}  // namespace sluice::test
