#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

class latency_story : public engine_fixture {
public:
    using engine_fixture::engine_fixture;

    /// Since the start.
    compact_histogram of(latency_phase phase, const std::string& queue = "default") {
        const auto found = core().latency({queue, latency_window::start, {}}, clock.now);
        EXPECT_TRUE(found);
        return found->windows[static_cast<std::size_t>(latency_window::start)]
                             [static_cast<std::size_t>(phase)];
    }
    /// A fetch whose taker is told, as the backend does it.
    std::vector<job_record> take(const fetch_request& request) {
        std::vector<given_lease> leases;
        for (const auto& job : fetch(request)) leases.push_back({job.seq, job.lease});
        return core().hand_over(leases, clock.now);
    }
    job_record take_one(const std::string& queue = "default") {
        fetch_request request;
        request.worker_id = "w1";
        request.queues = {queue};
        auto jobs = take(request);
        EXPECT_EQ(jobs.size(), 1U);
        return jobs.empty() ? job_record{} : jobs.front();
    }
    void expect(latency_phase phase, std::uint64_t count, std::chrono::microseconds most) {
        EXPECT_EQ(of(phase).count(), count) << to_string(phase);
        EXPECT_EQ(of(phase).max(), most) << to_string(phase);
    }
};

constexpr auto enqueue = latency_phase::enqueue;
constexpr auto waiting = latency_phase::waiting;
constexpr auto running = latency_phase::running;
constexpr auto total = latency_phase::total;

TEST(Latency, EachPhaseIsADifferenceOfTwoStampsAndTheyAddUp) {
    latency_story f;
    f.manual = true;
    const auto id = f.push();
    f.clock.advance(3ms);
    f.commit();
    f.expect(enqueue, 1, 3ms);
    f.clock.advance(7ms);
    f.manual = false;
    const auto granted = f.take_one();
    f.expect(waiting, 1, 7ms);
    f.clock.advance(20ms);
    f.ack(granted);
    f.expect(running, 1, 20ms);
    f.expect(total, 1, 30ms);
    EXPECT_EQ(f.job(id).state, job_state::completed);
}

TEST(Latency, AScheduledJobWaitsFromTheTimeItIsScheduledFor) {
    latency_story f;
    auto spec = make_spec();
    spec.scheduled_at = f.clock.now.wall + 10s;
    f.push(spec);
    f.pass(10s + 5ms);
    f.clock.advance(4ms);
    f.take_one();
    f.expect(waiting, 1, 9ms);
}

TEST(Latency, AScheduledJobWaitsWhileTheServerIsAwayToo) {
    latency_story f;
    auto spec = make_spec();
    spec.scheduled_at = f.clock.now.wall + 10s;
    f.push(spec);
    f.clock.advance(60s);
    f.crash();
    f.run_timers();
    f.settle();
    f.take_one();
    f.expect(waiting, 1, 50s);
}

TEST(Latency, AJumpOfTheWallClockIsNoWait) {
    for (const auto jump : {-1h, 1h}) {
        latency_story f;
        f.clock.jump_wall(jump);
        auto spec = make_spec();
        spec.scheduled_at = f.clock.now.wall + 10s;
        f.push(spec);
        f.pass(10s);
        f.clock.advance(4ms);
        f.take_one();
        f.expect(waiting, 1, 4ms);
    }
}

TEST(Latency, ARetryWaitsFromTheEndOfItsBackOff) {
    latency_story f;
    f.push();
    const auto first = f.take_one();
    f.clock.advance(2ms);
    f.nack(first);
    f.expect(running, 1, 2ms);
    f.pass(5s);
    const auto due = f.clock.now.wall;
    const auto again = f.take_one();
    EXPECT_EQ(f.of(waiting).count(), 2U);
    EXPECT_EQ(f.of(waiting).max(), due - *again.available_at);
    EXPECT_EQ(f.of(total).count(), 0U) << "it has not completed";
}

TEST(Latency, OnlyRunsThatWereAnsweredOrTookTooLongCountAsRunning) {
    latency_story f;
    const auto run = [&f] {
        f.push();
        return f.take_one();
    };
    nack_request release;
    release.release = true;
    f.nack(run(), release);
    f.cancel(f.take_one().spec->id);
    f.cancel(run().spec->id);
    EXPECT_EQ(f.of(running).count(), 0U);
    auto slow = make_spec();
    slow.timeout = 2s;
    slow.retry.max_attempts = 1;
    f.push(slow);
    f.take_one();
    f.pass(3s);
    f.expect(running, 1, 2s);
    EXPECT_EQ(f.of(waiting).count(), 4U);
}

TEST(Latency, AnAnswerToldTwiceIsOneStart) {
    latency_story f;
    f.push();
    fetch_request request;
    request.worker_id = "w1";
    request.queues = {"default"};
    request.fetch_id = "f1";
    ASSERT_EQ(f.take(request).size(), 1U);
    f.clock.advance(1s);
    ASSERT_EQ(f.take(request).size(), 1U) << "the same job is told of again";
    f.expect(waiting, 1, 0us);
}

