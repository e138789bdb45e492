#include "client/cli/job_tracker.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using step = job_tracker::step;

client::timeline times(std::chrono::microseconds waiting, std::chrono::microseconds running) {
    client::timeline t;
    t.durable_at = timestamp{1s};
    t.started_at = *t.durable_at + waiting;
    t.finished_at = *t.started_at + running;
    return t;
}

client::event_info event(std::string id, std::string type, std::string state,
                         client::timeline when = times(3ms, 5ms)) {
    client::event_info e;
    e.type = std::move(type);
    e.job_id = std::move(id);
    e.state = std::move(state);
    e.attempt = 1;
    e.times = when;
    return e;
}

client::event_info completed(std::string id) {
    return event(std::move(id), "job.completed", "completed");
}

void create(job_tracker& tracker, std::uint64_t index, const std::string& id) {
    tracker.push_begins();
    tracker.created(index, 0, id, 1ms);
}

TEST(JobTracker, RecordsAJobFromCreationToItsEnd) {
    job_tracker tracker;
    tracker.push_begins();
    const auto made = tracker.created(0, 2, "a", 400us);
    ASSERT_EQ(made.size(), 1U);
    EXPECT_EQ(made[0].what, step::created);
    EXPECT_EQ(made[0].producer, 2U);
    EXPECT_EQ(tracker.outstanding(), 1U);

    const auto begun = tracker.heard(event("a", "job.started", "active"));
    ASSERT_EQ(begun.size(), 1U);
    EXPECT_EQ(begun[0].what, step::started);

    const auto done = tracker.heard(completed("a"));
    ASSERT_EQ(done.size(), 1U);
    EXPECT_EQ(done[0].what, step::finished);
    EXPECT_EQ(tracker.outstanding(), 0U);
    const auto& run = tracker.report();
    EXPECT_EQ(run.created, 1U);
    EXPECT_EQ(run.completed, 1U);
    EXPECT_EQ(run.enqueue.max(), 400us);
    EXPECT_EQ(run.waiting.max(), 3ms);
    EXPECT_EQ(run.running.max(), 5ms);
    EXPECT_EQ(run.total.max(), 8ms);
    EXPECT_EQ(run.first_waiting, 3ms);
    EXPECT_EQ(run.sample_id, "a");
}

TEST(JobTracker, AddsTheWayToTheServerToTheTotalOnlyWhereThatIsWanted) {
    for (const bool wanted : {true, false}) {
        job_tracker tracker;
        tracker.report().measures_overall = wanted;
        create(tracker, 0, "a");
        const auto done = tracker.heard(completed("a"));
        ASSERT_EQ(done.size(), 1U);
        EXPECT_EQ(done[0].enqueue, 1ms);
        EXPECT_EQ(tracker.report().overall.count(), wanted ? 1U : 0U);
        EXPECT_EQ(tracker.report().overall.max(), wanted ? 9ms : 0ms);
    }
}

TEST(JobTracker, KeepsEventsThatOvertakeTheAnswerToThePush) {
    job_tracker tracker;
    tracker.push_begins();
    EXPECT_TRUE(tracker.heard(event("a", "job.started", "active")).empty());
    EXPECT_TRUE(tracker.heard(completed("a")).empty());
    const auto told = tracker.created(0, 0, "a", 1ms);
    ASSERT_EQ(told.size(), 3U);
    EXPECT_EQ(told[0].what, step::created);
    EXPECT_EQ(told[1].what, step::started);
    EXPECT_EQ(told[2].what, step::finished);
    EXPECT_EQ(tracker.outstanding(), 0U);
}

TEST(JobTracker, ForgetsEventsOfOthersOnceNoPushIsUnderWay) {
    job_tracker tracker;
    EXPECT_TRUE(tracker.heard(completed("theirs")).empty());
    create(tracker, 0, "theirs");
    EXPECT_EQ(tracker.outstanding(), 1U) << "the event came before any push of ours";

    tracker.push_begins();
    tracker.heard(completed("b"));
    tracker.push_failed(client::read_error(422, ""));
    create(tracker, 1, "b");
    EXPECT_EQ(tracker.outstanding(), 2U);
}

