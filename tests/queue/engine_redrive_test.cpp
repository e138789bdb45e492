#include "tests/support/redrive_helpers.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

TEST(Redrive, SendsTheOthersAtTheRateOnceItsCanaryHasCompleted) {
    engine_fixture f;
    const auto dead = dead_letters(f, 5);
    const auto id = f.begin_redrive(redrive_of("mail", 2, 1));
    EXPECT_EQ(available(f), 1U);
    f.pass(10s);
    EXPECT_EQ(available(f), 1U) << "the others wait for the canary";
    EXPECT_EQ(f.redrive(id).waits_for, redrive_wait::canaries);
    const auto canary = f.fetch_one("mail");
    EXPECT_EQ(canary.spec->id, dead.back()) << "the newest is the first";
    EXPECT_EQ(canary.attempt, 1U);
    ASSERT_TRUE(f.ack(canary));
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::running);
    EXPECT_EQ(f.redrive(id).waits_for, redrive_wait::nothing);
    EXPECT_EQ(available(f), 1U);
    f.pass(499ms);
    EXPECT_EQ(available(f), 1U);
    f.pass(1ms);
    EXPECT_EQ(available(f), 2U);
    f.pass(1s);
    EXPECT_EQ(available(f), 4U);
    f.pass(1s);
    const auto r = f.redrive(id).redrive;
    EXPECT_EQ(r.state, redrive_state::completed);
    EXPECT_EQ(r.sent, 5U);
    EXPECT_EQ(r.skipped, 0U);
    EXPECT_TRUE(r.ended_at);
    EXPECT_EQ(f.stats("mail").dead_letters, 0U);
}

TEST(Redrive, IsStoppedByACanaryThatDiesAndSendsNothingMore) {
    engine_fixture f;
    const auto dead = dead_letters(f, 5);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 1));
    ASSERT_TRUE(f.nack(f.fetch_one("mail")));
    const auto r = f.redrive(id).redrive;
    EXPECT_EQ(r.state, redrive_state::stopped);
    ASSERT_TRUE(r.stopped_by);
    EXPECT_EQ(r.stopped_by->job_id, dead.back());
    EXPECT_EQ(r.stopped_by->state, job_state::discarded);
    f.pass(1h);
    EXPECT_EQ(f.redrive(id).redrive.sent, 1U);
    EXPECT_EQ(available(f), 0U);
    EXPECT_EQ(f.stats("mail").dead_letters, 5U) << "nothing is lost";
    EXPECT_EQ(f.core().stats(f.clock.now).redrives, 0U);
}

/// The control: what the canary keeps from happening.
TEST(Redrive, WithoutACanaryAllAreSentAndDieAgainOnce) {
    engine_fixture f;
    dead_letters(f, 5);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0));
    int died = 0;
    for (int i = 0; i < 20; ++i) {
        f.pass(10ms);
        for (const auto& job : f.fetch("mail", 10)) {
            ++died;
            ASSERT_TRUE(f.nack(job));
        }
    }
    EXPECT_EQ(died, 5);
    EXPECT_EQ(f.redrive(id).redrive.sent, 5U) << "one that dies again is not sent again";
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::completed);
    EXPECT_EQ(f.stats("mail").dead_letters, 5U);
}

TEST(Redrive, ACanaryThatIsTriedAgainIsWaitedFor) {
    engine_fixture f;
    auto spec = dies_at_once();
    spec.retry.max_attempts = 2;
    for (int i = 0; i < 3; ++i) {
        f.push(spec);
        ASSERT_TRUE(f.nack(f.fetch_one("mail")));
        f.pass(1s);
        ASSERT_TRUE(f.nack(f.fetch_one("mail")));
    }
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 1));
    ASSERT_TRUE(f.nack(f.fetch_one("mail")));
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::canary);
    f.pass(1s);
    EXPECT_EQ(available(f), 1U);
    ASSERT_TRUE(f.ack(f.fetch_one("mail")));
    f.pass(1s);
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::completed);
    EXPECT_EQ(available(f), 2U);
}

