#include "server/rules/redrive.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace sluice::rules {
namespace {

using namespace std::chrono_literals;

constexpr timestamp asked_at{std::chrono::microseconds{1'771'000'000'000'000}};

redrive_record redrive_of(std::size_t canary, std::optional<std::uint64_t> max = {}) {
    redrive_request asked;
    asked.filter.queue = "mail";
    asked.canary = canary;
    asked.max = max;
    return begin_redrive(std::move(asked), "rdr_1", asked_at);
}

job_record dead_letter(std::int64_t seq) {
    auto spec = std::make_shared<job_spec>();
    spec->id = make_uuid(asked_at, seq, 1);
    spec->type = "mail.send";
    spec->queue = "mail";
    job_record job;
    job.spec = std::move(spec);
    job.seq = seq;
    job.state = job_state::discarded;
    job.dead_letter = true;
    job.finished_at = asked_at - 1s;
    return job;
}

job_record ended(std::int64_t seq, job_state state) {
    auto job = dead_letter(seq);
    job.state = state;
    job.dead_letter = false;
    if (state != job_state::discarded) return job;
    job.failed_last = true;
    job.failures.push_back({"smtp", "smtp", "The relay said no.", {}, 1, asked_at});
    return job;
}

TEST(Redrive, SendsTheOthersOnceAllCanariesHaveCompleted) {
    auto r = redrive_of(2);
    EXPECT_EQ(r.state, redrive_state::canary);
    EXPECT_EQ(left_to_send(r), 2U);
    note_sent(r, dead_letter(9), asked_at);
    note_sent(r, dead_letter(8), asked_at);
    EXPECT_EQ(left_to_send(r), 0U) << "no more before their end";
    EXPECT_TRUE(note_end(r, ended(8, job_state::completed), asked_at + 1s));
    EXPECT_EQ(left_to_send(r), 0U);
    EXPECT_TRUE(note_end(r, ended(9, job_state::completed), asked_at + 1s));
    EXPECT_EQ(r.state, redrive_state::running);
    EXPECT_GT(left_to_send(r), 1'000'000U);
    note_sent(r, dead_letter(7), asked_at + 2s);
    EXPECT_EQ(r.canaries.size(), 2U);
    EXPECT_FALSE(r.ended_at);
    note_exhausted(r, asked_at + 3s);
    EXPECT_EQ(r.state, redrive_state::completed);
    EXPECT_EQ(r.ended_at, asked_at + 3s);
    EXPECT_EQ(r.sent, 3U);
    EXPECT_EQ(left_to_send(r), 0U);
}

TEST(Redrive, StopsWhenACanaryDies) {
    auto r = redrive_of(2);
    note_sent(r, dead_letter(9), asked_at);
    EXPECT_TRUE(note_end(r, ended(9, job_state::discarded), asked_at + 1s));
    EXPECT_EQ(r.state, redrive_state::stopped) << "although the second was not sent yet";
    EXPECT_EQ(left_to_send(r), 0U);
    ASSERT_TRUE(r.stopped_by);
    EXPECT_EQ(r.stopped_by->job_id, dead_letter(9).spec->id);
    EXPECT_EQ(r.stopped_by->state, job_state::discarded);
    EXPECT_EQ(r.stopped_by->error_type, "smtp");
    EXPECT_EQ(r.stopped_by->message, "The relay said no.");
    EXPECT_EQ(r.ended_at, asked_at + 1s);
    EXPECT_FALSE(cancel_redrive(r, asked_at + 2s));
}

TEST(Redrive, StopsWhenACanaryIsCancelled) {
    auto r = redrive_of(1);
    note_sent(r, dead_letter(9), asked_at);
    EXPECT_TRUE(note_end(r, ended(9, job_state::cancelled), asked_at + 1s));
    EXPECT_EQ(r.state, redrive_state::stopped);
    EXPECT_EQ(r.stopped_by->state, job_state::cancelled);
    EXPECT_EQ(r.stopped_by->message, "");
}

TEST(Redrive, WithoutCanariesSendsAllAtOnce) {
    auto r = redrive_of(0);
    EXPECT_EQ(r.state, redrive_state::running);
    note_sent(r, dead_letter(9), asked_at);
    EXPECT_FALSE(note_end(r, ended(9, job_state::discarded), asked_at + 1s));
    EXPECT_EQ(r.state, redrive_state::running);
}

TEST(Redrive, WaitsForItsCanariesWhenThereAreNoOthers) {
    auto r = redrive_of(5);
    note_sent(r, dead_letter(9), asked_at);
    note_exhausted(r, asked_at);
    EXPECT_EQ(r.state, redrive_state::canary);
    EXPECT_EQ(left_to_send(r), 0U);
    EXPECT_TRUE(note_end(r, ended(9, job_state::completed), asked_at + 1s));
    EXPECT_EQ(r.state, redrive_state::completed);
}

TEST(Redrive, ThatFindsNothingIsOver) {
    auto r = redrive_of(5);
    note_exhausted(r, asked_at);
    EXPECT_EQ(r.state, redrive_state::completed);
}

TEST(Redrive, SendsNoMoreThanItsMaximum) {
    auto r = redrive_of(1, 2);
    note_sent(r, dead_letter(9), asked_at);
    note_end(r, ended(9, job_state::completed), asked_at);
    EXPECT_EQ(left_to_send(r), 1U);
    note_sent(r, dead_letter(8), asked_at);
    EXPECT_EQ(r.state, redrive_state::completed);
    auto fewer_than_canaries = redrive_of(5, 2);
    EXPECT_EQ(left_to_send(fewer_than_canaries), 2U);
}

TEST(Redrive, IsCancelledOnce) {
    auto r = redrive_of(1);
    note_sent(r, dead_letter(9), asked_at);
    EXPECT_TRUE(cancel_redrive(r, asked_at + 1s));
    EXPECT_EQ(r.state, redrive_state::cancelled);
    EXPECT_EQ(left_to_send(r), 0U);
    EXPECT_FALSE(note_end(r, ended(9, job_state::discarded), asked_at + 2s));
    EXPECT_FALSE(cancel_redrive(r, asked_at + 2s));
}

TEST(Redrive, TakesOnlyDeadLettersOfBeforeThatHaveHadNoTurn) {
    auto r = redrive_of(1);
    EXPECT_TRUE(is_candidate(r, dead_letter(9)));
    EXPECT_FALSE(is_candidate(r, ended(9, job_state::discarded)));
    auto later = dead_letter(9);
    later.finished_at = asked_at + 1us;
    EXPECT_FALSE(is_candidate(r, later));
    auto elsewhere = dead_letter(9);
    auto spec = *elsewhere.spec;
    spec.queue = "other";
    elsewhere.spec = std::make_shared<job_spec>(spec);
    EXPECT_FALSE(is_candidate(r, elsewhere));
    note_sent(r, dead_letter(9), asked_at);
    EXPECT_FALSE(is_candidate(r, dead_letter(9)));
    EXPECT_TRUE(is_candidate(r, dead_letter(8)));
}

TEST(RedrivePace, IsNeverFasterThanTheRateWhateverTheWaits) {
    std::mt19937_64 random(7);
    for (const double rate : {0.5, 1.0, 3.0, 10.0, 70.0, 999.9, 10'000.0}) {
        send_pace pace{5s};
        std::chrono::microseconds now = 5s;
        std::uint64_t sent = 0;
        const double burst = std::max(1.0, rate / 10);
        for (int i = 0; i < 2'000; ++i) {
            const auto count = due(pace, rate, now);
            sent += count;
            spend(pace, rate, count, now);
            const auto passed = std::chrono::duration<double>(now - 5s).count();
            ASSERT_LE(static_cast<double>(sent), burst + rate * passed + 1e-6) << rate;
            const auto most = random() % 20 == 0 ? 5'000'000U : 20'000U;
            now += std::chrono::microseconds{static_cast<std::int64_t>(random() % most)};
        }
        EXPECT_GT(sent, 20U) << rate;
    }
}

TEST(RedrivePace, ReachesTheRate) {
    for (const double rate : {1.0, 3.0, 70.0, 1'000.0}) {
        send_pace pace;
        std::uint64_t sent = 0;
        for (auto now = 0us; now < 100s; now += 10ms) {
            const auto count = due(pace, rate, now);
            sent += count;
            spend(pace, rate, count, now);
        }
        EXPECT_GE(static_cast<double>(sent), 0.97 * rate * 100) << rate;
    }
}

TEST(RedrivePace, SendsOneAtATimeAtLowRates) {
    send_pace pace{1s};
    EXPECT_EQ(due(pace, 2, 999ms), 0U);
    EXPECT_EQ(due(pace, 2, 1s), 1U);
    EXPECT_EQ(due(pace, 2, 1h), 1U) << "it does not make up for a wait";
    spend(pace, 2, 1, 1h);
    EXPECT_EQ(pace.next, 1h + 500ms);
}

}  // namespace
}  // namespace sluice::rules