TEST(JobTracker, CountsPushesWhoseFateIsUnknown) {
    job_tracker tracker;
    const auto fail = [&](client::failure why) {
        tracker.push_begins();
        tracker.push_failed(why);
        return tracker.report().unknown;
    };
    client::failure why;
    why.kind = client::failure_kind::unreachable;
    EXPECT_EQ(fail(why), 0U);
    EXPECT_EQ(fail(client::read_error(422, "")), 0U);
    why.kind = client::failure_kind::lost;
    EXPECT_EQ(fail(why), 1U);
    EXPECT_EQ(fail(client::read_error(503, "")), 2U);
    auto refused = client::read_error(503, "");
    refused.not_stored = true;
    EXPECT_EQ(fail(refused), 2U);
}

TEST(JobTracker, CountsEachEndOnce) {
    job_tracker tracker;
    create(tracker, 0, "a");
    EXPECT_EQ(tracker.heard(event("a", "job.failed", "discarded")).size(), 1U);
    EXPECT_TRUE(tracker.heard(event("a", "job.discarded", "discarded")).empty());
    EXPECT_EQ(tracker.report().discarded, 1U);
    EXPECT_EQ(tracker.report().finished(), 1U);
}

TEST(JobTracker, TellsAFailedAttemptFromTheEnd) {
    job_tracker tracker;
    create(tracker, 0, "a");
    const auto told = tracker.heard(event("a", "job.failed", "retryable"));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].what, step::failed);
    EXPECT_EQ(tracker.outstanding(), 1U);
    auto second = completed("a");
    second.attempt = 2;
    tracker.heard(second);
    EXPECT_EQ(tracker.report().retried, 1U);
}

TEST(JobTracker, AsksForJobsWhoseEventLacksItsTimes) {
    job_tracker tracker;
    create(tracker, 0, "a");
    EXPECT_TRUE(tracker.heard(event("a", "job.completed", "completed", {})).empty());
    EXPECT_EQ(tracker.take_incomplete(), std::vector<std::string>{"a"});
    EXPECT_TRUE(tracker.take_incomplete().empty());

    client::job_info job;
    job.id = "a";
    job.state = "active";
    EXPECT_TRUE(tracker.looked_up(job).empty()) << "not ended yet";
    job.state = "completed";
    job.times = times(1ms, 1ms);
    EXPECT_EQ(tracker.looked_up(job).size(), 1U);
    EXPECT_TRUE(tracker.looked_up(job).empty()) << "known by now";
    EXPECT_EQ(tracker.outstanding(), 0U);
}

TEST(JobTracker, TakesACancelledJobThatNeverStarted) {
    job_tracker tracker;
    create(tracker, 0, "a");
    EXPECT_EQ(tracker.heard(event("a", "job.cancelled", "cancelled", {})).size(), 1U);
    EXPECT_EQ(tracker.report().cancelled, 1U);
    EXPECT_TRUE(tracker.report().waiting.empty());
}

TEST(JobTracker, AdmitsWhenItHadToDropEvents) {
    job_tracker tracker;
    tracker.push_begins();
    for (int i = 0; i < 100'000; ++i) tracker.heard(completed(std::to_string(i)));
    EXPECT_FALSE(tracker.take_lost_events());
    tracker.heard(completed("one too many"));
    EXPECT_TRUE(tracker.take_lost_events());
    EXPECT_FALSE(tracker.take_lost_events());
}

TEST(JobTracker, ListsWhatIsOutstanding) {
    job_tracker tracker;
    create(tracker, 0, "a");
    create(tracker, 1, "b");
    tracker.heard(completed("a"));
    EXPECT_EQ(tracker.outstanding_ids(), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace sluice::cli
