#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

job_spec at(const engine_fixture& f, std::chrono::microseconds from_now) {
    auto spec = make_spec();
    spec.scheduled_at = f.clock.now.wall + from_now;
    return spec;
}

TEST(Schedule, OffersNothingBeforeItsTime) {
    engine_fixture f;
    const auto id = f.push(at(f, 10min));
    EXPECT_EQ(f.job(id).state, job_state::scheduled);
    f.pass(10min - 1us);
    EXPECT_TRUE(f.fetch().empty());
    f.pass(1us);
    EXPECT_EQ(f.fetch_one().spec->id, id);
}

TEST(Schedule, InThePastIsAvailableAtOnce) {
    engine_fixture f;
    const auto id = f.push(at(f, -1s));
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(Schedule, OfManyJobsAtRestComesInOrderOfTime) {
    engine_fixture f;
    std::vector<uuid> by_time(20);
    for (std::size_t i = 0; i < by_time.size(); ++i) {
        const auto minutes = (i * 7) % by_time.size();
        by_time[minutes] = f.push(at(f, 1h + std::chrono::minutes{minutes}));
    }
    EXPECT_EQ(f.core().resident_count(), 0U);
    f.crash();
    f.pass(2h);
    for (const auto& id : by_time) EXPECT_EQ(f.fetch_one().spec->id, id);
}

TEST(Schedule, WakesATakerThatWaits) {
    engine_fixture f;
    f.push(at(f, 5s));
    fetch_request request;
    request.queues = {"default"};
    request.wait = 10s;
    const auto taker = f.park(request);
    f.pass(5s);
    ASSERT_TRUE(f.answer_to(taker));
    EXPECT_EQ(f.answer_to(taker)->size(), 1U);
}

TEST(ClockJump, ForwardEndsNoLeaseAndNoBackoff) {
    engine_config config;
    config.visibility_timeout = 10s;
    engine_fixture f(config);
    const auto failed = f.push();
    nack_request later;
    later.retry_after = 60s;
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    const auto held = f.push();
    f.fetch_one();
    f.clock.jump_wall(month);
    f.run_timers();
    EXPECT_EQ(f.job(held).state, job_state::active);
    EXPECT_EQ(f.job(failed).state, job_state::retryable);
    f.pass(10s);
    EXPECT_EQ(f.job(held).state, job_state::available);
    f.pass(50s);
    EXPECT_EQ(f.job(failed).state, job_state::available);
}

TEST(ClockJump, BackwardProlongsNoLeaseAndNoBackoff) {
    engine_config config;
    config.visibility_timeout = 10s;
    engine_fixture f(config);
    const auto failed = f.push();
    nack_request later;
    later.retry_after = 60s;
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    const auto held = f.push();
    f.fetch_one();
    f.clock.jump_wall(-month);
    f.pass(10s);
    EXPECT_EQ(f.job(held).state, job_state::available);
    f.pass(50s);
    EXPECT_EQ(f.job(failed).state, job_state::available);
}

TEST(ClockJump, DoesNotTouchABackoffThatBeganBeforeARestart) {
    engine_fixture f;
    const auto id = f.push();
    nack_request later;
    later.retry_after = 10min;
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    f.crash();
    f.clock.jump_wall(month);
    f.run_timers();
    EXPECT_EQ(f.job(id).state, job_state::retryable);
    f.clock.jump_wall(-2 * month);
    f.pass(10min);
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(ClockJump, DoesNotTouchASnooze) {
    engine_fixture f;
    const auto short_one = f.push();
    nack_request later;
    later.snooze = 1s;
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    const auto long_one = f.push();
    later.snooze = 10min;  // at rest meanwhile
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    const auto scheduled = f.push(at(f, 1s));
    f.clock.jump_wall(-1h);
    f.pass(1s - 1us);
    EXPECT_TRUE(f.fetch().empty());
    f.pass(1us);
    auto held = f.fetch_one();
    EXPECT_EQ(held.spec->id, short_one);
    ASSERT_TRUE(f.ack(held));
    f.clock.jump_wall(month);
    f.clock.jump_wall(-month);
    f.pass(10min - 1s);
    held = f.fetch_one();
    EXPECT_EQ(held.spec->id, long_one);
    ASSERT_TRUE(f.ack(held));
    EXPECT_EQ(f.job(scheduled).state, job_state::scheduled);
    f.pass(50min + 1s);
    EXPECT_EQ(f.fetch_one().spec->id, scheduled);
}

TEST(ClockJump, ForwardEndsNoSnooze) {
    engine_fixture f;
    const auto id = f.push();
    nack_request later;
    later.snooze = 60s;
    ASSERT_TRUE(f.nack(f.fetch_one(), later));
    f.clock.jump_wall(month);
    f.run_timers();
    EXPECT_EQ(f.job(id).state, job_state::scheduled);
    f.pass(60s);
    EXPECT_EQ(f.fetch_one().spec->id, id);
}

TEST(ClockJump, MovesSchedulesBecauseTheyAreTimesOfDay) {
    engine_fixture f;
    const auto id = f.push(at(f, 1h));
    f.clock.jump_wall(-2h);
    f.pass(1h);
    EXPECT_EQ(f.job(id).state, job_state::scheduled);
    f.clock.jump_wall(month);
    f.run_timers();
    EXPECT_EQ(f.job(id).state, job_state::available);
}

TEST(ClockJump, BackWhileAJobIsReadForItsTimeDoesNotLoseIt) {
    engine_fixture f;
    auto expiring = make_spec();
    expiring.expires_at = f.clock.now.wall + 2h;
    expiring.scheduled_at = f.clock.now.wall + std::chrono::hours{10};
    const auto scheduled = f.push(at(f, 2h));
    const auto expires = f.push(expiring);
    ASSERT_EQ(f.core().resident_count(), 0U);
    f.clock.advance(2h);
    f.manual = true;
    f.run_timers();
    f.clock.jump_wall(-1s);
    f.settle();
    f.manual = false;
    EXPECT_EQ(f.job(scheduled).state, job_state::scheduled);
    EXPECT_EQ(f.job(expires).state, job_state::scheduled);
    f.pass(1s);
    EXPECT_EQ(f.job(scheduled).state, job_state::available);
    EXPECT_EQ(f.job(expires).state, job_state::discarded);
}

TEST(ClockJump, FiresNothingTwice) {
    engine_fixture f;
    const auto id = f.push(at(f, 1h));
    f.pass(1h);
    const auto job = f.fetch_one();
    f.clock.jump_wall(-10min);
    f.pass(20min);
    EXPECT_TRUE(f.fetch().empty());
    EXPECT_EQ(f.job(id).attempt, job.attempt);
}

TEST(Stamps, NeverRunBackwardInOneProcess) {
    engine_fixture f;
    const auto id = f.push();
    const auto received = f.job(id).received_at;
    f.clock.jump_wall(-month);
    f.clock.advance(1s);
    f.fetch_one();
    EXPECT_EQ(*f.job(id).started_at, received + 1s);
}

}  // namespace
}  // namespace sluice::test
