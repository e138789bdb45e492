#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

TEST(Memory, HoldsOnlyTheHeadOfALongLine) {
    engine_config config;
    config.window_jobs = 64;
    engine_fixture f(config);
    for (int i = 0; i < 100; ++i) f.push_many("q", 1'000);
    EXPECT_LE(f.core().resident_count(), 64U);
    EXPECT_EQ(f.disk->image().live.size(), 100'000U);
    EXPECT_EQ(f.core().uncommitted_bytes(), 0U);
    f.crash();
    EXPECT_EQ(f.core().resident_count(), 0U);
    EXPECT_EQ(f.fetch("q", 10).size(), 10U);
    EXPECT_LE(f.core().resident_count(), 1'000U);
}

TEST(Memory, HoldsNoMoreBytesOfWaitingJobsThanAllowed) {
    engine_config config;
    config.window_bytes = 100'000;
    engine_fixture f(config);
    for (int i = 0; i < 100; ++i) {
        auto spec = make_spec("q" + std::to_string(i % 10));
        spec.args = "[\"" + std::string(10'000, 'x') + "\"]";
        f.push(spec);
    }
    EXPECT_LT(f.core().resident_count(), 10U);
    std::size_t taken = 0;
    for (int i = 0; i < 10; ++i) taken += f.fetch("q7", 20).size();
    EXPECT_EQ(taken, 10U);
}

/// How many jobs of a short line are in memory beside one that is as long as it may be.
std::size_t resident_beside_a_long_line(std::size_t window_jobs) {
    engine_config config;
    config.window_jobs = window_jobs;
    config.window_bytes = 2'000'000;
    engine_fixture f(config);
    auto spec = make_spec("long");
    spec.args = "[\"" + std::string(1'000, 'x') + "\"]";
    for (int i = 0; i < 3'000; ++i) f.push(spec);
    const auto before = f.core().resident_count();
    EXPECT_GE(before, 512U);
    spec.queue = "short";
    for (int i = 0; i < 20; ++i) f.push(spec);
    return f.core().resident_count() - before;
}

TEST(Memory, LeavesRoomForOtherLinesBesideALongOne) {
    EXPECT_EQ(resident_beside_a_long_line(4'096), 20U);
}

TEST(Memory, ForgetsFinishedJobsBeyondItsCache) {
    engine_config config;
    config.finished_cache = 5;
    engine_fixture f(config);
    std::vector<uuid> ids;
    for (int i = 0; i < 50; ++i) {
        ids.push_back(f.push());
        ASSERT_TRUE(f.ack(f.fetch_one()));
    }
    EXPECT_LE(f.core().resident_count(), 5U);
    for (const auto& id : ids) EXPECT_EQ(f.job(id).state, job_state::completed);
    EXPECT_LE(f.core().resident_count(), 6U);
}

TEST(Memory, ReadsFewWaitingJobsAtOnceWhenTheyAreLarge) {
    engine_config config;
    config.window_bytes = 400'000;
    engine_fixture f(config);
    auto spec = make_spec("q");
    spec.args = "[\"" + std::string(10'000, 'x') + "\"]";
    for (int i = 0; i < 400; ++i) f.push(spec);
    std::size_t taken = 0;
    for (int i = 0; i < 150; ++i) taken += f.fetch("q", 1).size();
    EXPECT_EQ(taken, 150U);
    EXPECT_LT(f.core().resident_count(), 150U + 40U);
}

TEST(Memory, KeepsNoLargeJobThatNobodyWaitsFor) {
    engine_fixture f;
    auto spec = make_spec();
    spec.args = "[\"" + std::string(100'000, 'x') + "\"]";
    const auto done = f.push(spec);
    ASSERT_TRUE(f.ack(f.fetch_one()));
    const auto failed = f.push(spec);
    ASSERT_TRUE(f.nack(f.fetch_one()));
    EXPECT_EQ(f.core().resident_count(), 0U);
    EXPECT_EQ(f.job(done).state, job_state::completed);
    EXPECT_EQ(f.job(failed).state, job_state::retryable);
}

TEST(Memory, HoldsNeitherPendingNorDistantJobs) {
    engine_fixture f;
    auto pending = make_spec();
    pending.pending = true;
    auto distant = make_spec();
    distant.scheduled_at = f.clock.now.wall + 1h;
    f.push(pending);
    f.push(distant);
    EXPECT_EQ(f.core().resident_count(), 0U);
}

TEST(Memory, KeepsEverythingWhileAReadIsUnderWay) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto id = f.push();
    ASSERT_FALSE(f.core().resident(id));
    const auto load = f.core().begin_load();
    auto stale = f.store().find_blocking(id);
    ASSERT_TRUE(f.cancel(id));  // loads it, changes it, commits it
    EXPECT_TRUE(f.core().resident(id));
    f.core().admit(std::move(stale), load);
    EXPECT_EQ(f.core().info(id)->state, job_state::cancelled);
    f.settle();
    EXPECT_EQ(f.job(id).state, job_state::cancelled);
}

/// Reads jobs such that each read begins before the one before it ends. The most that were in
/// memory at one time.
std::size_t read_in_overlap(engine_fixture& f, const std::vector<uuid>& ids) {
    std::size_t most = 0;
    auto load = f.core().begin_load();
    for (const auto& id : ids) {
        const auto next = f.core().begin_load();
        f.core().admit(f.store().find_blocking(id), load);
        f.core().evict_idle(f.clock.now);
        most = std::max(most, f.core().resident_count());
        load = next;
    }
    f.core().admit(std::nullopt, load);
    f.core().evict_idle(f.clock.now);
    return most;
}

TEST(Memory, IsLetGoOfWhileReadsNeverStop) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto ids = f.push_many("q", 1'000);
    EXPECT_LE(read_in_overlap(f, ids), 2U);
    EXPECT_EQ(f.core().resident_count(), 0U);
    const auto slow = f.core().begin_load();
    EXPECT_EQ(read_in_overlap(f, ids), 1'000U) << "the control: one read began before them all";
    f.core().admit(std::nullopt, slow);
    f.core().evict_idle(f.clock.now);
    EXPECT_EQ(f.core().resident_count(), 0U);
}

TEST(Memory, OfKeysIsLetGoOfWhileReadsNeverStop) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto keyed = [](std::size_t n) {
        idempotency_key key{};
        key.key = "key-" + std::to_string(n);
        return key;
    };
    const auto never_done = f.core().begin_load();
    auto load = f.core().begin_load();
    const auto push_keyed = [&](std::size_t first, std::size_t count) {
        for (auto n = first; n < first + count; ++n) {
            const auto next = f.core().begin_load();
            f.core().admit(std::nullopt, load);
            load = next;
            push_request request;
            request.jobs.push_back(make_spec());
            request.key = keyed(n);
            ASSERT_TRUE(f.try_push(std::move(request)));
        }
    };
    push_keyed(0, 17'000);
    EXPECT_TRUE(f.core().find_key(keyed(0), f.clock.now).known())
        << "the control: one read is still under way";
    f.core().admit(std::nullopt, never_done);
    push_keyed(17'000, 10);
    EXPECT_FALSE(f.core().find_key(keyed(0), f.clock.now).known());
    EXPECT_TRUE(f.core().find_key(keyed(17'009), f.clock.now).known());
}

TEST(Memory, KeepsWhatChangedUntilEveryReadThatBeganBeforeHasEnded) {
    engine_config config;
    config.finished_cache = 0;
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto id = f.push();
    const auto slow = f.core().begin_load();
    auto stale = f.store().find_blocking(id);
    ASSERT_TRUE(f.cancel(id));
    for (int i = 0; i < 10; ++i) {
        f.core().admit(std::nullopt, f.core().begin_load());
        f.settle();
    }
    ASSERT_TRUE(f.core().resident(id));
    f.core().admit(std::move(stale), slow);
    EXPECT_EQ(f.job(id).state, job_state::cancelled);
}

TEST(Memory, KeepsWhatACommandNamesWhileTheRestIsRead) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    for (const bool kept : {true, false}) {
        const auto id = f.push();
        f.make_resident(id);  // and goes when the reads before the command's end
        const auto load = f.core().begin_load();
        if (kept) f.core().keep(id);
        f.settle();
        EXPECT_EQ(f.core().resident(id), kept);
        f.core().admit(std::nullopt, load);
        f.settle();
        EXPECT_FALSE(f.core().resident(id));
    }
}

TEST(Memory, DropsWhatWasReadBeforeAReset) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    const auto id = f.push();
    const auto load = f.core().begin_load();
    auto stale = f.store().find_blocking(id);
    f.core().reset(f.clock.now);
    f.core().admit(std::move(stale), load);
    f.settle();
    EXPECT_FALSE(f.known(id));
    EXPECT_EQ(f.core().resident_count(), 0U);
}

TEST(Memory, AResetWhileALineIsReadLeavesNothing) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    f.push();
    f.manual = true;
    fetch_request request;
    request.queues = {"default"};
    ASSERT_TRUE(f.core().fetch(request, f.clock.now).parked);
    f.core().reset(f.clock.now);
    f.settle();
    EXPECT_EQ(f.core().resident_count(), 0U);
    f.manual = false;
    const auto id = f.push();
    EXPECT_EQ(f.fetch_one().spec->id, id);
}

std::size_t with_invented_types(engine_fixture& f, const std::string& queue) {
    for (int i = 0; i < 100; ++i) {
        fetch_request request;
        request.worker_id = "w1";
        request.queues = {queue};
        request.types = {"invented." + std::to_string(i)};
        request.wait = 10ms;
        f.park(request);
        f.pass(10ms);
    }
    return f.core().lane_count();
}

TEST(Names, OfTypesNobodyHasAreForgotten) {
    engine_fixture f;
    const auto id = f.push("q");
    EXPECT_LE(with_invented_types(f, "q"), 1U);
    EXPECT_EQ(f.fetch_one("q").spec->id, id);
    EXPECT_EQ(with_invented_types(f, "never.seen"), 1U);
    EXPECT_EQ(f.core().queues().size(), 1U);
}

TEST(Names, OfQueuesWithoutJobsAreListedUpToABound) {
    engine_config config;
    config.idle_queues = 3;
    config.finished_cache = 0;
    engine_fixture f(config);
    f.push("kept");
    for (int i = 0; i < 10; ++i) {
        const auto queue = "q" + std::to_string(i);
        if (i % 2 == 0) {
            f.push(queue);
            ASSERT_TRUE(f.ack(f.fetch_one(queue)));
        } else {
            ASSERT_TRUE(f.cancel(f.push(queue)));  // leaves its place in line behind
        }
    }
    EXPECT_EQ(f.core().lane_count(), 1U);
    std::vector<std::string> names;
    for (const auto& queue : f.core().queues()) names.push_back(queue.name);
    EXPECT_EQ(names, (std::vector<std::string>{"kept", "q7", "q8", "q9"}));
    EXPECT_EQ(f.stats("q8").jobs[static_cast<std::size_t>(job_state::completed)], 1U);
    EXPECT_EQ(f.fetch("kept").size(), 1U);
}

TEST(Names, OfQueuesWithJobsAtRestStay) {
    engine_config config;
    config.idle_queues = 0;
    config.window_jobs = 0;
    engine_fixture f(config);
    auto distant = make_spec("later");
    distant.scheduled_at = f.clock.now.wall + 1h;
    const auto id = f.push(distant);
    f.push("waits");
    EXPECT_EQ(f.core().queues().size(), 2U);
    f.pass(1h);
    EXPECT_EQ(f.fetch_one("later").spec->id, id);
    EXPECT_EQ(f.fetch("waits").size(), 1U);
}

TEST(Gate, NamesTheBatchThatMustBeDurable) {
    engine_fixture f;
    f.manual = true;
    EXPECT_EQ(f.core().gate(), 0U);
    const auto id = f.push();
    EXPECT_EQ(f.core().gate(), 1U);
    EXPECT_EQ(f.core().gate(id), 1U);
    const auto batch = f.core().take_batch(f.clock.now);
    EXPECT_EQ(batch.number, 1U);
    EXPECT_TRUE(batch.sync);
    EXPECT_EQ(f.core().gate(), 1U) << "under way, not durable";
    ASSERT_TRUE(f.core().cancel(id, f.clock.now));
    EXPECT_EQ(f.core().gate(id), 2U);
    ASSERT_EQ(f.store().commit_blocking(batch).status, commit_status::ok);
    f.core().committed(f.clock.now);
    EXPECT_EQ(f.core().gate(id), 2U);
    EXPECT_TRUE(f.commit());
    EXPECT_EQ(f.core().gate(), 0U);
    EXPECT_EQ(f.core().gate(id), 0U);
}

TEST(Batch, OfGrantsAndHeartbeatsAloneNeedsNoSync) {
    engine_fixture f;
    f.push();
    f.manual = true;
    fetch_request request;
    request.worker_id = "w1";
    request.queues = {"default"};
    const auto outcome = f.core().fetch(request, f.clock.now);
    const auto jobs = f.core().granted(outcome.leases);
    ASSERT_EQ(jobs.size(), 1U);
    f.heartbeat("w1", jobs);
    EXPECT_FALSE(f.core().take_batch(f.clock.now).sync);
}

}  // namespace
}  // namespace sluice::test
