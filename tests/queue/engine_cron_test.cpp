#include "tests/queue/cron_fixture.hpp"

namespace sluice::test {
namespace {

using Cron = cron_fixture;

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

TEST(CronLimits, BoundHowManyThereAre) {
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
    f.core().reset(f.clock.now);
    f.settle();
    EXPECT_TRUE(f.core().crons().empty());
    f.pass(2 * minute);
    f.crash();
    EXPECT_TRUE(f.core().crons().empty());
}

TEST_F(Cron, NamesTheJobThatHasNotEndedAlsoWhenItIsAtRest) {
    auto made = every_minute();
    made.job =
        R"({"type":"work","args":[],"options":{"queue":"q","retry":{"initial_interval":"PT10M","jitter":false}}})";
    set(made);
    f.pass(minute);
    const auto held = f.fetch_one("q");
    f.nack(held);
    ASSERT_FALSE(f.core().resident(held.spec->id));
    f.pass(minute);
    ASSERT_EQ(events("cron.skipped").size(), 1U);
    EXPECT_EQ(events("cron.skipped")[0].job.spec->id, held.spec->id);
}

TEST_F(Cron, LetsTheNextOneGoWhenTheOneBeforeItExpires) {
    auto made = every_minute(overlap_policy::enqueue);
    made.job = R"({"type":"work","args":[],"options":{"queue":"q","expires_at":"+PT90S"}})";
    set(made);
    f.pass(2 * minute);
    f.clock.advance(31s);  // nobody has looked at the timers
    const auto second = f.fetch("q");
    f.settle();
    EXPECT_EQ(second.size() + f.fetch("q").size(), 1U);
}

TEST_F(Cron, IsNotRegisteredOverJobsOfAnotherQueue) {
    set(every_minute(overlap_policy::cancel_previous));
    f.pass(minute);
    ASSERT_TRUE(f.core().remove_cron("tick"));
    auto theirs = every_minute(overlap_policy::cancel_previous);
    theirs.job = R"({"type":"work","args":[],"options":{"queue":"theirs"}})";
    EXPECT_EQ(f.core().set_cron(theirs, f.clock.now).error().code, errc::conflict);
    f.ack(f.fetch_one("q"));
    EXPECT_TRUE(f.core().set_cron(theirs, f.clock.now));
}

TEST_F(Cron, HoldsBackSoManyAtMost) {
    set(every_minute(overlap_policy::enqueue));
    f.pass((limits::cron_unfinished_max + 2) * minute);
    EXPECT_EQ(get().run_count, limits::cron_unfinished_max);
    EXPECT_GE(events("cron.skipped").size(), 1U);
    set(every_minute(overlap_policy::allow));  // nobody counts those
    f.pass(2 * minute);
    EXPECT_EQ(get().run_count, limits::cron_unfinished_max + 2);
}

}  // namespace
}  // namespace sluice::test
