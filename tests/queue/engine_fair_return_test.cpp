// Fairness keys: jobs that come back, and what a key owes for those that do not.

#include "tests/queue/fair_fixture.hpp"

namespace sluice::test {
namespace {

class FairReturn : public Fair {
protected:
    /// The last of a key's jobs, from a time that has ended: nothing waits.
    job_record late_job(const job_spec& before, job_spec last) {
        push(before, 20);
        last.visibility_timeout = 10s;
        push(last);
        do_jobs(20);
        auto late = f.fetch_one("q");
        EXPECT_GT(late.ticket, 1'000'000);
        return late;
    }
    bool is_among(int count, const job_record& job) {
        bool found = false;
        for (; count > 0; --count) found = found || f.fetch_one("q").spec->id == job.spec->id;
        return found;
    }
};

INSTANTIATE_TEST_SUITE_P(Jobs, FairReturn, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(FairReturn, AfterTheQueueWasEmptyAJobIsAmongTheFirstAlthoughItsKeyHasAFlood) {
    const auto late = late_job(keyed("a"), keyed("a"));
    push(keyed("a"), 50);
    push(keyed("b"), 5);
    release(late);
    EXPECT_TRUE(is_among(3, late)) << "one of each key may have come before it";
}

TEST_P(FairReturn, AfterTheQueueWasEmptyALapsedJobIsAmongTheFirstAlthoughItsKeyHasAFlood) {
    const auto late = late_job(keyed("a"), keyed("a"));
    push(keyed("a"), 50);
    f.pass(11s);
    ASSERT_EQ(f.job(late.spec->id).interruptions, 1);
    EXPECT_TRUE(is_among(2, late)) << "one of each key may have come before it";
}

TEST_P(FairReturn, IsNotPaidForTwice) {
    const auto late = late_job(keyed("a"), keyed("a", 1, 1000));
    push(keyed("b"), 10);
    release(late);
    push(keyed("a"), 10);
    const auto next = order(12);
    EXPECT_GE(std::ranges::count(next, 'a'), 5) << next;
}

TEST_P(FairReturn, InAQueueThatIsFairNoMoreAJobGoesFirst) {
    const auto late = late_job(keyed("a"), keyed(""));
    const auto waiting = push(keyed(""), 50);
    ASSERT_EQ(f.job(waiting[0]).ticket, f.job(waiting[0]).seq) << "it is not fair any more";
    release(late);
    EXPECT_EQ(f.fetch_one("q").spec->id, late.spec->id);
    EXPECT_EQ(f.fetch_one("q").spec->id, waiting[0]);
}

TEST_P(FairReturn, InAQueueThatIsFairNoMoreAJobGoesFirstAfterARestart) {
    const auto late = late_job(keyed("a"), keyed(""));
    f.crash();
    const auto waiting = push(keyed(""), 50);
    release(late);
    EXPECT_EQ(f.fetch_one("q").spec->id, late.spec->id);
    EXPECT_EQ(f.fetch_one("q").spec->id, waiting[0]);
}

TEST_P(FairReturn, AJobGoesFirstAlthoughOneThatRunsHasThePlaceBeforeTheLine) {
    const auto late = late_job(keyed("a"), keyed(""));
    const auto plain = push(keyed(""), 10);
    const auto runs = f.fetch_one("q");
    release(late);
    release(runs);
    std::vector<uuid> first{f.fetch_one("q").spec->id, f.fetch_one("q").spec->id};
    EXPECT_TRUE(std::ranges::count(first, late.spec->id) == 1 &&
                std::ranges::count(first, plain[0]) == 1);
    EXPECT_EQ(f.fetch_one("q").spec->id, plain[1]);
    EXPECT_EQ(rest().size(), 8U);
}

TEST_P(FairReturn, OneThatWasStartedBeforeAnyKeyCameHasItsPlaceAgain) {
    const auto plain = push(keyed(""), 5);
    const auto runs = f.fetch_one("q");
    push(keyed("a"), 5);
    release(runs);
    EXPECT_EQ(order(1), "a");
    EXPECT_EQ(f.fetch_one("q").spec->id, plain[0]);
}

TEST_P(FairReturn, WhatAKeyOwesIsNotWipedByACancel) {
    push(keyed("a", 1, 100));
    push(keyed("b"), 50);
    ASSERT_EQ(order(1), "a");
    ASSERT_TRUE(f.cancel(push(keyed("a")).front()));
    push(keyed("a"));
    const auto next = order(40);
    EXPECT_EQ(std::ranges::count(next, 'a'), 0) << next;
}

TEST_P(FairReturn, WhatWasNeverStartedIsNotOwed) {  // the control
    push(keyed("b"), 50);
    ASSERT_TRUE(f.cancel(push(keyed("a", 1, 100)).front()));
    push(keyed("a"));
    const auto next = order(3);
    EXPECT_EQ(std::ranges::count(next, 'a'), 1) << next;
}

TEST_P(FairReturn, AJobThatIsTakenBackFromTheMiddleOfTheLineMovesNobody) {
    const auto brief = [](const std::string& key) {
        auto spec = keyed(key, 1, 1000);
        spec.visibility_timeout = 10s;
        return spec;
    };
    push(brief("a"), 2);
    push(brief("d"), 2);
    push(keyed("b"));
    std::vector<job_record> runs;
    for (int i = 0; i < 4; ++i) runs.push_back(f.fetch_one("q"));
    std::ranges::sort(runs, {}, &job_record::ticket);
    const auto& far = runs.back();
    ASSERT_GT(far.ticket, 1'000'000'000);
    const auto back = std::ranges::find(runs, "b", key_of);
    ASSERT_NE(back, runs.end());
    release(*back);
    f.crash();
    push(keyed("e"), 5);
    f.pass(11s);
    ASSERT_EQ(f.job(far.spec->id).state, job_state::available);
    ASSERT_FALSE(f.heartbeat("w1", {far}).jobs.at(0).problem);
    push(keyed("c"));
    const auto next = order(7);
    EXPECT_LE(next.find('c'), 5U) << next;
}

/// The place before the first may be the one that a job which is tried again has kept.
TEST_P(FairReturn, InAQueueThatIsFairNoMoreItTakesNoPlaceFromOneThatIsTriedAgain) {
    push(keyed("a"));
    push(keyed(""));
    auto first = f.fetch_one("q"), second = f.fetch_one("q");
    if (key_of(first).empty()) std::swap(first, second);
    ASSERT_TRUE(f.ack(first));
    push(keyed(""));
    ASSERT_TRUE(f.nack(f.fetch_one("q")));  // it waits for its next try
    push(keyed(""));
    release(second);
    f.pass(10s);
    EXPECT_EQ(rest().size(), 3U);
}

}  // namespace
}  // namespace sluice::test
