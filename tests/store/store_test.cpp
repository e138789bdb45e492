#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr timestamp noon{std::chrono::microseconds{1'771'000'000'123'456}};

struct restored {
    restore_summary summary;
    std::vector<waiting_job> waiting;  ///< without the views
    std::vector<std::string> queues;   ///< of `waiting`
    std::vector<std::string> types;
    std::vector<job_record> active;
    std::map<std::string, bool> paused;
};

restored restore(job_store& store) {
    restored all;
    restore_sink sink;
    sink.waiting = [&](const waiting_job& job) {
        all.waiting.push_back(job);
        all.queues.emplace_back(job.queue);
        all.types.emplace_back(job.type);
    };
    sink.active = [&](job_record job) { all.active.push_back(std::move(job)); };
    sink.queue = [&](std::string_view name, bool paused) { all.paused.emplace(name, paused); };
    all.summary = store.restore_blocking(sink);
    return all;
}

class StoreTest : public testing::Test {
protected:
    StoreTest() : config(small_store(directory.path())) { reopen(); }

    void reopen() {
        store.reset();
        store = open_sqlite_store(config);
    }
    commit_outcome commit(std::vector<job_write> jobs, bool sync = true) {
        journal_batch batch;
        batch.number = ++batches;
        batch.sync = sync;
        batch.jobs = std::move(jobs);
        return store->commit_blocking(batch);
    }
    void put(job_place from, job_place to, const job_record& job,
             std::optional<timestamp> purge_at = std::nullopt) {
        const auto outcome = commit({{from, to, job, purge_at}});
        ASSERT_EQ(outcome.status, commit_status::ok) << outcome.message;
    }
    std::optional<job_store::found_job> find(const job_record& job) {
        return store->find_blocking(job.spec->id);
    }

    temp_directory directory;
    sqlite_store_config config;
    std::unique_ptr<job_store> store;
    std::uint64_t batches = 0;
};

/// A record with every member set.
job_record full_record() {
    auto job =
        make_job(7, "[18446744073709551616,1e400,0.1000000000000000055,\"\\u00e9\xc3\xa9\"]");
    auto spec = std::make_shared<job_spec>(*job.spec);
    spec->queue = "mail";
    spec->priority = -7;
    spec->meta = "{\"a\": 1}";
    spec->tags = "[\"x\"]";
    spec->schema = "urn:mail:1";
    spec->extra = "\"x_a\":1e400";
    spec->retry.max_attempts = 9;
    spec->retry.on_exhaustion = exhaustion::dead_letter;
    spec->retry.non_retryable_errors = {"auth.*"};
    spec->timeout = 1500ms;
    spec->visibility_timeout = 30s;
    spec->expires_at = noon + 1h;
    spec->pending = true;
    job.spec = spec;
    job.ticket = 12;
    job.state = job_state::retryable;
    job.attempt = 3;
    job.interruptions = 2;
    job.received_at = noon;
    job.durable_at = noon + 1us;
    job.available_at = noon + 2us;
    job.started_at = noon + 3us;
    job.finished_at = noon + 4us;
    job.acked_at = noon + 5us;
    job.due_at = noon + 6us;
    job.lease = {4, 0xfedcba9876543210, 0xdeadbeef};
    job.outcome = lease_outcome::nacked;
    job.worker_id = "worker \"1\"";
    job.lease_expires_at = noon + 7us;
    job.retry_delay = 1700ms;
    job.result = "{\"sum\":  5}";
    job.failed_last = true;
    job.failures = {{"net.timeout", "E1", "it took too long", "{\"ms\":5}", 2, noon}};
    job.attempts = {{3, "worker \"1\"", noon, noon + 4us, lease_outcome::nacked}};
    return job;
}

