#include "tests/store/store_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

TEST_F(StoreTest, KeepsEveryMemberOfAJobByteForByte) {
    const auto job = full_record();
    put(job_place::nowhere, job_place::live, job);
    reopen();
    const auto found = find(job);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->place, job_place::live);
    expect_same(found->record, job);
}

TEST_F(StoreTest, KeepsAJobWithNothingButItsDefaults) {
    const auto job = make_job(1);
    put(job_place::nowhere, job_place::live, job);
    const auto found = find(job);
    ASSERT_TRUE(found);
    expect_same(found->record, job);
    EXPECT_FALSE(found->record.lease);
}

TEST_F(StoreTest, KeepsPayloadsOfEverySizeThroughAWholeLife) {
    for (const std::size_t size : {0, 900, 1020, 1021, 1022, 1030, 4000, 4096, 70'000, 1'000'000}) {
        auto job =
            make_job(static_cast<std::int64_t>(size) + 1, "[\"" + std::string(size, 'p') + "\"]");
        auto spec = std::make_shared<job_spec>(*job.spec);
        spec->meta = "{\"m\":\"" + std::string(size / 2, 'm') + "\"}";
        job.spec = spec;
        put(job_place::nowhere, job_place::live, job);
        job.state = job_state::active;
        put(job_place::live, job_place::live, job);
        job.state = job_state::completed;
        put(job_place::live, job_place::history, job);
        const auto found = find(job);
        ASSERT_TRUE(found) << size;
        EXPECT_EQ(found->place, job_place::history);
        expect_same(found->record, job);
        put(job_place::history, job_place::nowhere, job);
        EXPECT_FALSE(find(job)) << size;
    }
}

TEST_F(StoreTest, FollowsAJobThroughEveryMove) {
    auto job = full_record();
    put(job_place::nowhere, job_place::live, job);
    job.state = job_state::active;
    job.ticket = 20;
    job.lease.counter = 99;
    put(job_place::live, job_place::live, job);
    expect_same(find(job)->record, job);

    job.state = job_state::discarded;
    job.dead_letter = true;
    job.failures.push_back(job.failures.front());
    put(job_place::live, job_place::history, job);
    EXPECT_EQ(find(job)->place, job_place::history);
    EXPECT_TRUE(find(job)->record.dead_letter);
    expect_same(find(job)->record, job);

    job.acked_at = noon + 1h;
    put(job_place::history, job_place::history, job, noon + 2h);
    expect_same(find(job)->record, job);

    job.state = job_state::available;
    job.dead_letter = false;
    job.ticket = 30;
    put(job_place::history, job_place::live, job);
    EXPECT_EQ(find(job)->place, job_place::live);
    expect_same(find(job)->record, job);

    job.state = job_state::cancelled;
    put(job_place::live, job_place::history, job);
    put(job_place::history, job_place::nowhere, job);
    EXPECT_FALSE(find(job));
}

TEST_F(StoreTest, StoresAJobThatIsFinishedAtOnce) {
    auto job = make_job(3, "[3]");
    job.state = job_state::cancelled;
    put(job_place::nowhere, job_place::history, job, noon);
    ASSERT_TRUE(find(job));
    EXPECT_EQ(find(job)->place, job_place::history);
    EXPECT_TRUE(restore(*store).waiting.empty());
}

TEST_F(StoreTest, FailsForGoodWhenAJobIsNotWhereItShouldBe) {
    const auto job = make_job(3);
    EXPECT_EQ(commit({{job_place::live, job_place::history, job, {}}}).status,
              commit_status::failed);
    EXPECT_EQ(commit({stored(job)}).status, commit_status::failed);
}

TEST_F(StoreTest, LoadsLiveJobsInTheOrderAskedFor) {
    auto done = make_job(2);
    commit({stored(make_job(1)), stored(done), stored(make_job(3)), stored(make_job(4))});
    done.state = job_state::completed;
    put(job_place::live, job_place::history, done);
    const std::vector<std::int64_t> wanted{4, 2, 99, 1, 3};
    const auto jobs = store->load_blocking(wanted);
    ASSERT_EQ(jobs.size(), 3U);
    EXPECT_EQ(jobs[0].seq, 4);
    EXPECT_EQ(jobs[1].seq, 1);
    EXPECT_EQ(jobs[2].seq, 3);
}

TEST_F(StoreTest, RestoresWaitingJobsActiveJobsAndQueues) {
    auto scheduled = full_record();
    scheduled.state = job_state::scheduled;
    auto active = make_job(8, "[8]");
    active.state = job_state::active;
    active.worker_id = "w";
    auto finished = make_job(9);
    finished.state = job_state::completed;
    journal_batch batch;
    batch.jobs = {
        stored(scheduled), stored(active), {job_place::nowhere, job_place::history, finished, {}}};
    batch.paused_queues = {{"mail", true}, {"other", false}};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    reopen();

    const auto found = restore(*store);
    ASSERT_EQ(found.waiting.size(), 1U);
    const auto& job = found.waiting[0];
    EXPECT_EQ(job.seq, scheduled.seq);
    EXPECT_EQ(job.ticket, scheduled.ticket);
    EXPECT_EQ(job.state, job_state::scheduled);
    EXPECT_EQ(job.priority, -7);
    EXPECT_EQ(job.due_at, scheduled.due_at);
    EXPECT_EQ(job.expires_at, scheduled.spec->expires_at);
    EXPECT_FALSE(job.client_id);
    EXPECT_EQ(found.queues[0], "mail");
    EXPECT_EQ(found.types[0], "email.send");
    ASSERT_EQ(found.active.size(), 1U);
    expect_same(found.active[0], active);
    EXPECT_EQ(found.paused, (std::map<std::string, bool>{{"mail", true}, {"other", false}}));
}

TEST_F(StoreTest, KeepsSettingsUntilTheyAreTakenBack) {
    journal_batch batch;
    batch.settings = {{setting_kind::queue, "k", R"({"a":1})"}, {setting_kind::limit, "k", "{}"}};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    reopen();
    EXPECT_EQ(restore(*store).settings, batch.settings);
    batch.settings = {{setting_kind::queue, "k", ""}, {setting_kind::limit, "k", "[]"}};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    reopen();
    EXPECT_EQ(restore(*store).settings,
              (std::vector<setting_record>{{setting_kind::limit, "k", "[]"}}));
}

TEST_F(StoreTest, KeepsIdempotencyKeysUntilTheyExpire) {
    const auto a = make_job(1);
    const auto b = make_job(2);
    key_record key;
    key.key.key = "order-\xc3\xa9\"1";
    for (std::size_t i = 0; i < 32; ++i) key.key.body_hash[i] = static_cast<std::uint8_t>(255 - i);
    key.job_ids = {a.spec->id, b.spec->id};
    key.expires_at = noon;
    journal_batch batch;
    batch.jobs = {stored(a), stored(b)};
    batch.keys = {key};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    reopen();
    const auto found = store->find_key_blocking(key.key.key);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->key.body_hash, key.key.body_hash);
    EXPECT_EQ(found->job_ids, key.job_ids);
    EXPECT_EQ(found->expires_at, noon);
    EXPECT_FALSE(store->find_key_blocking("order"));

    EXPECT_EQ(store->purge_blocking(noon - 1us, 10).gone, 0U);
    EXPECT_EQ(store->purge_blocking(noon, 10).gone, 1U);
    EXPECT_FALSE(store->find_key_blocking(key.key.key));
}