TEST(Redrive, IsStoppedByACanaryThatSomebodyCancels) {
    engine_fixture f;
    const auto dead = dead_letters(f, 3);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 2));
    f.pass(1s);
    EXPECT_EQ(available(f), 2U);
    ASSERT_TRUE(f.ack(f.fetch_one("mail")));
    ASSERT_TRUE(f.cancel(dead[1]));
    const auto r = f.redrive(id).redrive;
    EXPECT_EQ(r.state, redrive_state::stopped);
    EXPECT_EQ(r.stopped_by->state, job_state::cancelled);
    EXPECT_EQ(r.stopped_by->message, "") << "that of its life before is not the reason";
    f.pass(1min);
    EXPECT_EQ(available(f), 0U);
}

TEST(Redrive, SendsNoMoreThanItsMaximum) {
    engine_fixture f;
    dead_letters(f, 5);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0, 3));
    f.pass(1min);
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::completed);
    EXPECT_EQ(f.redrive(id).redrive.sent, 3U);
    EXPECT_EQ(available(f), 3U);
    EXPECT_EQ(f.stats("mail").dead_letters, 2U);
}

TEST(Redrive, KeepsItsRateOverALongTime) {
    engine_fixture f;
    dead_letters(f, 400);
    f.begin_redrive(redrive_of("mail", 50, 0));
    for (int second = 1; second <= 6; ++second) {
        f.pass(1s);
        EXPECT_LE(available(f), static_cast<std::uint64_t>(50 * second + 5));
        EXPECT_GE(available(f), static_cast<std::uint64_t>(50 * second - 5));
    }
}

TEST(Redrive, ThatIsCancelledSendsNothingMore) {
    engine_fixture f;
    dead_letters(f, 5);
    const auto id = f.begin_redrive(redrive_of("mail", 1, 0));
    f.pass(1s);
    EXPECT_EQ(available(f), 2U);
    const auto cancelled = f.core().cancel_redrive(id, f.clock.now);
    f.settle();
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(cancelled->redrive.state, redrive_state::cancelled);
    f.pass(1min);
    EXPECT_EQ(available(f), 2U) << "what was sent stays";
    EXPECT_EQ(f.redrive(id).redrive.sent, 2U);
    EXPECT_EQ(code_of(f.core().cancel_redrive(id, f.clock.now)), errc::conflict);
    EXPECT_EQ(code_of(f.core().cancel_redrive("rdr_none", f.clock.now)), errc::not_found);
}

TEST(Redrive, ThatIsCancelledWhileItReadsSendsNothing) {
    engine_fixture f;
    dead_letters(f, 2);
    f.manual = true;
    const auto id = f.begin_redrive(redrive_of("mail", 1, 0));
    ASSERT_TRUE(f.commit());
    const auto reads = f.core().take_redrive_reads();
    ASSERT_EQ(reads.size(), 1U);
    auto found = f.store().list_blocking(reads[0].query);
    ASSERT_TRUE(f.core().cancel_redrive(id, f.clock.now));
    f.core().admit_redrive(reads[0], std::move(found), f.clock.now);
    f.settle();
    EXPECT_EQ(available(f), 0U);
    EXPECT_EQ(f.redrive(id).redrive.sent, 0U);
}

TEST(Redrive, ReadsNothingBeforeItIsDurable) {
    engine_fixture f;
    dead_letters(f, 2);
    f.manual = true;
    f.begin_redrive(redrive_of("mail", 1, 0));
    f.core().run_timers(f.clock.now);
    EXPECT_TRUE(f.core().take_redrive_reads().empty());
    f.settle();
    EXPECT_EQ(available(f), 1U);
}

