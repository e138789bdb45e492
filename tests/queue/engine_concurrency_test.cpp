#include "proto/limit_rule.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

/// A queue that runs so many of its jobs at a time.
class Concurrency : public testing::TestWithParam<bool> {
protected:
    Concurrency() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    void most(std::optional<std::int64_t> running, std::string queue = "q") {
        queue_config config;
        config.concurrency = running;
        f.core().configure_queue(queue, config, f.clock.now);
        f.settle();
    }
    std::uint64_t park(std::vector<std::string> queues) {
        fetch_request request;
        request.worker_id = "w";
        request.queues = std::move(queues);
        request.wait = 60s;
        return f.park(std::move(request));
    }
    std::size_t given(std::uint64_t taker) {
        const auto answer = f.answer_to(taker);
        return answer ? answer->size() : 0;
    }
    static job_spec limited(std::string key, std::int64_t concurrency) {
        auto spec = make_spec("q");
        limit_rule rule;
        rule.text = "{}";
        rule.key = std::move(key);
        rule.concurrency = concurrency;
        spec.limit = std::make_shared<const limit_rule>(std::move(rule));
        return spec;
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Concurrency, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Concurrency, NoMoreJobsOfTheQueueRunAtATime) {
    most(2);
    f.push_many("q", 5);
    std::vector<job_record> held;
    while (held.size() < 2) {
        auto more = f.fetch("q", 9);
        ASSERT_FALSE(more.empty());
        held.insert(held.end(), more.begin(), more.end());
    }
    EXPECT_EQ(held.size(), 2U);
    EXPECT_TRUE(f.fetch("q", 9).empty());
    f.ack(held[0]);
    EXPECT_EQ(f.fetch("q", 9).size(), 1U);
    EXPECT_TRUE(f.fetch("q", 9).empty());
}

TEST_P(Concurrency, WhoWaitsIsServedWhenAJobHasEnded) {
    most(1);
    f.push_many("q", 2);
    const auto held = f.fetch_one("q");
    const auto taker = park({"q"});
    EXPECT_EQ(given(taker), 0U);
    f.ack(held);
    EXPECT_EQ(given(taker), 1U);
}

TEST_P(Concurrency, ThatOfOneQueueLeavesTheOthersAlone) {
    most(1);
    f.push_many("q", 2);
    f.push_many("r", 1);
    f.fetch_one("q");
    fetch_request both;
    both.worker_id = "w";
    both.queues = {"q", "r"};
    both.count = 5;
    const auto got = f.fetch(std::move(both));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].spec->queue, "r");
}

TEST_P(Concurrency, InServerWorkersKeepToIt) {
    engine_config config = f.config;
    config.handled_types = {{"work", 0}};
    engine_fixture g(config);
    queue_config one;
    one.concurrency = 1;
    g.core().configure_queue("q", one, g.clock.now);
    g.settle();
    g.push_many("q", 3);
    fetch_request any;
    any.worker_id = in_server_worker_id;
    any.queues = {"*"};
    any.handled_only = true;
    any.count = 3;
    const auto first = g.fetch(any);
    ASSERT_EQ(first.size(), 1U);
    any.wait = 60s;
    const auto taker = g.park(any);
    EXPECT_FALSE(g.answer_to(taker));
    g.ack(first[0]);
    const auto next = g.answer_to(taker);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->size(), 1U);
}

TEST_P(Concurrency, ItIsTheTotalOverTheKeysOfRateLimits) {
    most(3);
    for (const auto* key : {"a", "b", "c"})
        for (int i = 0; i < 3; ++i) f.push(limited(key, 2));
    std::size_t taken = 0;
    for (int i = 0; i < 9; ++i) taken += f.fetch("q", 1).size();
    EXPECT_EQ(taken, 3U);
    EXPECT_LE(f.core().rate_limit("a", f.clock.now)->running, 2U);
}

TEST_P(Concurrency, ItHoldsAfterARestart) {
    most(1);
    f.push_many("q", 2);
    const auto held = f.fetch_one("q");
    f.crash();
    EXPECT_TRUE(f.fetch("q").empty());
    f.ack(held);
    EXPECT_EQ(f.fetch("q").size(), 1U);
}

TEST_P(Concurrency, ALargerOneLetsWaitingWorkersGoOnAtOnce) {
    most(0);
    f.push_many("q", 2);
    const auto first = park({"q"});
    const auto second = park({"q"});
    EXPECT_EQ(given(first), 0U);
    most(1);
    EXPECT_EQ(given(first), 1U);
    EXPECT_EQ(given(second), 0U);
    most(std::nullopt);
    EXPECT_EQ(given(second), 1U);
}

TEST_P(Concurrency, AJobThatLapsesMakesRoom) {
    most(1);
    f.push_many("q", 1);
    f.fetch_one("q");
    const auto taker = park({"q"});
    f.pass(f.config.visibility_timeout - 1s);
    const auto waiting = park({"q"});
    f.pass(2s);
    EXPECT_EQ(given(taker) + given(waiting), 1U);
}

TEST_P(Concurrency, AWorkerThatIsHeardTooLateDoesNotTakeAPlaceTwice) {
    most(1);
    f.push_many("q", 2);
    const auto late = f.fetch_one("q", "w1");
    f.pass(f.config.visibility_timeout + 1s);
    const auto first = f.fetch("q", 1);
    ASSERT_EQ(first.size(), 1U);
    f.heartbeat("w1", {late});
    EXPECT_EQ(f.stats("q").jobs[static_cast<std::size_t>(job_state::active)], 1U);
}

}  // namespace
}  // namespace sluice::test
