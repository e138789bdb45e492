#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

constexpr auto minute = std::chrono::minutes{1};

/// Every minute, into the queue "q".
cron_definition every_minute(overlap_policy overlap = overlap_policy::skip) {
    cron_definition made;
    made.name = "tick";
    made.expression = "* * * * *";
    made.job = R"({"type":"work","args":[1],"options":{"queue":"q"}})";
    made.overlap = overlap;
    return made;
}

/// The engine's clock stands at a full minute plus 20 s; a minute from here a job is made.
class Cron : public ::testing::Test {
protected:
    cron_record set(cron_definition definition) {
        auto changed = f.core().set_cron(std::move(definition), f.clock.now);
        EXPECT_TRUE(changed);
        f.settle();
        return changed->cron;
    }
    cron_record get(const std::string& name = "tick") {
        auto found = f.core().cron(name);
        EXPECT_TRUE(found);
        return found ? *found : cron_record{};
    }
    std::vector<job_event> events(const std::string& type) {
        event_query query;
        query.types = {type};
        return f.core().events().query(query).events;
    }
    std::size_t waiting() {
        return f.stats("q").jobs[static_cast<std::size_t>(job_state::available)];
    }
    std::size_t pending() {
        return f.stats("q").jobs[static_cast<std::size_t>(job_state::pending)];
    }

    engine_fixture f;
};

TEST_F(Cron, MakesAJobWhenTheTimeComesAndNotBefore) {
    const auto made = set(every_minute());
    ASSERT_TRUE(made.next_run_at);
    const auto left = *made.next_run_at - f.clock.now.wall;
    EXPECT_LE(left, minute);
    f.pass(left - 1ms);
    EXPECT_TRUE(f.fetch("q").empty());
    f.pass(1ms);
    const auto job = f.fetch_one("q");
    EXPECT_EQ(job.spec->args, "[1]");
    EXPECT_EQ(job.spec->type, "work");
    const auto after = get();
    EXPECT_EQ(after.run_count, 1U);
    EXPECT_EQ(after.last_job_id, job.spec->id);
    EXPECT_EQ(after.next_run_at, *made.next_run_at + minute);
}

TEST_F(Cron, NamesItselfInTheMetaOfItsJobs) {
    auto bare = every_minute();
    bare.name = "bare";
    auto full = every_minute();
    full.name = "full";
    full.job = R"({"type":"work","args":[],"meta":{"a":{"b":[1,"}"]}},"options":{"queue":"q"}})";
    auto empty = every_minute();
    empty.name = "empty";
    empty.job = R"({"type":"work","args":[],"meta":{ },"options":{"queue":"q"}})";
    const auto at = *set(bare).next_run_at;
    set(full);
    set(empty);
    f.pass(minute);
    std::vector<std::string> metas;
    for (const auto& job : f.fetch("q", 3)) metas.push_back(job.spec->meta);
    std::sort(metas.begin(), metas.end());
    const auto time = format_timestamp(at);
    const auto own = [&](const std::string& name) {
        return "\"cron_name\":\"" + name + "\",\"cron_triggered_at\":\"" + time + "\"}";
    };
    EXPECT_EQ(metas,
              (std::vector<std::string>{"{ " + own("empty"), R"({"a":{"b":[1,"}"]},)" + own("full"),
                                        "{" + own("bare")}))
        << metas.size();
}

TEST_F(Cron, SkipsWhileTheEarlierJobHasNotEnded) {
    set(every_minute());
    f.pass(minute);
    EXPECT_EQ(waiting(), 1U);
    f.pass(minute);  // it waits
    EXPECT_EQ(waiting(), 1U);
    const auto held = f.fetch_one("q");
    f.pass(minute);  // it runs
    EXPECT_EQ(waiting(), 0U);
    f.nack(held);  // it waits for its second try
    f.pass(100ms);
    EXPECT_EQ(get().run_count, 1U);
    const auto skipped = events("cron.skipped");
    ASSERT_EQ(skipped.size(), 2U);
    EXPECT_EQ(skipped[0].cron->reason, "overlap_skip");
    EXPECT_EQ(skipped[0].job.spec->id, held.spec->id);
    f.pass(2s);
    f.ack(f.fetch_one("q"));
    f.pass(minute);
    EXPECT_EQ(get().run_count, 2U);
}

TEST_F(Cron, AllowsAsManyAtOnceAsThereAreTimes) {
    set(every_minute(overlap_policy::allow));
    f.pass(3 * minute);
    EXPECT_EQ(waiting(), 3U);
    EXPECT_TRUE(events("cron.skipped").empty());
    const auto triggered = events("cron.triggered");
    ASSERT_EQ(triggered.size(), 3U);
    EXPECT_EQ(triggered[2].cron->run_count, 3U);
    EXPECT_EQ(triggered[2].job.spec->queue, "q");
    EXPECT_EQ(triggered[2].cron->name, "tick");
}