TEST_F(StoreTest, AKeyThatIsUsedAgainTakesTheNewJobs) {
    key_record key;
    key.key.key = "k";
    key.expires_at = noon;
    journal_batch batch;
    batch.keys = {key};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    batch.keys[0].job_ids = {make_job(5).spec->id};
    batch.keys[0].expires_at = noon + 1h;
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    EXPECT_EQ(store->find_key_blocking("k")->expires_at, noon + 1h);
    EXPECT_EQ(store->find_key_blocking("k")->job_ids.size(), 1U);
}

/// Somebody deletes a job that retention has just taken.
TEST_F(StoreTest, AJobThatIsGoneMayBeDeleted) {
    auto job = make_job(1);
    job.state = job_state::completed;
    put(job_place::nowhere, job_place::history, job, noon);
    EXPECT_EQ(store->purge_blocking(noon, 10).gone, 1U);
    put(job_place::history, job_place::nowhere, job);
    EXPECT_FALSE(find(job));
}

/// However many jobs expire, keys do too.
TEST_F(StoreTest, PurgesKeysBesideMoreJobsThanGoAtATime) {
    for (int i = 1; i <= 20; ++i) {
        auto job = make_job(i);
        job.state = job_state::completed;
        put(job_place::nowhere, job_place::history, job, noon);
    }
    journal_batch batch;
    for (int i = 0; i < 3; ++i) {
        auto& key = batch.keys.emplace_back();
        key.key.key = "k" + std::to_string(i);
        key.expires_at = noon;
    }
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    const auto step = store->purge_blocking(noon, 8);
    EXPECT_EQ(step.gone, 8U + 2U);
    EXPECT_TRUE(step.more);
    EXPECT_EQ(store->purge_blocking(noon, 100).gone, 12U + 1U);
    EXPECT_FALSE(store->purge_blocking(noon, 100).more);
}