TEST(Redrive, WaitsWhileItsQueueIsPaused) {
    engine_fixture f;
    dead_letters(f, 3);
    f.core().pause_queue("mail", true, f.clock.now);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0));
    f.pass(1min);
    EXPECT_EQ(available(f), 0U);
    EXPECT_EQ(f.redrive(id).waits_for, redrive_wait::queue_paused);
    EXPECT_EQ(f.redrive(id).queue, "mail");
    f.core().pause_queue("mail", false, f.clock.now);
    f.pass(1s);
    EXPECT_EQ(available(f), 3U);
}

TEST(Redrive, WaitsForRoomInAFullQueue) {
    for (const auto strategy :
         {full_strategy::reject, full_strategy::block, full_strategy::drop_oldest}) {
        engine_fixture f;
        dead_letters(f, 3);
        queue_config config;
        config.bound.max_depth = 1;
        config.bound.strategy = strategy;
        f.core().configure_queue("mail", config, f.clock.now);
        const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0));
        for (std::uint64_t sent = 1; sent <= 3; ++sent) {
            f.pass(1min);
            EXPECT_EQ(f.redrive(id).redrive.sent, sent);
            EXPECT_EQ(available(f), 1U);
            if (sent < 3) {
                EXPECT_EQ(f.redrive(id).waits_for, redrive_wait::queue_full);
            }
            ASSERT_TRUE(f.ack(f.fetch_one("mail")));
        }
        EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::completed);
    }
}

TEST(Redrive, GoesOnWhenTheBoundOfItsQueueIsTakenAway) {
    engine_fixture f;
    dead_letters(f, 3);
    queue_config config;
    config.bound.max_depth = 1;
    f.core().configure_queue("mail", config, f.clock.now);
    f.begin_redrive(redrive_of("mail", 1'000, 0));
    f.pass(1s);
    EXPECT_EQ(available(f), 1U);
    f.core().configure_queue("mail", {}, f.clock.now);
    f.pass(1s);
    EXPECT_EQ(available(f), 3U);
}

TEST(Redrive, WaitsForRoomOnTheDisk) {
    engine_fixture f;
    dead_letters(f, 3);
    f.core().set_disk_low(true);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0));
    f.pass(1min);
    EXPECT_EQ(available(f), 0U);
    EXPECT_EQ(f.redrive(id).waits_for, redrive_wait::disk);
    f.core().set_disk_low(false);
    f.pass(2s);
    EXPECT_EQ(available(f), 3U);
}

TEST(Redrive, SendsNothingThatDiedAfterItBegan) {
    engine_fixture f;
    f.push(dies_at_once());
    const auto old_job = f.fetch_one("mail");
    dead_letters(f, 2);
    const auto id = f.begin_redrive(redrive_of("mail", 1, 0));
    f.clock.advance(1us);
    ASSERT_TRUE(f.nack(old_job));
    f.pass(1min);
    EXPECT_EQ(f.redrive(id).redrive.sent, 2U);
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::completed);
    EXPECT_TRUE(f.job(old_job.spec->id).dead_letter);
    f.begin_redrive(redrive_of("mail", 1'000, 0));
    f.pass(1min);
    EXPECT_FALSE(f.job(old_job.spec->id).dead_letter) << "the next one sends it";
}

TEST(Redrive, SkipsWhatSomebodyElseRevivedOrDeletedMeanwhile) {
    engine_fixture f;
    const auto dead = dead_letters(f, 3);
    f.manual = true;
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0));
    f.clock.advance(1s);  // several are due
    ASSERT_TRUE(f.commit());
    const auto reads = f.core().take_redrive_reads();
    ASSERT_EQ(reads.size(), 1U);
    auto found = f.store().list_blocking(reads[0].query);
    ASSERT_EQ(found.jobs.size(), 3U);
    ASSERT_TRUE(f.retry_dead_letter(dead[2]));
    ASSERT_TRUE(f.delete_dead_letter(dead[1]));
    f.core().admit_redrive(reads[0], std::move(found), f.clock.now);
    f.settle();
    f.manual = false;
    f.pass(1s);
    const auto r = f.redrive(id).redrive;
    EXPECT_EQ(r.skipped, 2U);
    EXPECT_EQ(r.sent, 1U);
    EXPECT_EQ(available(f), 2U);
}

