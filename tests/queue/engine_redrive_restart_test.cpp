#include "tests/support/redrive_helpers.hpp"

#include <gtest/gtest.h>

/// What a redrive is after the process has died.
namespace sluice::test {
namespace {

redrive_record on_disk(engine_fixture& f) {
    for (const auto& [key, value] : f.disk->image().settings)
        if (key.first == setting_kind::redrive) return decode_stored_redrive(key.second, value);
    return {};
}

/// Jobs that have been sent, whatever became of them, by what the disk holds.
std::uint64_t sent_on_disk(engine_fixture& f) {
    const auto image = f.disk->image();
    std::uint64_t count = image.live.size();
    for (const auto& [seq, row] : image.history) count += row.record->dead_letter ? 0 : 1;
    return count;
}

TEST(RedriveRestart, GoesOnWaitingForItsCanary) {
    engine_fixture f;
    dead_letters(f, 4);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 1));
    f.crash();
    f.pass(1min);
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::canary);
    EXPECT_EQ(available(f), 1U);
    ASSERT_TRUE(f.ack(f.fetch_one("mail")));
    f.pass(1s);
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::completed);
    EXPECT_EQ(f.redrive(id).redrive.sent, 4U);
}

TEST(RedriveRestart, ACanaryThatDiesAfterItStopsTheRedriveAsWell) {
    engine_fixture f;
    dead_letters(f, 4);
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 1));
    const auto canary = f.fetch_one("mail");
    f.crash();
    ASSERT_TRUE(f.nack(canary));
    f.pass(1min);
    EXPECT_EQ(f.redrive(id).redrive.state, redrive_state::stopped);
    EXPECT_EQ(available(f), 0U);
}

TEST(RedriveRestart, SendsTheRestOnceMoreAtItsRate) {
    engine_fixture f;
    dead_letters(f, 10);
    const auto id = f.begin_redrive(redrive_of("mail", 1, 0));
    f.pass(2s);
    EXPECT_EQ(available(f), 3U);
    f.crash();
    f.pass(1s);
    EXPECT_LE(available(f), 5U);
    f.pass(10s);
    EXPECT_EQ(available(f), 10U);
    EXPECT_EQ(f.redrive(id).redrive.sent, 10U);
}

TEST(RedriveRestart, WhatIsOverStaysOver) {
    engine_fixture f;
    dead_letters(f, 4);
    const auto stopped = f.begin_redrive(redrive_of("mail", 1'000, 1));
    ASSERT_TRUE(f.nack(f.fetch_one("mail")));
    const auto cancelled = f.begin_redrive(redrive_of("mail", 1, 1));
    ASSERT_TRUE(f.core().cancel_redrive(cancelled, f.clock.now));
    f.settle();
    const auto before = f.core().redrives();
    f.crash();
    f.pass(1min);
    EXPECT_EQ(f.redrive(stopped).redrive.state, redrive_state::stopped);
    EXPECT_EQ(f.redrive(cancelled).redrive.state, redrive_state::cancelled);
    ASSERT_EQ(f.core().redrives().size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i)
        EXPECT_EQ(f.core().redrives()[i].redrive, before[i].redrive);
    EXPECT_EQ(available(f), 1U) << "the canary of the cancelled one";
}

TEST(RedriveRestart, ASentJobAndItsCountAreDurableTogether) {
    engine_fixture f;
    dead_letters(f, 4);
    f.manual = true;
    const auto id = f.begin_redrive(redrive_of("mail", 1'000, 0));
    ASSERT_TRUE(f.commit());
    ASSERT_TRUE(f.serve_loads());
    EXPECT_GT(f.redrive(id).redrive.sent, 0U);
    f.crash();  // before that was committed
    EXPECT_EQ(f.redrive(id).redrive.sent, 0U);
    EXPECT_EQ(sent_on_disk(f), 0U);
    ASSERT_TRUE(f.core().next_timer(f.clock.now)) << "it goes on by itself";
    f.manual = false;
    f.pass(1s);
    EXPECT_EQ(f.redrive(id).redrive.sent, 4U);
    EXPECT_EQ(sent_on_disk(f), 4U);
}

TEST(RedriveRestart, DrainsWithoutSendingAndGoesOnAfterwards) {
    engine_fixture f;
    dead_letters(f, 4);
    const auto id = f.begin_redrive(redrive_of("mail", 1, 0));
    f.core().begin_drain();
    f.pass(1min);
    EXPECT_EQ(f.redrive(id).redrive.sent, 1U);
    EXPECT_EQ(f.redrive(id).waits_for, redrive_wait::server);
    f.crash();
    f.pass(1min);
    EXPECT_EQ(f.redrive(id).redrive.sent, 4U);
}

/// One thing at a time, as a server does it; a worker completes what it gets, and says so again
/// when the server has died meanwhile.
void small_step(engine_fixture& f, int at, std::vector<job_record>& held) {
    switch (at % 8) {
        case 0:
            f.clock.advance(7ms);
            f.core().run_timers(f.clock.now);
            return;
        case 1:
        case 3:
            f.serve_loads();
            return;
        case 2:
        case 4:
            f.commit();
            return;
        case 5:
            f.manual = false;
            held = f.fetch("mail", 3);
            f.manual = true;
            return;
        default:
            break;
    }
    for (const auto& job : held) f.ack(job);
    if (at % 8 == 7) f.commit();
}

TEST(RedriveRestart, AtWhateverPointTheProcessDiesEachIsSentOnce) {
    bool partly = false;
    for (int steps = 0; steps < 80; ++steps) {
        engine_fixture f;
        const auto dead = dead_letters(f, 7);
        f.manual = true;
        f.begin_redrive(redrive_of("mail", 200, 2));
        std::vector<job_record> held;
        for (int at = 0; at < steps; ++at) small_step(f, at, held);
        f.crash();
        const auto before = on_disk(f);
        EXPECT_EQ(before.sent, sent_on_disk(f)) << "after " << steps << " steps";
        partly = partly || (before.sent > 0 && before.sent < 7);
        if (before.id.empty()) {
            EXPECT_LT(steps, 3) << "it was never durable";
            continue;
        }
        for (int at = steps; at < steps + 300; ++at) small_step(f, at, held);
        f.settle();
        EXPECT_EQ(on_disk(f).state, redrive_state::completed) << "after " << steps << " steps";
        EXPECT_EQ(on_disk(f).sent, 7U);
        for (const auto& id : dead) {
            EXPECT_EQ(f.job(id).state, job_state::completed);
            EXPECT_EQ(f.job(id).attempts.size(), 2U) << "run once more and no more";
        }
    }
    EXPECT_TRUE(partly) << "no run was interrupted in the middle";
}

}  // namespace
}  // namespace sluice::test