TEST_F(StoreTest, PurgesExpiredHistoryInSmallBatchesOldestFirst) {
    for (int i = 1; i <= 5; ++i) {
        auto job = make_job(i, "[\"" + std::string(static_cast<std::size_t>(i) * 500, 'x') + "\"]");
        job.state = job_state::completed;
        put(job_place::nowhere, job_place::history, job, noon + std::chrono::seconds{10 - i});
    }
    auto kept = make_job(6);
    kept.state = job_state::discarded;
    kept.dead_letter = true;
    put(job_place::nowhere, job_place::history, kept);

    EXPECT_EQ(store->purge_blocking(noon, 10).gone, 0U);
    EXPECT_EQ(store->purge_blocking(noon + 7s, 2).gone, 2U);
    EXPECT_FALSE(find(make_job(5)));
    EXPECT_FALSE(find(make_job(4)));
    EXPECT_TRUE(find(make_job(3)));
    EXPECT_EQ(store->purge_blocking(noon + 7s, 10).gone, 1U);
    EXPECT_EQ(store->purge_blocking(noon + 24h, 10).gone, 2U);
    EXPECT_EQ(store->purge_blocking(noon + 24h, 10).gone, 0U);
    EXPECT_TRUE(find(kept));
}

TEST_F(StoreTest, ARevivedJobIsNoLongerPurged) {
    auto job = make_job(1);
    job.state = job_state::discarded;
    put(job_place::nowhere, job_place::history, job, noon);
    job.state = job_state::available;
    put(job_place::history, job_place::live, job);
    EXPECT_EQ(store->purge_blocking(noon + 24h, 10).gone, 0U);
    EXPECT_TRUE(find(job));
}

TEST_F(StoreTest, NeverGivesASequenceNumberOrTicketOutAgain) {
    auto job = make_job(41);
    job.ticket = 1'000'000;  // as of a fair queue, where it says nothing of numbers
    put(job_place::nowhere, job_place::live, job);
    reopen();
    EXPECT_EQ(restore(*store).summary.next_seq, 42);
    journal_batch retried;
    retried.next_seq = 58;
    ASSERT_EQ(store->commit_blocking(retried).status, commit_status::ok);
    job.state = job_state::completed;
    put(job_place::live, job_place::history, job, noon);
    EXPECT_EQ(store->purge_blocking(noon, 10).gone, 1U);
    reopen();
    EXPECT_EQ(restore(*store).summary.next_seq, 58);
    journal_batch reset;
    reset.reset = true;
    ASSERT_EQ(store->commit_blocking(reset).status, commit_status::ok);
    store->close_blocking();
    reopen();
    EXPECT_EQ(restore(*store).summary.next_seq, 58);
}