void expect_same(const job_record& a, const job_record& b) {
    EXPECT_EQ(a.seq, b.seq);
    EXPECT_EQ(a.ticket, b.ticket);
    EXPECT_EQ(a.state, b.state);
    EXPECT_EQ(a.attempt, b.attempt);
    EXPECT_EQ(a.interruptions, b.interruptions);
    EXPECT_EQ(a.received_at, b.received_at);
    EXPECT_EQ(a.durable_at, b.durable_at);
    EXPECT_EQ(a.available_at, b.available_at);
    EXPECT_EQ(a.started_at, b.started_at);
    EXPECT_EQ(a.finished_at, b.finished_at);
    EXPECT_EQ(a.acked_at, b.acked_at);
    EXPECT_EQ(a.due_at, b.due_at);
    EXPECT_EQ(a.lease, b.lease);
    EXPECT_EQ(a.outcome, b.outcome);
    EXPECT_EQ(a.worker_id, b.worker_id);
    EXPECT_EQ(a.lease_expires_at, b.lease_expires_at);
    EXPECT_EQ(a.retry_delay, b.retry_delay);
    EXPECT_EQ(a.result, b.result);
    EXPECT_EQ(a.failed_last, b.failed_last);
    ASSERT_EQ(a.failures.size(), b.failures.size());
    for (std::size_t i = 0; i < a.failures.size(); ++i) {
        EXPECT_EQ(a.failures[i].type, b.failures[i].type);
        EXPECT_EQ(a.failures[i].details, b.failures[i].details);
        EXPECT_EQ(a.failures[i].occurred_at, b.failures[i].occurred_at);
    }
    ASSERT_EQ(a.attempts.size(), b.attempts.size());
    for (std::size_t i = 0; i < a.attempts.size(); ++i) {
        EXPECT_EQ(a.attempts[i].worker_id, b.attempts[i].worker_id);
        EXPECT_EQ(a.attempts[i].outcome, b.attempts[i].outcome);
    }
    EXPECT_EQ(a.spec->id, b.spec->id);
    EXPECT_EQ(a.spec->client_id, b.spec->client_id);
    EXPECT_EQ(a.spec->type, b.spec->type);
    EXPECT_EQ(a.spec->queue, b.spec->queue);
    EXPECT_EQ(a.spec->priority, b.spec->priority);
    EXPECT_EQ(a.spec->args, b.spec->args);
    EXPECT_EQ(a.spec->meta, b.spec->meta);
    EXPECT_EQ(a.spec->tags, b.spec->tags);
    EXPECT_EQ(a.spec->schema, b.spec->schema);
    EXPECT_EQ(a.spec->extra, b.spec->extra);
    EXPECT_EQ(a.spec->retry, b.spec->retry);
    EXPECT_EQ(a.spec->timeout, b.spec->timeout);
    EXPECT_EQ(a.spec->visibility_timeout, b.spec->visibility_timeout);
    EXPECT_EQ(a.spec->expires_at, b.spec->expires_at);
    EXPECT_EQ(a.spec->pending, b.spec->pending);
}

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

    EXPECT_EQ(store->purge_blocking(noon - 1us, 10), 0U);
    EXPECT_EQ(store->purge_blocking(noon, 10), 1U);
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

    EXPECT_EQ(store->purge_blocking(noon, 10), 0U);
    EXPECT_EQ(store->purge_blocking(noon + 7s, 2), 2U);
    EXPECT_FALSE(find(make_job(5)));
    EXPECT_FALSE(find(make_job(4)));
    EXPECT_TRUE(find(make_job(3)));
    EXPECT_EQ(store->purge_blocking(noon + 7s, 10), 1U);
    EXPECT_EQ(store->purge_blocking(noon + 24h, 10), 2U);
    EXPECT_EQ(store->purge_blocking(noon + 24h, 10), 0U);
    EXPECT_TRUE(find(kept));
}

TEST_F(StoreTest, ARevivedJobIsNoLongerPurged) {
    auto job = make_job(1);
    job.state = job_state::discarded;
    put(job_place::nowhere, job_place::history, job, noon);
    job.state = job_state::available;
    put(job_place::history, job_place::live, job);
    EXPECT_EQ(store->purge_blocking(noon + 24h, 10), 0U);
    EXPECT_TRUE(find(job));
}

TEST_F(StoreTest, NeverGivesASequenceNumberOrTicketOutAgain) {
    auto job = make_job(41);
    job.ticket = 57;
    put(job_place::nowhere, job_place::live, job);
    job.state = job_state::completed;
    put(job_place::live, job_place::history, job, noon);
    EXPECT_EQ(store->purge_blocking(noon, 10), 1U);
    reopen();
    EXPECT_EQ(restore(*store).summary.next_seq, 58);
    journal_batch reset;
    reset.reset = true;
    ASSERT_EQ(store->commit_blocking(reset).status, commit_status::ok);
    store->close_blocking();
    reopen();
    EXPECT_EQ(restore(*store).summary.next_seq, 58);
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
