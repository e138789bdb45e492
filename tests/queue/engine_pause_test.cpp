#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

fetch_request waiting_for(std::string queue) {
    fetch_request request;
    request.worker_id = "w1";
    request.queues = {std::move(queue)};
    request.wait = 60s;
    return request;
}

void pause(engine_fixture& f, bool paused, const std::string& queue = "q") {
    f.core().pause_queue(queue, paused, f.clock.now);
    f.settle();
}

TEST(Pause, HandsOutNothingAndLosesNothing) {
    engine_fixture f;
    const auto before = f.push("q");
    pause(f, true);
    EXPECT_TRUE(f.stats("q").paused);
    EXPECT_TRUE(f.fetch("q").empty());
    const auto during = f.push("q");
    EXPECT_TRUE(f.fetch("q").empty());
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 2U);
    pause(f, false);
    EXPECT_EQ(f.fetch_one("q").spec->id, before);
    EXPECT_EQ(f.fetch_one("q").spec->id, during);
}

TEST(Pause, LetsRunningJobsEnd) {
    engine_fixture f;
    f.push("q");
    const auto held = f.fetch_one("q");
    pause(f, true);
    EXPECT_TRUE(f.ack(held));
    EXPECT_EQ(f.job(held.spec->id).state, job_state::completed);
}

TEST(Pause, LeavesOtherQueuesAlone) {
    engine_fixture f;
    f.push("q");
    const auto other = f.push("other");
    pause(f, true);
    fetch_request both = waiting_for("q");
    both.queues = {"q", "other"};
    both.wait = 0ms;
    const auto given = f.fetch(both);
    ASSERT_EQ(given.size(), 1U);
    EXPECT_EQ(given[0].spec->id, other);
}

TEST(Pause, EndServesThoseWhoWaitMeanwhile) {
    engine_fixture f;
    const auto id = f.push("q");
    pause(f, true);
    const auto taker = f.park(waiting_for("q"));
    EXPECT_FALSE(f.answer_to(taker));
    pause(f, false);
    const auto given = f.answer_to(taker);
    ASSERT_TRUE(given);
    ASSERT_EQ(given->size(), 1U);
    EXPECT_EQ(given->front().spec->id, id);
}

TEST(Pause, HoldsBackInServerWorkersToo) {
    engine_config config;
    config.handled_types = {{"work", 0}};
    engine_fixture f(config);
    pause(f, true);
    f.push("q");
    fetch_request any = waiting_for("*");
    any.worker_id = in_server_worker_id;
    any.handled_only = true;
    const auto taker = f.park(any);
    EXPECT_FALSE(f.answer_to(taker));
    pause(f, false);
    ASSERT_TRUE(f.answer_to(taker));
}

TEST(Pause, OutlivesACrashAndAPowerCut) {
    engine_fixture f;
    f.push("q");
    pause(f, true);
    f.crash();
    EXPECT_TRUE(f.stats("q").paused);
    EXPECT_TRUE(f.fetch("q").empty());
    f.lose_power();
    EXPECT_TRUE(f.stats("q").paused);
    pause(f, false);
    f.crash();
    EXPECT_FALSE(f.stats("q").paused);
    f.fetch_one("q");
}

TEST(Pause, MakesAQueueKnownAndKeepsIt) {
    engine_config config;
    config.idle_queues = 1;
    config.finished_cache = 0;
    engine_fixture f(config);
    pause(f, true, "quiet");
    for (const std::string name : {"a", "b", "c"}) {
        f.push(name);
        f.ack(f.fetch_one(name));
    }
    EXPECT_TRUE(f.stats("quiet").paused);
    pause(f, false, "quiet");
    f.push("d");
    f.ack(f.fetch_one("d"));
    f.push("e");
    f.ack(f.fetch_one("e"));
    for (const auto& queue : f.core().queues()) EXPECT_NE(queue.name, "quiet");
}

TEST(Pause, EndOfOneThatWasNeverMakesNothingKnown) {
    engine_config config;
    config.idle_queues = 0;
    engine_fixture f(config);
    pause(f, false, "never");
    EXPECT_EQ(f.core().queue_count(), 0U);
    EXPECT_EQ(f.disk->commits(), 0U);
}

TEST(Pause, IsWrittenOnceHoweverOftenItIsAsked) {
    engine_fixture f;
    pause(f, true);
    const auto commits = f.disk->commits();
    pause(f, true);
    EXPECT_EQ(f.disk->commits(), commits);
}

}  // namespace
}  // namespace sluice::test