/// It would be discarded at once, and be no dead letter any more.
TEST(Redrive, LeavesWhatHasExpiredWhereItIs) {
    engine_fixture f;
    auto spec = dies_at_once();
    spec.expires_at = f.clock.now.wall + 1min;
    const auto expired = f.push(spec);
    ASSERT_TRUE(f.nack(f.fetch_one("mail")));
    const auto fresh = dead_letters(f, 1);
    f.pass(2min);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0));
    f.pass(1s);
    const auto r = f.redrive(id).redrive;
    EXPECT_EQ(r.state, redrive_state::completed);
    EXPECT_EQ(r.sent, 1U);
    EXPECT_EQ(r.skipped, 1U);
    EXPECT_EQ(f.job(fresh[0]).state, job_state::available);
    EXPECT_TRUE(f.job(expired).dead_letter);
}

TEST(Redrive, OfAFullQueueReadsNoMoreThanThereIsRoomFor) {
    engine_fixture f;
    dead_letters(f, 50);
    queue_config config;
    config.bound.max_depth = 2;
    f.core().configure_queue("mail", config, f.clock.now);
    f.settle();
    const auto id = f.begin_redrive(redrive_of("mail", 10'000, 0));
    f.pass(20ms);
    EXPECT_EQ(f.redrive(id).waits_for, redrive_wait::queue_full);
    f.manual = true;
    for (int i = 0; i < 5; ++i) {
        f.manual = false;
        ASSERT_TRUE(f.ack(f.fetch_one("mail")));
        f.manual = true;
        f.clock.advance(20ms);
        f.core().run_timers(f.clock.now);
        for (const auto& read : f.core().take_redrive_reads()) {
            EXPECT_LE(read.query.limit, 2U);
            f.core().admit_redrive(read, f.store().list_blocking(read.query), f.clock.now);
        }
        f.settle();
    }
}

TEST(Redrive, FindsTheFewThatItsFilterMeans) {
    engine_fixture f;
    const auto meant = dead_letters(f, 2, "mail", "timeout");
    dead_letters(f, 300);
    const auto more = dead_letters(f, 1, "mail", "timeout");
    redrive_request asked;
    asked.filter.error_type = "timeout";
    asked.filter.type = "mail.*";
    asked.canary = 0;
    asked.rate = 1'000;
    const auto id = f.begin_redrive(asked);
    f.pass(1min);
    EXPECT_EQ(f.redrive(id).redrive.sent, 3U);
    EXPECT_EQ(f.redrive(id).redrive.skipped, 0U);
    EXPECT_FALSE(f.job(meant[0]).dead_letter);
    EXPECT_FALSE(f.job(more[0]).dead_letter);
    EXPECT_EQ(f.stats("mail").dead_letters, 300U);
}

TEST(Redrive, ReadsNoMoreThanItMaySend) {
    engine_fixture f;
    dead_letters(f, 50);
    f.manual = true;
    f.begin_redrive(redrive_of("mail", 30, 0));
    ASSERT_TRUE(f.commit());
    auto reads = f.core().take_redrive_reads();
    ASSERT_EQ(reads.size(), 1U);
    EXPECT_EQ(reads[0].query.limit, 1U);
    f.core().admit_redrive(reads[0], f.store().list_blocking(reads[0].query), f.clock.now);
    EXPECT_TRUE(f.core().take_redrive_reads().empty()) << "what it sent is not durable yet";
    ASSERT_TRUE(f.commit());
    EXPECT_TRUE(f.core().take_redrive_reads().empty()) << "it has to wait for its rate";
    f.clock.advance(1s);
    f.core().run_timers(f.clock.now);
    reads = f.core().take_redrive_reads();
    ASSERT_EQ(reads.size(), 1U);
    EXPECT_EQ(reads[0].query.limit, 3U) << "a tenth of a second's worth after a wait";
    f.core().admit_redrive(reads[0], f.store().list_blocking(reads[0].query), f.clock.now);
    f.settle();
}

TEST(Redrive, ThatWaitsNeedsNeitherTimersNorReads) {
    engine_fixture f;
    dead_letters(f, 3);
    f.begin_redrive(redrive_of("mail", 1'000, 1));
    EXPECT_FALSE(f.core().next_timer(f.clock.now)) << "for its canary";
    EXPECT_TRUE(f.core().take_redrive_reads().empty());
    ASSERT_TRUE(f.ack(f.fetch_one("mail")));
    f.pass(1s);
    EXPECT_FALSE(f.core().next_timer(f.clock.now)) << "it is over";
}

TEST(Redrive, OnlySoManyMayBeUnderWay) {
    engine_fixture f;
    dead_letters(f, 1, "a");
    f.core().pause_queue("a", true, f.clock.now);
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < limits::redrives_active_max; ++i)
        ids.push_back(f.begin_redrive(redrive_of("a", 1, 0)));
    const auto refused = f.core().begin_redrive(redrive_of("a", 1, 0), f.clock.now);
    EXPECT_EQ(code_of(refused), errc::conflict);
    EXPECT_EQ(f.core().redrives().size(), ids.size());
    ASSERT_TRUE(f.core().cancel_redrive(ids[0], f.clock.now));
    EXPECT_TRUE(f.core().begin_redrive(redrive_of("a", 1, 0), f.clock.now));
}

TEST(Redrive, ThoseThatAreOverAreForgottenOldestFirst) {
    engine_fixture f;
    dead_letters(f, 1, "paused");
    f.core().pause_queue("paused", true, f.clock.now);
    const auto waiting = f.begin_redrive(redrive_of("paused", 1, 0));
    const auto first = f.begin_redrive(redrive_of("none", 1, 0));
    for (std::size_t i = 0; i < limits::redrives_max; ++i) {
        f.clock.advance(1ms);
        f.begin_redrive(redrive_of("none", 1, 0));
    }
    EXPECT_EQ(f.core().redrives().size(), limits::redrives_max);
    EXPECT_EQ(f.core().redrives().front().redrive.id, waiting);
    EXPECT_EQ(code_of(f.core().redrive(first)), errc::not_found);
    f.crash();
    EXPECT_EQ(f.core().redrives().size(), limits::redrives_max);
}

TEST(Redrive, AResetForgetsThem) {
    engine_fixture f;
    dead_letters(f, 3);
    const auto id = f.begin_redrive(redrive_of("mail", 1, 0));
    f.core().reset(f.clock.now);
    f.settle();
    EXPECT_EQ(code_of(f.core().redrive(id)), errc::not_found);
    f.pass(1min);
    EXPECT_TRUE(f.disk->image().live.empty());
    EXPECT_TRUE(f.disk->image().settings.empty());
}

TEST(Redrive, TwoAtOnceSendNoJobTwice) {
    engine_fixture f;
    const auto dead = dead_letters(f, 40);
    const auto one = f.begin_redrive(redrive_of("mail", 300, 0));
    const auto two = f.begin_redrive(redrive_of("mail", 200, 0));
    f.pass(1s);
    const auto a = f.redrive(one).redrive;
    const auto b = f.redrive(two).redrive;
    EXPECT_EQ(a.state, redrive_state::completed);
    EXPECT_EQ(b.state, redrive_state::completed);
    EXPECT_EQ(a.sent + b.sent, 40U);
    EXPECT_EQ(available(f), 40U);
}

}  // namespace
}  // namespace sluice::test
