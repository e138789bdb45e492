#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

constexpr auto five = objective_window::five_minutes;

class Objective : public testing::TestWithParam<bool> {
protected:
    Objective() : f(GetParam() ? nothing_kept() : engine_config{}) {}

    void set(std::optional<start_objective> wanted, const std::string& queue = "q") {
        auto config = f.core().config_of(queue);
        config.start_latency = wanted;
        f.core().configure_queue(queue, config, f.clock.now);
        f.settle();
    }
    objective_status status(const std::string& queue = "q") {
        for (auto& each : f.core().objectives(f.clock.now))
            if (each.queue == queue) return each;
        ADD_FAILURE() << queue << " has no objective";
        return {};
    }
    objective_counts counts() { return status().windows[static_cast<std::size_t>(five)]; }
    std::vector<std::string_view> told() {
        event_query wanted;
        wanted.types = {"slo.burning", "slo.recovered"};
        std::vector<std::string_view> seen;
        for (const auto& event : f.core().events().query(wanted).events) seen.push_back(event.type);
        return seen;
    }
    /// A job that waits for so long.
    void run(std::chrono::microseconds waits) {
        f.push("q");
        f.pass(waits);
        f.ack(f.fetch_one("q"));
    }

    engine_fixture f;
};

INSTANTIATE_TEST_SUITE_P(Jobs, Objective, testing::Values(false, true), [](const auto& each) {
    return std::string(each.param ? "AtRest" : "Resident");
});

TEST_P(Objective, CountsEachJobByHowLongItWaited) {
    set(start_objective{0.99, 250ms});
    run(100ms);
    run(250ms);
    run(2s);
    EXPECT_EQ(counts(), (objective_counts{2, 1}));
    EXPECT_FALSE(f.core().next_timer(f.clock.now).value_or(1h) < 1ms);
}

TEST_P(Objective, AJobCountsOnceHoweverLongItsCommitTakes) {
    set(start_objective{0.99, 250ms});
    f.manual = true;
    for (int i = 0; i < 3; ++i) f.push("q");
    f.pass(300ms);
    EXPECT_EQ(counts(), (objective_counts{})) << "nobody could have started them";
    f.manual = false;
    f.settle();
    f.pass(5ms);
    for (int i = 0; i < 3; ++i) f.ack(f.fetch_one("q"));
    f.pass(1s);
    // What was at rest has no other time than that it was received.
    EXPECT_EQ(counts(), GetParam() ? (objective_counts{0, 3}) : (objective_counts{3, 0}));
}

TEST_P(Objective, IsSetWhileJobsAreNotYetDurable) {
    f.manual = true;
    f.push("q");
    auto config = f.core().config_of("q");
    config.start_latency = start_objective{0.99, 250ms};
    f.core().configure_queue("q", config, f.clock.now);
    f.manual = false;
    f.settle();
    f.ack(f.fetch_one("q"));
    f.pass(1s);
    EXPECT_EQ(counts(), (objective_counts{1, 0}));
}

TEST_P(Objective, AQueueNobodyTakesFromBurnsByItself) {
    set(start_objective{0.99, 250ms});
    for (int i = 0; i < 100; ++i) f.push("q");
    f.pass(200ms);
    EXPECT_EQ(counts(), (objective_counts{}));
    f.pass(100ms);
    EXPECT_EQ(counts(), (objective_counts{0, 100})) << "late, although none has started";
    EXPECT_EQ(told(), std::vector<std::string_view>{"slo.burning"});
    EXPECT_TRUE(status().burning);
    for (int i = 0; i < 100; ++i) f.ack(f.fetch_one("q"));
    EXPECT_EQ(counts(), (objective_counts{0, 100})) << "counted once";
    f.pass(6min);
    EXPECT_EQ(told(), (std::vector<std::string_view>{"slo.burning", "slo.recovered"}));
    EXPECT_FALSE(status().burning);
    EXPECT_FALSE(f.core().next_timer(f.clock.now)) << "an idle queue has no timer";
}

TEST_P(Objective, WithinItsObjectiveAQueueTellsNothing) {
    set(start_objective{0.9, 250ms});
    for (int i = 0; i < 300; ++i) {
        run(i % 20 == 10 ? 300ms : 10ms);
        f.pass(1s);
    }
    EXPECT_EQ(counts().bad, 15U);
    EXPECT_TRUE(told().empty());
}

TEST_P(Objective, APausedQueueIsLateToo) {
    set(start_objective{0.99, 250ms});
    f.core().pause_queue("q", true, f.clock.now);
    f.settle();
    f.push("q");
    f.pass(1s);
    EXPECT_EQ(counts(), (objective_counts{0, 1}));
}

TEST_P(Objective, AJobThatEndsBeforeItIsLateIsNotCounted) {
    set(start_objective{0.99, 250ms});
    const auto id = f.push("q");
    f.pass(100ms);
    f.make_resident(id);
    f.cancel(id);
    f.pass(10s);
    EXPECT_EQ(counts(), (objective_counts{}));
}

