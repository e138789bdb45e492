// Fairness keys: what restarts, cancels, and jobs that come back or late do to the turns.

#include "tests/queue/fair_fixture.hpp"

namespace sluice::test {
namespace {

class FairLife : public Fair {};

INSTANTIATE_TEST_SUITE_P(Jobs, FairLife, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(FairLife, ARestartKeepsTheOrder) {
    const auto fill = [&] {
        push(keyed("a"), 8);
        push(keyed(""), 4);
        push(keyed("b", 2), 8);
        push(keyed("c", 1, 2), 4);
        auto low = keyed("a");
        low.priority = -1;
        push(low, 3);
        low.fairness = keyed("d").fairness;
        push(low, 3);
    };
    fill();
    const auto uninterrupted = order(30);
    fill();
    std::string interrupted;
    for (int i = 0; i < 6; ++i) {
        interrupted += order(5);
        f.crash();
    }
    EXPECT_EQ(interrupted, uninterrupted);
}

TEST_P(FairLife, ARestartRemembersHowMuchEachKeyHasWaiting) {
    push(keyed("a"), 20);
    push(keyed(""), 5);
    f.crash();
    push(keyed("b"), 3);
    push(keyed("a"), 3);
    push(keyed(""), 3);
    const auto next = order(9);
    EXPECT_EQ(std::ranges::count(next, 'b'), 3) << next;
    std::int64_t last = 0;
    for (const auto& job : rest()) {
        if (!key_of(job).empty()) continue;
        EXPECT_GT(job.seq, last) << "they go in order of arrival";
        last = job.seq;
    }
}

TEST_P(FairLife, ThoseWithoutAKeyKeepTheirOrderOverARestartWhenAllOthersHaveGone) {
    push(keyed("a"), 2);
    const auto before = push(keyed(""), 6);
    EXPECT_EQ(order(4), "a.a.");
    f.crash();
    auto expected = std::vector(before.begin() + 2, before.end());
    for (const auto& id : push(keyed(""), 2)) expected.push_back(id);
    std::vector<uuid> taken;
    for (const auto& job : rest()) taken.push_back(job.spec->id);
    EXPECT_EQ(taken, expected);
}

TEST_P(FairLife, AKeyWhoseFloodWasCancelledIsLikeAnyOther) {
    push(keyed("b"), 60);
    for (const auto& id : push(keyed("a"), 50)) ASSERT_TRUE(f.cancel(id));
    order(3);
    push(keyed("a"), 10);
    const auto next = order(12);
    EXPECT_GE(std::ranges::count(next, 'a'), 5) << next;
}

TEST_P(FairLife, AJobThatIsGivenBackHasItsPlaceAgain) {
    push(keyed("a"), 3);
    push(keyed("b"), 3);
    const auto first = f.fetch_one("q");
    const auto second = f.fetch_one("q");
    nack_request back;
    back.release = true;
    ASSERT_TRUE(f.nack(second, back));
    ASSERT_TRUE(f.nack(first, back));
    EXPECT_EQ(f.fetch_one("q").spec->id, first.spec->id);
    EXPECT_EQ(f.fetch_one("q").spec->id, second.spec->id);
}

TEST_P(FairLife, AJobThatComesBackToAQueueThatWasEmptyMeanwhileIsNotPutBehindAll) {
    push(keyed("a", 1, 1000), 100);
    counts(99);
    const auto late = f.fetch_one("q");  // a hundred thousand turns later
    ASSERT_GT(late.ticket, 1'000'000);
    push(keyed(""), 3);
    nack_request back;
    back.release = true;
    ASSERT_TRUE(f.nack(late, back));
    push(keyed(""), 3);
    const auto next = order(7);
    EXPECT_LE(next.find('a'), 3U) << next;
}

TEST_P(FairLife, ARetriedJobStandsWhereItsKeyIsThen) {
    push(keyed("a"), 3);
    push(keyed("b"), 3);
    const auto failed = f.fetch_one("q");
    ASSERT_TRUE(f.nack(failed));
    f.pass(10s);
    EXPECT_EQ(order(6), "bababa") << "behind the others of its key";
}

TEST_P(FairLife, JobsThatCameBeforeAnyKeyAreOneLongTurn) {
    push(keyed(""), 5);
    push(keyed("a"), 2);
    push(keyed("b"), 1);
    const auto all = order(8);
    EXPECT_EQ(all.substr(0, 2), "ab");
    EXPECT_EQ(std::ranges::count(all, '.'), 5);
}

TEST_P(FairLife, KeysThatHaveNothingWaitingAreForgotten) {
    push(keyed("busy"), 100);
    for (int tenant = 0; tenant < 2000; ++tenant) push(keyed("t" + std::to_string(tenant)));
    EXPECT_GT(f.core().fairness_key_count(), 2000U);
    counts(2050, 50);
    f.settle();
    EXPECT_LE(f.core().fairness_key_count(), 2000U) << "a few with each start";
    counts(50);
    for (int i = 0; i < 10; ++i) push(keyed("last"));  // each is a commit
    counts(10);
    f.push("other");
    EXPECT_EQ(f.core().fairness_key_count(), 0U);
}

TEST_P(FairLife, QueuesWithoutKeysKeepNothingOfIt) {
    push(keyed(""), 10);
    const auto jobs = rest();
    EXPECT_EQ(f.core().fairness_key_count(), 0U);
    for (const auto& job : jobs) EXPECT_EQ(job.ticket, job.seq);
    push(keyed("a"));
    order(1);
    const auto id = push(keyed(""));
    EXPECT_EQ(f.job(id.front()).ticket, f.job(id.front()).seq) << "it was empty in between";
}

TEST_P(FairLife, ScheduledAndReleasedJobsTakeTheirTurnWhenTheyComeIn) {
    auto later = keyed("a");
    later.scheduled_at = f.clock.now.wall + 5s;
    push(later, 3);
    auto held = keyed("c");
    held.pending = true;
    const auto ids = push(held);
    push(keyed("b"), 3);
    f.pass(6s);
    ASSERT_TRUE(f.activate(ids.front()));
    EXPECT_EQ(order(7), "bacbaba");
}

TEST_P(FairLife, AResetForgetsAll) {
    push(keyed("a"), 10);
    f.core().reset(f.clock.now);
    f.settle();
    EXPECT_EQ(f.core().fairness_key_count(), 0U);
    push(keyed("b"), 2);
    EXPECT_EQ(order(2), "bb");
}

}  // namespace
}  // namespace sluice::test