TEST_F(Cron, CancelsTheEarlierJobInFavourOfTheNewOne) {
    set(every_minute(overlap_policy::cancel_previous));
    f.pass(minute);
    const auto held = f.fetch_one("q");
    f.pass(minute);
    EXPECT_EQ(f.job(held.spec->id).state, job_state::cancelled);
    EXPECT_EQ(f.ack(held).error().code, errc::already_finished);
    const auto second = f.fetch_one("q");
    EXPECT_NE(second.spec->id, held.spec->id);
    f.pass(minute);
    EXPECT_EQ(f.job(second.spec->id).state, job_state::cancelled);
}

TEST(CronAtRest, CancelsAnEarlierJob) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    ASSERT_TRUE(f.core().set_cron(every_minute(overlap_policy::cancel_previous), f.clock.now));
    f.settle();
    f.pass(minute);
    const auto first = *f.core().cron("tick")->last_job_id;
    ASSERT_FALSE(f.core().resident(first));
    f.pass(minute);
    f.make_resident(first);
    EXPECT_EQ(f.job(first).state, job_state::cancelled);
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 1U);
    EXPECT_EQ(f.core().cron("tick")->unfinished.size(), 1U);
}

TEST_F(Cron, EnqueuesOneAfterTheOther) {
    set(every_minute(overlap_policy::enqueue));
    f.pass(3 * minute);
    EXPECT_EQ(waiting(), 1U);
    EXPECT_EQ(pending(), 2U);
    const auto first = f.fetch_one("q");
    EXPECT_TRUE(f.fetch("q").empty());
    f.ack(first);
    const auto second = f.fetch_one("q");
    EXPECT_TRUE(f.fetch("q").empty());
    EXPECT_LT(first.seq, second.seq);
    f.cancel(second.spec->id);
    const auto third = f.fetch_one("q");
    EXPECT_LT(second.seq, third.seq);
    f.ack(third);
    EXPECT_TRUE(get().unfinished.empty());
}

TEST_F(Cron, EnqueuedJobsFindTheirTurnAfterACrash) {
    set(every_minute(overlap_policy::enqueue));
    f.pass(3 * minute);
    f.crash();
    EXPECT_EQ(pending(), 2U);
    const auto first = f.fetch_one("q");
    f.ack(first);
    f.crash();
    f.settle();
    EXPECT_EQ(waiting(), 1U);
    EXPECT_EQ(pending(), 1U);
    f.ack(f.fetch_one("q"));
    f.settle();
    f.ack(f.fetch_one("q"));
    EXPECT_EQ(waiting() + pending(), 0U);
}

TEST_F(Cron, FiresOnceForWhatWasMissed) {
    set(every_minute(overlap_policy::allow));
    f.crash();
    f.clock.advance(10 * minute);
    f.run_timers();
    EXPECT_EQ(waiting(), 1U);
    const auto next = *get().next_run_at;
    EXPECT_GT(next, f.clock.now.wall);
    EXPECT_LE(next - f.clock.now.wall, minute);
}

