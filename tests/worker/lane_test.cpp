// What holds a worker up, and what does not.

#include "tests/worker/pool_fixture.hpp"

#include <condition_variable>
#include <mutex>

namespace sluice::worker {
namespace {

using Lane = pool_fixture;

TEST_F(Lane, AWorkerOutlivesWhatIsThrownWhileItAnswers) {
    config.concurrency = 1;
    start();
    source.throwing_acks = 1;
    const uuid first = source.add("test.count");
    ASSERT_TRUE(run_until([&] { return source.released.contains(first); }))
        << "nobody would ever answer for it";
    const uuid second = source.add("test.count");
    ASSERT_TRUE(run_until([&] { return source.acked.contains(second); }));
    spawn_stop(1ms);
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_EQ(left, 0U);
}

TEST_F(Lane, WhatIsThrownWhileManyAreHandedInLeavesNoneWithoutAnAnswer) {
    config.concurrency = 8;
    for (int i = 0; i < 8; ++i) source.add("test.count");
    source.throwing_acks = 1;
    start();
    ASSERT_TRUE(run_until([&] { return source.acked.size() + source.released.size() == 8; }));
    EXPECT_EQ(source.leased(), 0U);
    EXPECT_EQ(source.most_acked, 8U);
    EXPECT_EQ(source.released.size(), 8U) << "the backend threw at the first of them";
}

TEST_F(Lane, AWorkerRunsTheNextJobWhileAnAnswerWaitsForItsCommit) {
    config.concurrency = 1;
    start();
    source.hold_acks = true;
    const uuid first = source.add("test.count");
    const uuid second = source.add("test.count");
    ASSERT_TRUE(run_until([&] { return runs == 2; }));
    EXPECT_TRUE(source.acked.empty());
    spawn_stop(10s);
    context.restart();
    context.poll();
    EXPECT_FALSE(stopped) << "answers are still on their way";
    source.release_acks();
    ASSERT_TRUE(run_until([&] { return stopped; }));
    EXPECT_TRUE(source.acked.contains(first) && source.acked.contains(second));
    EXPECT_EQ(left, 0U);
}

TEST_F(Lane, SaysOfEveryRunThatItsHandlerHasReturned) {
    start();
    const uuid done = source.add("test.count");
    const uuid lost = source.add("test.gate");
    ASSERT_TRUE(run_until([&] { return source.acked.contains(done) && runs == 2; }));
    ASSERT_TRUE(run_until([&] { return source.returned.size() == 1; }));
    source.take_away(lost);
    context.poll();
    EXPECT_EQ(source.returned.size(), 1U) << "it ignores that it is to stop";
    gate.cancel();
    EXPECT_TRUE(run_until([&] { return source.returned.size() == 2; }));
}

TEST_F(Lane, AHandlerThatBlocksAllItsThreadsDoesNotHoldUpAnother) {
    std::mutex mutex;
    std::condition_variable changed;
    int waiting = 0;
    bool open = false;
    handlers.add_blocking("hang", [&](job_run&) -> outcome {
        std::unique_lock lock(mutex);
        ++waiting;
        changed.wait(lock, [&] { return open; });
        return completed{};
    });
    handlers.add_blocking("quick", [](job_run&) -> outcome { return completed{}; });
    config.blocking_threads = 2;
    start();
    source.add("hang");
    source.add("hang");
    ASSERT_TRUE(run_until([&] {
        const std::lock_guard lock(mutex);
        return waiting == 2;
    }));
    const uuid quick = source.add("quick");
    EXPECT_TRUE(run_until([&] { return source.acked.contains(quick); }));
    {
        const std::lock_guard lock(mutex);
        open = true;
    }
    changed.notify_all();
    EXPECT_TRUE(run_until([&] { return source.acked.size() == 3; }));
}

}  // namespace
}  // namespace sluice::worker
