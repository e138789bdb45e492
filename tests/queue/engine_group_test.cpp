#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

/// Jobs under keys of their own that share a group.
class Groups : public testing::TestWithParam<bool> {
protected:
    Groups() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    static job_spec member(const std::string& key, std::int64_t total, std::string queue = "q",
                           std::int64_t concurrency = 9) {
        auto spec = make_spec(std::move(queue));
        limit_rule rule;
        rule.text = "{}";
        rule.key = key;
        rule.concurrency = concurrency;
        rule.group = "g";
        rule.group_concurrency = total;
        spec.limit = std::make_shared<const limit_rule>(std::move(rule));
        return spec;
    }
    std::vector<job_record> take(const std::string& queue = "q") {
        std::vector<job_record> all;
        for (auto some = f.fetch(queue, 9); !some.empty(); some = f.fetch(queue, 9))
            for (auto& each : some) all.push_back(std::move(each));
        return all;
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Groups, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Groups, NoMoreRunThanItAllowsWhateverTheirKeys) {
    for (int i = 0; i < 6; ++i) f.push(member("k" + std::to_string(i), 2));
    auto held = take();
    ASSERT_EQ(held.size(), 2U);
    f.crash();
    EXPECT_TRUE(take().empty()) << "they still run";
    std::size_t done = 0;
    while (!held.empty()) {
        ASSERT_LE(held.size(), 2U);
        ASSERT_TRUE(f.ack(held.back()));
        held.pop_back();
        ++done;
        for (auto& each : take()) held.push_back(std::move(each));
    }
    EXPECT_EQ(done, 6U) << "each that ends makes room for another";
}

TEST_P(Groups, ServeThoseFirstThatHaveWaitedLongest) {
    std::vector<uuid> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(f.push(member("k" + std::to_string(i), 1)));
    for (const auto& id : ids) {
        const auto held = f.fetch_one("q");
        EXPECT_EQ(held.spec->id, id);
        EXPECT_TRUE(take().empty());
        ASSERT_TRUE(f.ack(held));
    }
}

TEST_P(Groups, AWaitingWorkerIsServedInWhicheverQueueThereIsRoom) {
    f.push(member("a", 1, "p"));
    f.push(member("b", 1, "nobody"));
    f.push(member("c", 1, "q"));
    const auto held = f.fetch_one("p");
    EXPECT_TRUE(take("nobody").empty());
    fetch_request patient;
    patient.worker_id = "w2";
    patient.queues = {"q"};
    patient.wait = 60s;
    const auto waiting = f.park(patient);
    EXPECT_FALSE(f.answer_to(waiting));
    ASSERT_TRUE(f.ack(held));
    const auto given = f.answer_to(waiting);
    ASSERT_TRUE(given && given->size() == 1);
}

TEST_P(Groups, RoomGoesToTheNextWhenTheFirstIsCancelledOrHeldByItsOwnKey) {
    f.push(member("a", 1));
    const auto first = f.push(member("b", 1));
    f.push(member("c", 1));
    const auto held = f.fetch_one("q");
    EXPECT_TRUE(take().empty());
    ASSERT_TRUE(f.ack(held));
    ASSERT_TRUE(f.cancel(first));
    const auto next = f.fetch_one("q");
    EXPECT_EQ(next.spec->limit->key, "c");
    f.push(member("d", 1, "q", 0));  // nothing of this key may run
    f.push(member("e", 1));
    EXPECT_TRUE(take().empty());
    ASSERT_TRUE(f.ack(next));
    EXPECT_EQ(f.fetch_one("q").spec->limit->key, "e");
}

TEST_P(Groups, AnOperatorMayOverrideThem) {
    for (int i = 0; i < 5; ++i) f.push(member("k" + std::to_string(i), 1));
    EXPECT_EQ(take().size(), 1U);
    const auto told = f.core().rate_limit("g", f.clock.now);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->running, 1U);
    EXPECT_EQ(told->rule->concurrency, 1);
    limit_override more;
    more.concurrency = 3;
    more.expires_at = f.clock.now.wall + 10s;
    f.core().override_limit("g", more, f.clock.now);
    f.settle();
    auto held = take();
    EXPECT_EQ(held.size(), 2U);
    f.pass(11s);
    ASSERT_TRUE(f.ack(held.front()));
    EXPECT_TRUE(take().empty()) << "two run, and one may";
}

/// Room goes to both, whoever leaves it.
TEST_P(Groups, MayHaveTheKeyThatOtherJobsHaveAsTheirOwn) {
    auto own = make_spec("q");
    limit_rule rule;
    rule.text = "{}";
    rule.key = "g";
    rule.concurrency = 1;
    own.limit = std::make_shared<const limit_rule>(rule);
    for (const bool group_first : {true, false}) {
        const auto first = f.push(group_first ? member("a", 1) : own);
        const auto second = f.push(group_first ? own : member("a", 1));
        const auto held = f.fetch_one("q");
        EXPECT_EQ(held.spec->id, first);
        EXPECT_TRUE(take().empty());
        ASSERT_TRUE(f.ack(held));
        const auto next = f.fetch_one("q");
        EXPECT_EQ(next.spec->id, second);
        ASSERT_TRUE(f.ack(next));
    }
}

TEST_P(Groups, RoomThatALaneWasOpenedForIsPassedOnWhenAnotherJobComesFirst) {
    auto blocked_key = member("a", 1);
    f.push(member("z", 1));
    f.push(blocked_key);
    f.push(member("b", 1));
    const auto held = f.fetch_one("q");
    EXPECT_TRUE(take().empty());
    ASSERT_TRUE(f.ack(held));  // opens the lane of "a"
    auto urgent = member("a", 1, "q", 0);
    urgent.priority = 9;
    f.push(std::move(urgent));  // nothing of that key may run, by its own rule
    EXPECT_EQ(f.fetch_one("q").spec->limit->key, "b");
}

TEST_P(Groups, TellInWhichQueuesTheyAre) {
    f.push(member("a", 1, "p"));
    const auto told = f.core().rate_limit("g", f.clock.now);
    ASSERT_TRUE(told);
    ASSERT_EQ(told->queues.size(), 1U);
    EXPECT_EQ(*told->queues[0], "p");
}

TEST_P(Groups, AreForgottenWithTheirJobs) {
    for (int i = 0; i < 3; ++i) f.push(member("k" + std::to_string(i), 1));
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(f.ack(f.fetch_one("q")));
    const auto told = f.core().rate_limit("g", f.clock.now);
    EXPECT_TRUE(!told || (told->running == 0 && told->waiting == 0));
    f.core().reset(f.clock.now);
    f.settle();
    f.push(member("k", 1));
    EXPECT_EQ(take().size(), 1U);
}

TEST_P(Groups, ThatAreFullRefuseThoseWhoWouldRatherNotWait) {
    f.push(member("a", 1));
    const auto held = f.fetch_one("q");
    auto spec = member("b", 1);
    auto rule = *spec.limit;
    rule.on_limit = limit_action::reject;
    spec.limit = std::make_shared<const limit_rule>(std::move(rule));
    push_request request;
    request.jobs = {spec};
    const auto refused = f.try_push(request);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::rate_limited);
    ack_request ack;
    ack.job_id = held.spec->id;
    ack.lease = held.lease;
    ack.enqueue = {spec};
    f.make_resident(ack.job_id);
    EXPECT_TRUE(f.core().ack(ack, f.clock.now)) << "it takes the place of the one that ends";
}

}  // namespace
}  // namespace sluice::test