TEST_P(Objective, ARetryIsAWaitOfItsOwn) {
    set(start_objective{0.99, 250ms});
    f.push("q");
    f.nack(f.fetch_one("q"));
    f.pass(5s);
    EXPECT_EQ(counts(), (objective_counts{1, 1})) << "its back-off is over since long";
    f.fetch_one("q");
    EXPECT_EQ(counts(), (objective_counts{1, 1}));
}

TEST_P(Objective, IsThereAfterARestartAndCountsAnew) {
    set(start_objective{0.95, 250ms});
    for (int i = 0; i < 10; ++i) f.push("q");
    f.pass(100ms);
    f.fetch_one("q");
    EXPECT_EQ(counts().good, 1U);
    f.crash();
    EXPECT_EQ(status().objective, (start_objective{0.95, 250ms}));
    EXPECT_EQ(counts(), (objective_counts{}));
    f.pass(1s);
    EXPECT_EQ(counts(), (objective_counts{0, 9})) << "they wait on";
    EXPECT_EQ(told(), std::vector<std::string_view>{"slo.burning"});
}

TEST_P(Objective, SetWhileJobsWaitItCountsThemOnce) {
    for (int i = 0; i < 5; ++i) f.push("q");
    f.pass(10s);
    set(start_objective{0.99, 250ms});
    EXPECT_EQ(counts(), (objective_counts{}));
    f.fetch_one("q");
    EXPECT_EQ(counts(), (objective_counts{0, 1})) << "by how long it did wait";
    f.pass(1s);
    EXPECT_EQ(counts(), (objective_counts{0, 5}));
}

TEST_P(Objective, TakenAwayItIsForgottenAndTheAlarmWithIt) {
    set(start_objective{0.99, 250ms});
    f.push("q");
    f.pass(1s);
    EXPECT_EQ(told(), std::vector<std::string_view>{"slo.burning"});
    set(std::nullopt);
    EXPECT_EQ(told(), (std::vector<std::string_view>{"slo.burning", "slo.recovered"}));
    EXPECT_TRUE(f.core().objectives(f.clock.now).empty());
    f.crash();
    EXPECT_TRUE(f.core().objectives(f.clock.now).empty());
    f.pass(10min);
    EXPECT_EQ(told().size(), 0U);
}

TEST_P(Objective, AnotherSettingOfTheQueueLeavesItsCounts) {
    set(start_objective{0.99, 250ms});
    run(1s);
    auto config = f.core().config_of("q");
    config.concurrency = 5;
    f.core().configure_queue("q", config, f.clock.now);
    EXPECT_EQ(counts(), (objective_counts{0, 1}));
    set(start_objective{0.99, 500ms});
    EXPECT_EQ(counts(), (objective_counts{})) << "another objective counts anew";
}

TEST_P(Objective, WebhooksAreToldOfIt) {
    webhook_subscription wanted;
    wanted.url = "https://hooks.example/x";
    wanted.events = {"slo.*"};
    ASSERT_TRUE(f.core().add_webhook(wanted, f.clock.now));
    set(start_objective{0.99, 250ms});
    f.push("q");
    f.pass(1s);
    f.settle();
    fetch_request request;
    request.worker_id = "w";
    request.queues = {std::string(webhook_queue)};
    const auto made = f.fetch(request);
    ASSERT_EQ(made.size(), 1U);
    EXPECT_NE(made[0].spec->args.find("slo.burning"), std::string::npos);
    EXPECT_NE(made[0].spec->args.find("burn_rate"), std::string::npos);
}

/// Whatever happens to jobs, those that are tracked are those that wait.
TEST_P(Objective, NoJobIsLostFromCountOrKeptInIt) {
    set(start_objective{0.9, 2s});
    std::mt19937_64 random{5};
    std::vector<job_record> held;
    std::uint64_t made = 0;
    std::uint64_t runs = 0;
    std::uint64_t left = 0;
    for (int step = 0; step < 3000; ++step) {
        const auto what = random() % 8;
        if (what < 3) {
            f.push("q");
            ++made;
        } else if (what < 5) {
            for (auto& job : f.fetch("q", 1 + random() % 3)) {
                held.push_back(std::move(job));
                ++runs;
            }
        } else if (what == 5 && !held.empty()) {
            if (random() % 3 == 0) {
                nack_request back;
                back.release = true;
                f.nack(held.back(), back);
                ++made;  // it waits once more
            } else {
                f.ack(held.back());
            }
            held.pop_back();
        } else if (what == 6 && random() % 4 == 0) {
            const auto id = f.push("q");
            f.make_resident(id);
            f.cancel(id);
            ++made;
            ++left;
        } else {
            f.pass(std::chrono::milliseconds(random() % 400));
        }
    }
    f.pass(10s);
    const auto waiting = f.stats("q").jobs[static_cast<std::size_t>(job_state::available)];
    EXPECT_EQ(made, runs + left + waiting);
    const auto all = status().windows[static_cast<std::size_t>(objective_window::six_hours)];
    EXPECT_EQ(all.all(), runs + waiting) << "each wait is counted once";
    EXPECT_GT(all.good, 0U);
    EXPECT_GT(all.bad, 0U);
}

}  // namespace
}  // namespace sluice::test