TEST_F(Cron, CatchesUpWithAllOrNothingWhereThatIsWanted) {
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

TEST_F(Cron, CatchesUpWithSoManyAtMost) {
    auto all = every_minute(overlap_policy::allow);
    all.catch_up = catch_up_policy::all;
    set(all);
    f.clock.advance(24h);
    f.run_timers();
    EXPECT_EQ(get().run_count, limits::cron_catch_up_max);
    EXPECT_GT(*get().next_run_at, f.clock.now.wall);
}

TEST_F(Cron, NeverFiresTwiceForOneTimeWhenTheClockIsSetBack) {
    const auto due = *set(every_minute(overlap_policy::allow)).next_run_at;
    f.pass(due - f.clock.now.wall);
    EXPECT_EQ(get().run_count, 1U);
    f.clock.jump_wall(-std::chrono::microseconds(30s));
    f.pass(31s);
    EXPECT_EQ(get().run_count, 1U);
    f.pass(minute);
    EXPECT_EQ(get().run_count, 2U);
}

TEST_F(Cron, GoesByTheClockOnceAWrongOneIsSetRight) {
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

TEST_F(Cron, KeepsItsNextTimeWhenItIsRegisteredAgainWithTheSameSchedule) {
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

TEST_F(Cron, RestsWhileItIsDisabled) {
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

TEST_F(Cron, LeavesItsJobsBehindWhenItIsRemoved) {
    set(every_minute(overlap_policy::enqueue));
    f.pass(2 * minute);
    ASSERT_TRUE(f.core().remove_cron("tick"));
    f.settle();
    EXPECT_EQ(f.core().cron("tick").error().code, errc::not_found);
    EXPECT_EQ(f.core().remove_cron("tick").error().code, errc::not_found);
    EXPECT_TRUE(f.core().crons().empty());
    f.crash();
    f.pass(5 * minute);
    f.ack(f.fetch_one("q"));
    f.ack(f.fetch_one("q"));
    EXPECT_TRUE(f.fetch("q").empty());
    EXPECT_TRUE(f.disk->image().crons.empty());
}

TEST_F(Cron, BeginsAnewUnderANameThatWasRemoved) {
    set(every_minute(overlap_policy::enqueue));
    f.pass(2 * minute);
    ASSERT_TRUE(f.core().remove_cron("tick"));
    EXPECT_EQ(set(every_minute(overlap_policy::enqueue)).run_count, 0U);
    f.pass(minute);
    EXPECT_EQ(pending(), 2U);  // behind the one of before
    f.ack(f.fetch_one("q"));
    f.ack(f.fetch_one("q"));
    f.ack(f.fetch_one("q"));
}

TEST_F(Cron, WaitsForRoomOnTheDisk) {
    set(every_minute());
    f.core().set_disk_low(true);
    f.pass(minute);
    EXPECT_EQ(get().run_count, 0U);
    f.core().set_disk_low(false);
    f.pass(10s);
    EXPECT_EQ(get().run_count, 1U);
    EXPECT_EQ(waiting(), 1U);
}

TEST_F(Cron, MakesNoJobsWhileTheServerDrains) {
    set(every_minute());
    f.core().begin_drain();
    f.pass(2 * minute);
    EXPECT_EQ(get().run_count, 0U);
    f.crash();
    f.run_timers();
    EXPECT_EQ(get().run_count, 1U);
}

TEST_F(Cron, KeepsAJobAndTheTimeItWasMadeTogether) {
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

TEST_F(Cron, TellsOfATimeThatTheClockLeapsOver) {
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

TEST_F(Cron, RefusesWhatCannotBe) {
    auto bad = every_minute();
    bad.expression = "0 0 30 2 *";
    EXPECT_EQ(f.core().set_cron(bad, f.clock.now).error().code, errc::invalid_request);
    bad = every_minute();
    bad.timezone = "Mars/Olympus";
    EXPECT_EQ(f.core().set_cron(bad, f.clock.now).error().code, errc::invalid_request);
    EXPECT_EQ(f.core().enable_cron("none", true, f.clock.now).error().code, errc::not_found);
    EXPECT_EQ(f.core().preview_cron("none", 1, f.clock.now).error().code, errc::not_found);
    EXPECT_FALSE(f.core().has_changes());
}

TEST_F(Cron, RestsWhenTheMachineNoLongerKnowsItsZone) {
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
    EXPECT_TRUE(f.core().remove_cron("tick"));
}

TEST_F(Cron, LeavesTheBackOffOfItsJobsAlone) {
    auto made = every_minute();
    made.job =
        R"({"type":"work","args":[],"options":{"queue":"q","retry":{"initial_interval":"PT5M","jitter":false}}})";
    set(made);
    f.pass(minute);
    f.nack(f.fetch_one("q"));
    f.crash();
    f.pass(2 * minute);
    EXPECT_TRUE(f.fetch("q").empty());
    f.pass(4 * minute);
    f.fetch_one("q");
}

TEST_F(Cron, LeavesTheBackOffOfTheFirstAloneWhenALaterOneEnds) {
    auto made = every_minute(overlap_policy::enqueue);
    made.job =
        R"({"type":"work","args":[],"options":{"queue":"q","retry":{"initial_interval":"PT10M","jitter":false}}})";
    set(made);
    f.pass(minute);
    f.nack(f.fetch_one("q"));
    f.pass(minute);
    const auto second = *get().last_job_id;
    f.make_resident(second);
    EXPECT_TRUE(f.cancel(second));
    EXPECT_TRUE(f.fetch("q").empty());
    EXPECT_EQ(get().unfinished.size(), 1U);
}

TEST(CronAtRest, CancelsAnEarlierJobAlsoWhenAStopComesBetween) {
    engine_config config;
    config.window_jobs = 0;
    engine_fixture f(config);
    ASSERT_TRUE(f.core().set_cron(every_minute(overlap_policy::cancel_previous), f.clock.now));
    f.settle();
    f.pass(minute);
    const auto first = *f.core().cron("tick")->last_job_id;
    f.manual = true;
    f.pass(minute);
    f.commit();  // the new job; the old one is still to be read
    f.manual = false;
    f.crash();
    f.settle();
    f.make_resident(first);
    EXPECT_EQ(f.job(first).state, job_state::cancelled);
    EXPECT_EQ(f.core().cron("tick")->unfinished.size(), 1U);
}

TEST(CronLimits, BoundHowManyThereAreAndHowManyWait) {
    engine_config config;
    config.crons_max = 2;
    engine_fixture f(config);
    for (const std::string name : {"a", "b", "c"}) {
        auto made = every_minute();
        made.name = name;
        const auto changed = f.core().set_cron(made, f.clock.now);
        EXPECT_EQ(changed.has_value(), name != "c");
    }
    auto known = every_minute();
    known.name = "b";
    EXPECT_TRUE(f.core().set_cron(known, f.clock.now));
}

TEST(CronReset, ForgetsThem) {
    engine_fixture f;
    f.core().set_cron(every_minute(), f.clock.now);
    f.core().reset();
    f.settle();
    EXPECT_TRUE(f.core().crons().empty());
    f.pass(2 * minute);
    f.crash();
    EXPECT_TRUE(f.core().crons().empty());
}

}  // namespace
}  // namespace sluice::test