TEST(Latency, AJobNobodyWasToldOfHasNotStarted) {
    latency_story f;
    f.push();
    f.manual = true;
    fetch_request request;
    request.queues = {"default"};
    const auto outcome = f.core().fetch(request, f.clock.now);
    ASSERT_EQ(outcome.leases.size(), 1U);
    f.commit();
    EXPECT_EQ(f.of(waiting).count(), 0U);
    f.core().hand_over(outcome.leases, f.clock.now);
    EXPECT_EQ(f.of(waiting).count(), 1U);
}

TEST(Latency, CountsBeginAnewAfterARestart) {
    latency_story f;
    f.push();
    f.ack(f.take_one());
    const auto before = f.core().latency({"default", {}, {}}, f.clock.now)->since;
    f.clock.advance(1h);
    f.push();
    f.crash();
    EXPECT_EQ(f.of(enqueue).count(), 0U);
    EXPECT_EQ(f.core().latency({"default", {}, {}}, f.clock.now)->since, before + 1h);
    f.ack(f.take_one());
    EXPECT_EQ(f.of(total).count(), 1U);
}

TEST(Latency, IsKeptByTypeWhenTheLineIsForgotten) {
    latency_story f(nothing_kept());
    for (int i = 0; i < 3; ++i) {
        f.push(make_spec("mail", i == 0 ? "render" : "send"));
        f.ack(f.take_one("mail"));
    }
    EXPECT_EQ(f.core().lane_count(), 0U);
    const auto found = f.core().latency({"mail", {}, {}}, f.clock.now);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->types.size(), 2U);
    EXPECT_EQ(found->types[1].type, "send");
    EXPECT_EQ(found->types[1].windows[0][static_cast<std::size_t>(total)].count(), 2U);
    EXPECT_EQ(f.core().latency({"nosuch", {}, {}}, f.clock.now).error().code, errc::not_found);
}

TEST(Latency, NamesThatAnybodyInventsAreBounded) {
    engine_config config;
    config.latency_pairs = 10;
    latency_story f(config);
    for (int i = 0; i < 50; ++i) {
        f.push(make_spec("q" + std::to_string(i), "t"));
        f.ack(f.take_one("q" + std::to_string(i)));
    }
    const auto counts = f.core().latency_counted();
    ASSERT_EQ(counts.size(), 11U);
    EXPECT_EQ(counts.back().queue, latency_other);
    EXPECT_EQ(counts.back().phases[static_cast<std::size_t>(total)].count, 40U);
}

class slow_story : public latency_story {
public:
    slow_story(std::chrono::milliseconds slow_waiting, std::chrono::milliseconds slow_running)
        : latency_story(limits(slow_waiting, slow_running)) {}

    /// A job that waits and runs for so long, from its push to its ack.
    void run(std::chrono::milliseconds waits, std::chrono::milliseconds runs) {
        push();
        clock.advance(waits);
        const auto job = take_one();
        clock.advance(runs);
        ack(job);
    }

private:
    static engine_config limits(std::chrono::milliseconds slow_waiting,
                                std::chrono::milliseconds slow_running) {
        engine_config config;
        config.slow_waiting = slow_waiting;
        config.slow_running = slow_running;
        return config;
    }
};

TEST(Latency, ASlowRunIsToldWithItsPhases) {
    slow_story f(1s, 5s);
    f.run(1s, 5s);
    EXPECT_TRUE(f.core().take_slow_runs().empty()) << "as long as it may take";
    f.run(1001ms, 10ms);
    f.run(10ms, 5001ms);
    const auto told = f.core().take_slow_runs();
    ASSERT_EQ(told.size(), 2U);
    EXPECT_EQ(told[0].waiting, 1001ms);
    EXPECT_EQ(told[0].running, 10ms);
    EXPECT_EQ(told[0].total, 1011ms);
    EXPECT_EQ(told[0].outcome, lease_outcome::acked);
    EXPECT_EQ(told[0].worker_id, "w1");
    EXPECT_EQ(told[0].attempt, 1U);
    EXPECT_EQ(told[0].spec->type, "work");
    EXPECT_EQ(told[1].running, 5001ms);
    EXPECT_TRUE(f.core().take_slow_runs().empty()) << "told once";
}

TEST(Latency, NoRunIsSlowUnlessTheConfigurationSaysSo) {
    slow_story f(0ms, 0ms);
    f.run(1h, 10min);
    EXPECT_TRUE(f.core().take_slow_runs().empty());
}

TEST(Latency, AFloodOfSlowRunsIsAFewLines) {
    slow_story f(1ms, 0ms);
    for (int i = 0; i < 100; ++i) f.push();
    f.clock.advance(1s);
    for (int i = 0; i < 100; ++i) f.ack(f.take_one());
    EXPECT_EQ(f.core().take_slow_runs().size(), slow_runs::lines_max);
    f.clock.advance(10s);
    f.run(2ms, 0ms);
    const auto next = f.core().take_slow_runs();
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(next[0].left_out, 100 - slow_runs::lines_max);
}

TEST(Latency, AResetForgetsAllOfIt) {
    latency_story f;
    f.push();
    f.ack(f.take_one());
    f.core().reset(f.clock.now);
    f.settle();
    EXPECT_TRUE(f.core().latency_counted().empty());
    f.push();
    EXPECT_EQ(f.of(enqueue).count(), 1U);
}

}  // namespace
}  // namespace sluice::test
