#include "tests/queue/cron_fixture.hpp"

namespace sluice::test {
namespace {

using CronTime = cron_fixture;

TEST_F(CronTime, FiresOnceForWhatWasMissed) {
    set(every_minute(overlap_policy::allow));
    f.crash();
    f.clock.advance(10 * minute);
    f.run_timers();
    EXPECT_EQ(waiting(), 1U);
    const auto next = *get().next_run_at;
    EXPECT_GT(next, f.clock.now.wall);
    EXPECT_LE(next - f.clock.now.wall, minute);
}

TEST_F(CronTime, CatchesUpWithAllOrNothingWhereThatIsWanted) {
    auto all = every_minute(overlap_policy::allow);
    all.catch_up = catch_up_policy::all;
    set(all);
    auto none = every_minute(overlap_policy::allow);
    none.name = "none";
    none.expression = "0 * * * *";
    none.job = R"({"type":"work","args":[],"options":{"queue":"other"}})";
    none.catch_up = catch_up_policy::none;
    const auto due = *set(none).next_run_at;
    const auto late = due - f.clock.now.wall + 10 * minute;
    f.clock.advance(late);
    f.run_timers();
    const auto missed = std::chrono::floor<std::chrono::minutes>(late + 20s) / minute;
    EXPECT_EQ(static_cast<long>(waiting()), missed);
    EXPECT_TRUE(f.fetch("other").empty());
    const auto skipped = events("cron.skipped");
    ASSERT_EQ(skipped.size(), 1U);
    EXPECT_EQ(skipped[0].cron->reason, "missed");
    EXPECT_EQ(skipped[0].cron->scheduled_at, due);
}

TEST_F(CronTime, CatchesUpWithSoManyAtMost) {
    auto all = every_minute(overlap_policy::allow);
    all.catch_up = catch_up_policy::all;
    set(all);
    f.clock.advance(24h);
    f.run_timers();
    EXPECT_EQ(get().run_count, limits::cron_catch_up_max);
    EXPECT_GT(*get().next_run_at, f.clock.now.wall);
}

TEST_F(CronTime, NeverFiresTwiceForOneTimeWhenTheClockIsSetBack) {
    const auto due = *set(every_minute(overlap_policy::allow)).next_run_at;
    f.pass(due - f.clock.now.wall);
    EXPECT_EQ(get().run_count, 1U);
    f.clock.jump_wall(-std::chrono::microseconds(30s));
    f.pass(31s);
    EXPECT_EQ(get().run_count, 1U);
    f.pass(minute);
    EXPECT_EQ(get().run_count, 2U);
}

TEST_F(CronTime, GoesByTheClockOnceAWrongOneIsSetRight) {
    f.clock.jump_wall(std::chrono::hours{24 * 365});
    set(every_minute(overlap_policy::allow));
    f.pass(minute);
    EXPECT_EQ(get().run_count, 1U);
    f.clock.jump_wall(-std::chrono::hours{24 * 365});
    f.run_timers();  // the owner looks once a minute
    f.pass(2 * minute);
    EXPECT_EQ(get().run_count, 3U);
    EXPECT_LE(*get().next_run_at - f.clock.now.wall, minute);
    f.clock.jump_wall(-std::chrono::hours{24 * 365});
    f.crash();
    f.pass(2 * minute);
    EXPECT_EQ(get().run_count, 5U);
}

TEST_F(CronTime, KeepsItsNextTimeWhenItIsRegisteredAgainWithTheSameSchedule) {
    auto interval = every_minute(overlap_policy::allow);
    interval.expression = "@every 10m";
    const auto due = *set(interval).next_run_at;
    f.pass(4 * minute);
    interval.job = R"({"type":"work","args":[2],"options":{"queue":"q"}})";
    EXPECT_EQ(set(interval).next_run_at, due);
    f.pass(6 * minute);
    EXPECT_EQ(f.fetch_one("q").spec->args, "[2]");
    EXPECT_EQ(get().next_run_at, due + 10 * minute);
    interval.expression = "@every 20m";
    EXPECT_EQ(set(interval).next_run_at, f.clock.now.wall + 20 * minute);
    EXPECT_EQ(get().run_count, 1U);
}

TEST_F(CronTime, RestsWhileItIsDisabled) {
    set(every_minute(overlap_policy::allow));
    ASSERT_TRUE(f.core().enable_cron("tick", false, f.clock.now));
    EXPECT_FALSE(get().next_run_at);
    f.pass(5 * minute);
    EXPECT_EQ(get().run_count, 0U);
    f.crash();
    f.pass(5 * minute);
    EXPECT_EQ(get().run_count, 0U);
    ASSERT_TRUE(f.core().enable_cron("tick", true, f.clock.now));
    f.pass(minute);
    EXPECT_EQ(get().run_count, 1U);
}

TEST_F(CronTime, WaitsForRoomOnTheDisk) {
    set(every_minute());
    f.core().set_disk_low(true);
    f.pass(minute);
    EXPECT_EQ(get().run_count, 0U);
    f.core().set_disk_low(false);
    f.pass(10s);
    EXPECT_EQ(get().run_count, 1U);
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(CronTime, MakesNoJobsWhileTheServerDrains) {
    set(every_minute());
    f.core().begin_drain();
    f.pass(2 * minute);
    EXPECT_EQ(get().run_count, 0U);
    f.crash();
    f.run_timers();
    EXPECT_EQ(get().run_count, 1U);
}

TEST_F(CronTime, KeepsAJobAndTheTimeItWasMadeTogether) {
    set(every_minute(overlap_policy::allow));
    f.manual = true;
    f.pass(minute);
    f.crash();  // neither was written
    EXPECT_EQ(get().run_count, 0U);
    EXPECT_TRUE(f.disk->image().live.empty());
    f.manual = false;
    f.run_timers();
    EXPECT_EQ(f.disk->image().live.size(), 1U);
    EXPECT_EQ(f.disk->image().crons.at("tick").run_count, 1U);
    f.lose_power();
    EXPECT_EQ(get().run_count, 1U);
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(CronTime, TellsOfATimeThatTheClockLeapsOver) {
    cron_definition early = every_minute();
    early.expression = "30 2 * * *";
    early.timezone = "Europe/Berlin";
    set(early);
    // 2024-03-31: 02:30 does not exist in Berlin.
    const timestamp before{std::chrono::sys_days{std::chrono::year{2024} / 3 / 30}};
    f.clock.advance(before - f.clock.now.wall);
    f.run_timers();
    f.ack(f.fetch_one("q"));
    f.pass(30h);
    const auto skipped = events("cron.skipped");
    ASSERT_EQ(skipped.size(), 1U);
    EXPECT_EQ(skipped[0].cron->reason, "dst_skip");
    EXPECT_EQ(skipped[0].cron->scheduled_at,
              timestamp{std::chrono::sys_days{std::chrono::year{2024} / 3 / 31} + 1h});
    const auto preview = f.core().preview_cron("tick", 3, f.clock.now);
    ASSERT_TRUE(preview);
    EXPECT_EQ(preview->size(), 3U);
}

TEST_F(CronTime, RestsWhenTheMachineNoLongerKnowsItsZone) {
    set(every_minute(overlap_policy::allow));
    journal_batch batch;
    batch.number = f.core().committed_batch() + 1;
    batch.crons = {{"tick", get()}};
    batch.crons[0].record->definition.timezone = "Gone/Away";
    ASSERT_EQ(f.store().commit_blocking(batch).status, commit_status::ok);
    f.crash();
    EXPECT_FALSE(get().next_run_at);
    f.pass(5 * minute);
    EXPECT_EQ(get().run_count, 0U);
    EXPECT_EQ(f.core().preview_cron("tick", 1, f.clock.now).error().code, errc::invalid_request);
    EXPECT_TRUE(f.core().enable_cron("tick", false, f.clock.now));
    EXPECT_EQ(f.core().enable_cron("tick", true, f.clock.now).error().code, errc::invalid_request);
    batch.number = f.core().committed_batch() + 1;
    batch.crons[0].record->definition.timezone = "UTC";
    batch.crons[0].record->next_run_at.reset();
    ASSERT_EQ(f.store().commit_blocking(batch).status, commit_status::ok);
    f.crash();  // it is back
    f.pass(minute);
    EXPECT_EQ(get().run_count, 1U);
}

TEST(CronBacklog, WaitsWhileTooMuchIsToBeWritten) {
    engine_config config;
    config.uncommitted_bytes_max = 0;
    engine_fixture f(config);
    ASSERT_TRUE(f.core().set_cron(every_minute(), f.clock.now));
    f.settle();
    f.manual = true;
    f.push("other");
    f.clock.advance(minute);
    f.run_timers();
    EXPECT_EQ(f.core().cron("tick")->run_count, 0U);
    f.manual = false;
    f.settle();
    f.pass(10s);
    EXPECT_EQ(f.core().cron("tick")->run_count, 1U);
}

}  // namespace
}  // namespace sluice::test