TEST_F(StoreTest, SaysWhetherItWasClosedInOrder) {
    EXPECT_TRUE(restore(*store).summary.closed) << "it is new";
    reopen();
    EXPECT_FALSE(restore(*store).summary.closed);
    store->close_blocking();
    reopen();
    EXPECT_TRUE(restore(*store).summary.closed);
}

TEST_F(StoreTest, RaisesTheEpochWheneverItOpens) {
    EXPECT_EQ(restore(*store).summary.epoch, 1U);
    reopen();
    EXPECT_EQ(restore(*store).summary.epoch, 2U);
    store->close_blocking();
    reopen();
    EXPECT_EQ(restore(*store).summary.epoch, 3U);
}

TEST_F(StoreTest, ResetEmptiesEverythingButKeepsTheEpoch) {
    auto spec = std::make_shared<job_spec>(*make_job(1).spec);
    spec->client_id = true;
    spec->queue = "mail";
    auto job = make_job(1);
    job.spec = spec;
    journal_batch batch;
    batch.jobs = {stored(job), stored(make_job(2, "[\"" + std::string(5000, 'x') + "\"]"))};
    batch.keys = {{{"k", {}}, {}, noon}};
    batch.paused_queues = {{"mail", true}};
    batch.settings = {{setting_kind::limit, "k", "{}"}};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);

    journal_batch reset;
    reset.reset = true;
    auto again = make_job(3);
    reset.jobs = {stored(again)};
    ASSERT_EQ(store->commit_blocking(reset).status, commit_status::ok);
    EXPECT_FALSE(find(job));
    EXPECT_FALSE(store->find_key_blocking("k"));
    EXPECT_EQ(contents_of(*store).size(), 1U);
    // The name is interned anew, and the client's id is free again.
    job.seq = 4;
    ASSERT_EQ(commit({stored(job)}).status, commit_status::ok);
    reopen();
    const auto found = restore(*store);
    EXPECT_EQ(found.summary.epoch, 2U);
    EXPECT_TRUE(found.paused.empty());
    EXPECT_TRUE(found.settings.empty());
    EXPECT_EQ(found.queues, (std::vector<std::string>{"default", "mail"}));
}

TEST_F(StoreTest, ABatchIsStoredWholeOrNotAtAll) {
    put(job_place::nowhere, job_place::live, make_job(1));
    // The last write cannot be done.
    const auto outcome = commit({stored(make_job(2)),
                                 stored(make_job(3)),
                                 {job_place::live, job_place::history, make_job(99), {}}});
    EXPECT_EQ(outcome.status, commit_status::failed);
    reopen();
    EXPECT_EQ(contents_of(*store).size(), 1U);
}

TEST_F(StoreTest, UnsyncedBatchesSurviveTheProcess) {
    auto job = make_job(1);
    put(job_place::nowhere, job_place::live, job);
    job.state = job_state::active;
    EXPECT_EQ(commit({{job_place::live, job_place::live, job, {}}}, false).status,
              commit_status::ok);
    reopen();
    EXPECT_EQ(find(job)->record.state, job_state::active);
}

TEST_F(StoreTest, HoldsTheSameAfterAnOrderlyCloseAndWithoutOne) {
    store_model model(4711);
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 20; ++i) {
            ASSERT_EQ(store->commit_blocking(model.next_batch()).status, commit_status::ok);
        }
        if (round % 2 == 0) store->close_blocking();
        reopen();
        ASSERT_EQ(contents_of(*store), model.contents());
    }
}

TEST_F(StoreTest, KeepsTheLogShort) {
    store_model model(1);
    for (int i = 0; i < 300; ++i) {
        ASSERT_EQ(store->commit_blocking(model.next_batch()).status, commit_status::ok);
    }
    EXPECT_LT(std::filesystem::file_size(directory.path() / "sluice.db-wal"), 4 * config.wal_bytes);
    EXPECT_EQ(contents_of(*store), model.contents());
}

}  // namespace
}  // namespace sluice::test
