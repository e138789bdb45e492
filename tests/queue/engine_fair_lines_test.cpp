// Fairness keys: what the lines of one queue (types, keys of limits) are to each other, and who is
// dropped when it is full.

#include "proto/limit_rule.hpp"
#include "tests/queue/fair_fixture.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {
namespace {

job_spec of_type(std::string type, const std::string& key, std::int64_t cost = 1) {
    auto spec = keyed(key, 1, cost);
    spec.type = std::move(type);
    return spec;
}

job_spec limited(const std::string& key, const std::string& limit, std::int64_t concurrency) {
    auto spec = keyed(key);
    limit_rule rule;
    rule.text = "{}";
    rule.key = limit;
    rule.concurrency = concurrency;
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    return spec;
}

int times(const std::string& order, char key) {
    return static_cast<int>(std::ranges::count(order, key));
}

class FairLines : public Fair {
protected:
    void bound(std::uint64_t max) {
        f.core().configure_queue(
            "q", {.bound = {.max_depth = max, .strategy = full_strategy::drop_oldest}},
            f.clock.now);
        f.settle();
    }
    /// From now on jobs get numbers that are far above the earlier ones.
    void skip_numbers() {
        journal_batch batch;
        batch.number = f.core().committed_batch() + 1;
        batch.next_seq = std::int64_t{1} << 40;
        ASSERT_EQ(f.store().commit_blocking(batch).status, commit_status::ok);
        f.crash();
    }
};

INSTANTIATE_TEST_SUITE_P(Jobs, FairLines, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(FairLines, WhatAKeyHasWaitingInOneIsNotHeldAgainstItInAnother) {
    push(of_type("y", "a"), 50);  // nobody works on these
    push(keyed("a"), 4);
    push(keyed("b"), 4);
    EXPECT_EQ(order(8, "work"), "abababab");
}

/// Each of its jobs comes when the one before has been started: its line begins anew every time.
TEST_P(FairLines, OneThatNeverHasMoreThanOneWaitingLeavesTheOthersTheirTurn) {
    push(of_type("y", "b"), 30);
    push(of_type("x", "a"));
    std::string seen;
    for (int i = 0; i < 20; ++i) {
        const auto next = order(1);
        seen += next;
        if (next == "a") push(of_type("x", "a"));
    }
    EXPECT_GE(times(seen, 'b'), 9) << seen;
    EXPECT_GE(times(seen, 'a'), 9) << seen;
}

TEST_P(FairLines, ANewKeyGoesBeforeWhatCameInOrderOfArrivalThoughThatHasBegun) {
    push(keyed(""), 200);
    push(keyed("a"));
    EXPECT_EQ(order(6), "a.....");
    for (const std::string key : {"b", "c", "d"}) push(keyed(key));
    EXPECT_EQ(order(4), "bcd.");
    f.crash();
    for (const std::string key : {"e", "f"}) push(keyed(key));
    EXPECT_EQ(order(3), "ef.") << "also after a restart";
}

TEST_P(FairLines, WhatAClosedLimitHoldsIsNotHeldAgainstItsKeyElsewhere) {
    push(limited("a", "k", 1), 50);
    push(keyed("a"), 4);
    push(keyed("b"), 4);
    EXPECT_EQ(order(9), "aabababab") << "the first of these is under the limit, which is full then";
}

TEST_P(FairLines, OneThatStoodStillHasNothingToCatchUp) {
    push(of_type("y", "a"), 50);
    push(keyed("b"), 50);
    ASSERT_EQ(order(30, "work").size(), 30U);
    const auto next = order(20);
    EXPECT_NEAR(times(next, 'a'), 10, 1) << next;
}

TEST_P(FairLines, OneThatStoodStillTakesOneJobOfEachOfItsKeysFirst) {
    for (const auto* key : {"a", "b", "c"}) push(of_type("y", key), 50);
    push(keyed("d"), 50);
    ASSERT_EQ(order(30, "work").size(), 30U);
    const auto next = order(40);
    EXPECT_NEAR(times(next, 'd'), 10, 1) << next;
}

TEST_P(FairLines, OneThatHeldAtALimitHasNothingToCatchUp) {
    push(limited("a", "k", 1), 50);
    push(keyed("b"), 60);
    const auto runs = f.fetch_one("q");
    ASSERT_EQ(key_of(runs), "a");
    EXPECT_EQ(order(30), std::string(30, 'b'));
    ASSERT_TRUE(f.ack(runs));
    std::string next;
    for (int i = 0; i < 20; ++i) {
        const auto job = f.fetch_one("q");
        next += key_of(job);
        ASSERT_TRUE(f.ack(job));
    }
    EXPECT_NEAR(times(next, 'a'), 10, 1) << next;
}

TEST_P(FairLines, AJobThatIsGivenBackDoesNotHoldUpItsOwn) {
    push(of_type("y", "a"), 50);
    push(keyed("b"), 50);
    const auto long_run = f.fetch_one("q");
    ASSERT_EQ(key_of(long_run), "a");
    order(20);
    release(long_run);
    ASSERT_EQ(f.fetch_one("q").spec->id, long_run.spec->id);
    const auto next = order(10);
    EXPECT_NEAR(times(next, 'a'), 5, 1) << next;
}

TEST_P(FairLines, GoOnSideBySideAfterARestart) {
    push(of_type("y", "a"), 50);
    push(keyed("b"), 50);
    ASSERT_EQ(order(30, "work").size(), 30U);
    f.crash();
    const auto next = order(20);
    EXPECT_NEAR(times(next, 'a'), 10, 1) << next;
}

TEST_P(FairLines, TheFirstJobOfEachKeyGoesBeforeAllThatWaitedWhateverItsLine) {
    push(limited("", "k", 100), 5);
    push(of_type("y", ""), 5);
    skip_numbers();
    push(keyed(""), 5);
    push(keyed("a"), 5);
    push(of_type("y", "b"), 5);
    push(limited("c", "k", 100), 5);
    push(of_type("z", "d"), 5);
    auto first = order(4);
    std::ranges::sort(first);
    EXPECT_EQ(first, "abcd");
    EXPECT_EQ(rest().size(), 31U);
}

TEST_P(FairLines, ThoseThatWaitForTheirGroupAreInTurnWithOnesThatComeWithKeys) {
    const auto grouped = [](const std::string& key, const std::string& limit) {
        auto spec = limited(key, limit, 1);
        auto rule = *spec.limit;
        rule.group = "g";
        rule.group_concurrency = 1;
        spec.limit = std::make_shared<const limit_rule>(std::move(rule));
        return spec;
    };
    skip_numbers();
    push(grouped("", "k1"), 2);
    push(grouped("", "k2"));
    push(grouped("", "k3"));
    const auto runs = f.fetch_one("q");
    ASSERT_TRUE(f.fetch("q").empty()) << "the group is full";
    push(keyed("a"), 3);
    push(grouped("b", "k4"), 5);
    EXPECT_EQ(order(4), "aaa");
    ASSERT_TRUE(f.ack(runs));
    std::string next;
    for (int i = 0; i < 5; ++i) {
        const auto job = f.fetch_one("q");
        next += key_of(job).empty() ? "." : key_of(job);
        ASSERT_TRUE(f.fetch("q").empty()) << "the group is full";
        ASSERT_TRUE(f.ack(job));
    }
    EXPECT_EQ(next, "b...b");
}

TEST_P(FairLines, KeysThatComeAndGoBesideAStuckOneAreForgotten) {
    push(of_type("y", "stuck"));
    for (int tenant = 0; tenant < 2000; ++tenant) {
        push(keyed("t" + std::to_string(tenant), 1, 1000));
        ASSERT_FALSE(order(1, "work").empty());
    }
    EXPECT_EQ(f.core().fairness_key_count(), 1U);
}

TEST_P(FairLines, KeysThatRestAreNoMoreThanSoMany) {
    push(keyed("busy"), 300);
    const auto most = fair_level::resting_max;
    const auto tenants = most + 2000;
    push_request burst;
    for (std::size_t tenant = 0; tenant < tenants; ++tenant)
        burst.jobs.push_back(keyed("t" + std::to_string(tenant), 1, 1000));
    ASSERT_TRUE(f.try_push(std::move(burst)));
    EXPECT_GT(f.core().fairness_key_count(), tenants);
    for (std::size_t taken = 0; taken < tenants + 100;) taken += f.fetch("q", 50).size();
    EXPECT_LE(f.core().fairness_key_count(), most + 1) << "and the one that waits";
    EXPECT_GT(f.core().fairness_key_count(), most / 2) << "their jobs are not over yet";
}

TEST_P(FairLines, WhenFullTheJobThatCameFirstIsDroppedAndNotWhoseTurnIsNext) {
    bound(10);
    const auto flood = push(keyed("flood"), 10);
    ASSERT_EQ(order(1), "flood");
    const auto quiet = push(keyed("quiet")).front();
    f.settle();
    EXPECT_EQ(f.job(quiet).state, job_state::available);
    EXPECT_EQ(f.job(flood[1]).state, job_state::discarded);
    EXPECT_EQ(f.job(flood[2]).state, job_state::available);
    EXPECT_EQ(order(1), "quiet");
}

TEST_P(FairLines, WhenFullAPushDropsNoJobOfItsOwn) {
    bound(60);
    const auto flood = push(keyed("flood"), 60);
    push_request burst;
    for (int tenant = 0; tenant < 40; ++tenant)
        burst.jobs.push_back(keyed("t" + std::to_string(tenant)));
    const auto pushed = f.try_push(std::move(burst));
    ASSERT_TRUE(pushed);
    f.settle();
    for (const auto& job : *pushed) EXPECT_EQ(f.job(job.spec->id).state, job_state::available);
    std::ptrdiff_t left = 0;
    for (const auto& id : flood) left += f.job(id).state == job_state::available ? 1 : 0;
    EXPECT_EQ(left, 20);
    EXPECT_EQ(f.job(flood.back()).state, job_state::available);
    EXPECT_EQ(rest().size(), 60U);
}

TEST_P(FairLines, WhenFullTheJobThatCameFirstIsFoundInWhateverLine) {
    bound(4);
    const auto first = push(of_type("y", "a")).front();
    const auto second = push(keyed("b"), 3);
    push(of_type("z", "c"));
    push(of_type("z", "d"));
    f.settle();
    EXPECT_EQ(f.job(first).state, job_state::discarded);
    EXPECT_EQ(f.job(second[0]).state, job_state::discarded);
    EXPECT_EQ(f.job(second[1]).state, job_state::available);
    EXPECT_EQ(rest().size(), 4U);
}

/// What is to be dropped leaves its line before that is on the disk, and its place is given to
/// another one. If the process ends then, two have it.
TEST_P(FairLines, JobsThatWereToBeDroppedStillHaveTheirTurnAfterACrash) {
    auto dropped = push(keyed("a"), 2);
    dropped.push_back(push(keyed("b")).front());
    bound(5);
    f.crash();
    f.manual = true;
    push(of_type("y", "c"), 5);
    const std::vector<uuid> in_place{push(keyed("d")).front(), push(keyed("e")).front()};
    f.commit();
    f.manual = false;
    f.crash();
    ASSERT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::available)], 8U);
    std::set<std::int64_t> tickets;
    for (const auto* ids : {&std::as_const(dropped), &in_place})
        for (const auto& id : *ids) tickets.insert(f.job(id).ticket);
    EXPECT_EQ(tickets.size(), 5U) << "each has a place of its own";
    f.crash();
    EXPECT_EQ(rest().size(), 8U);
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::active)], 8U);
}

/// The same when the job ends before it could be put into its line.
TEST_P(FairLines, AJobThatWasToBeDroppedMayBeCancelledAfterACrash) {
    push(keyed("a"));
    push(keyed("b"));
    bound(3);
    f.crash();
    f.manual = true;
    push(of_type("y", "c"), 2);
    const auto in_place = push(keyed("d")).front();
    f.commit();
    f.crash();
    ASSERT_TRUE(f.cancel(in_place));
    f.manual = false;
    f.settle();
    EXPECT_EQ(rest().size(), 4U);
}

}  // namespace
}  // namespace sluice::test
