// Lines whose jobs are at rest.

#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

fetch_request wanted(std::vector<std::string> queues, std::chrono::milliseconds wait = 0ms) {
    fetch_request request;
    request.worker_id = "w1";
    request.queues = std::move(queues);
    request.wait = wait;
    return request;
}

engine_config small_window(std::size_t jobs = 4) {
    engine_config config;
    config.window_jobs = jobs;
    return config;
}

std::vector<uuid> ids_of(const std::vector<job_record>& jobs) {
    std::vector<uuid> ids;
    for (const auto& job : jobs) ids.push_back(job.spec->id);
    return ids;
}

TEST(LineAtRest, KeepsItsOrderAcrossRefills) {
    engine_fixture f(small_window());
    std::vector<uuid> pushed;
    for (int i = 0; i < 50; ++i) pushed.push_back(f.push("q"));
    EXPECT_LE(f.core().resident_count(), 4U);
    std::vector<uuid> taken;
    while (taken.size() < pushed.size()) {
        const auto jobs = f.fetch("q", 3);
        ASSERT_FALSE(jobs.empty());
        for (const auto& job : jobs) taken.push_back(job.spec->id);
    }
    EXPECT_EQ(taken, pushed);
}

TEST(LineAtRest, KeepsItsOrderWhenJobsArriveMeanwhile) {
    engine_fixture f(small_window());
    std::vector<uuid> pushed;
    std::vector<uuid> taken;
    for (int i = 0; i < 300; ++i) {
        pushed.push_back(f.push(make_spec("q", i % 3 == 0 ? "a" : "b")));
        if (i % 2 == 0) taken.push_back(f.fetch_one("q").spec->id);
    }
    while (taken.size() < pushed.size()) taken.push_back(f.fetch_one("q").spec->id);
    EXPECT_EQ(taken, pushed);
}

TEST(LineAtRest, SkipsJobsThatWereCancelledInItsMiddle) {
    engine_fixture f(small_window());
    std::vector<uuid> left;
    std::vector<uuid> all;
    for (int i = 0; i < 40; ++i) all.push_back(f.push("q"));
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i % 3 == 0 || (i > 10 && i < 20))
            ASSERT_TRUE(f.cancel(all[i]));
        else
            left.push_back(all[i]);
    }
    std::vector<uuid> taken;
    while (taken.size() < left.size()) taken.push_back(f.fetch_one("q").spec->id);
    EXPECT_EQ(taken, left);
    EXPECT_TRUE(f.fetch("q").empty());
}

TEST(LineAtRest, AJobThatComesBackIsFirstAgain) {
    engine_fixture f(small_window());
    for (int i = 0; i < 20; ++i) f.push("q");
    const auto first = f.fetch_one("q");
    f.fetch_one("q");
    nack_request release;
    release.release = true;
    ASSERT_TRUE(f.nack(first, release));
    EXPECT_EQ(f.fetch_one("q").spec->id, first.spec->id);
}

TEST(LineAtRest, ATakerThatWaitsOnAnEmptiedQueueGetsWhatItsNextQueueHas) {
    engine_fixture f(small_window(0));
    const auto gone = f.push("a");
    const auto there = f.push("b");
    ASSERT_TRUE(f.cancel(gone));  // its place in line is stale and nothing in memory says so
    f.crash();
    ASSERT_FALSE(f.core().resident(there));
    EXPECT_EQ(ids_of(f.fetch(wanted({"a", "b"}, 10s))), std::vector<uuid>{there});
}

TEST(LineAtRest, AHeadThatWasCancelledWhileItWasReadDoesNotHideTheNextQueue) {
    engine_fixture f(small_window(0));
    const auto gone = f.push("a");
    const auto there = f.push("b");
    f.manual = true;
    const auto outcome = f.core().fetch(wanted({"a", "b"}, 10s), f.clock.now);
    ASSERT_TRUE(outcome.parked);
    f.make_resident(gone);
    ASSERT_TRUE(f.core().cancel(gone, f.clock.now));
    f.settle();
    ASSERT_TRUE(f.answer_to(*outcome.parked));
    EXPECT_EQ(ids_of(*f.answer_to(*outcome.parked)), std::vector<uuid>{there});
}

TEST(LineAtRest, AFetchThatDoesNotWaitStillLearnsWhatIsThere) {
    engine_fixture f(small_window(0));
    const auto id = f.push("q");
    EXPECT_EQ(ids_of(f.fetch("q")), std::vector<uuid>{id});
    EXPECT_TRUE(f.fetch("q").empty());
}

TEST(LineAtRest, ADrainAnswersATakerThatWaitsForARead) {
    engine_fixture f(small_window(0));
    const auto id = f.push("q");
    f.manual = true;
    const auto outcome = f.core().fetch(wanted({"q"}), f.clock.now);
    ASSERT_TRUE(outcome.parked);
    f.core().begin_drain();
    ASSERT_TRUE(f.answer_to(*outcome.parked));
    EXPECT_TRUE(f.answer_to(*outcome.parked)->empty());
    f.settle();
    EXPECT_EQ(f.job(id).state, job_state::available);
}

}  // namespace
}  // namespace sluice::test
