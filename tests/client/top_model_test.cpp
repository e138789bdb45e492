#include "client/cli/top/top_model.hpp"

#include <gtest/gtest.h>

namespace sluice::cli {
namespace {

using namespace std::chrono_literals;
using clock = top_model::clock;

const clock::time_point start{1000s};
const timestamp wall{500'000s};

/// A server whose clock reads `wall` at `start`.
struct model_fixture {
    top_model model{queue_filter{}, start};

    client::event_info event(std::string type, std::string job, std::string state,
                             std::chrono::microseconds at, std::string queue = "mail") {
        client::event_info e;
        e.type = "job." + std::move(type);
        e.job_id = std::move(job);
        e.state = std::move(state);
        e.queue = std::move(queue);
        e.time = wall + at;
        return e;
    }
    void enqueue(std::string job, std::chrono::microseconds at, std::string queue = "mail") {
        auto e = event("enqueued", std::move(job), "available", at, std::move(queue));
        e.times.durable_at = wall + at;
        model.add(e, start + at);
    }
    void run(std::string job, std::chrono::microseconds due, std::chrono::microseconds from,
             std::string worker = "w") {
        auto e = event("started", std::move(job), "active", from);
        e.worker_id = std::move(worker);
        e.times.durable_at = wall + due;
        e.times.started_at = wall + from;
        model.add(e, start + from);
    }
    void end(std::string type, std::string job, std::chrono::microseconds from,
             std::chrono::microseconds to, std::string worker = "w") {
        auto e = event(type, std::move(job), type == "failed" ? "retryable" : type, to);
        e.worker_id = std::move(worker);
        e.times.started_at = wall + from;
        e.times.finished_at = wall + to;
        model.add(e, start + to);
    }
    static client::queue_info queue(std::string name, std::uint64_t available,
                                    std::uint64_t active = 0) {
        client::queue_info q;
        q.name = std::move(name);
        q.jobs = {{"available", available}, {"active", active}, {"scheduled", 3}, {"retryable", 4}};
        return q;
    }
};

TEST(TopModel, GivesRatesOfTheIntervalAlone) {
    model_fixture f;
    f.model.list({f.queue("mail", 1)}, start);
    for (int i = 0; i < 6; ++i) f.enqueue(std::to_string(i), i * 100ms);
    for (int i = 0; i < 4; ++i) f.run(std::to_string(i), i * 100ms, 1s);
    for (int i = 0; i < 2; ++i) f.end("completed", std::to_string(i), 1s, 1500ms);
    f.end("failed", "2", 1s, 1500ms);
    const auto seen = f.model.take(start + 2s, top_order::name);
    ASSERT_EQ(seen.queues.size(), 1U);
    const auto& row = seen.queues[0];
    EXPECT_EQ(seen.length, 2s);
    EXPECT_DOUBLE_EQ(seen.rate(row.in), 3);
    EXPECT_DOUBLE_EQ(seen.rate(row.started), 2);
    EXPECT_DOUBLE_EQ(seen.rate(row.finished), 1.5);
    EXPECT_DOUBLE_EQ(seen.rate(row.failed), 0.5);
    EXPECT_FALSE(seen.gap);
    const auto quiet = f.model.take(start + 3s, top_order::name);
    ASSERT_EQ(quiet.queues.size(), 1U);
    EXPECT_EQ(quiet.length, 1s);
    EXPECT_EQ(quiet.queues[0].in + quiet.queues[0].started + quiet.queues[0].finished, 0U);
    EXPECT_TRUE(quiet.queues[0].waiting.empty());
}

TEST(TopModel, GivesQuantilesOfTheIntervalAlone) {
    model_fixture f;
    for (int i = 1; i <= 100; ++i) {
        f.run(std::to_string(i), 0s, i * 10ms);
        f.end("completed", std::to_string(i), i * 10ms, i * 11ms);
    }
    const auto seen = f.model.take(start + 2s, top_order::name);
    const auto& row = seen.queues.at(0);
    EXPECT_NEAR(static_cast<double>(row.waiting.quantile(0.5).count()), 500e6, 5e6);
    EXPECT_NEAR(static_cast<double>(row.waiting.quantile(0.99).count()), 990e6, 5e6);
    EXPECT_NEAR(static_cast<double>(row.running.quantile(0.5).count()), 50e6, 1e6);
    EXPECT_NEAR(static_cast<double>(seen.all.running.quantile(0.99).count()), 99e6, 1e6);
    f.run("late", 2s, 2005ms);
    const auto next = f.model.take(start + 3s, top_order::name);
    EXPECT_EQ(next.queues.at(0).waiting.count(), 1U);
    EXPECT_EQ(next.queues.at(0).waiting.max(), 5ms);
}

TEST(TopModel, TakesTheBacklogFromTheLatestListing) {
    model_fixture f;
    f.model.list({f.queue("mail", 5, 2), f.queue("bulk", 7)}, start);
    f.model.list({f.queue("mail", 6, 1), f.queue("bulk", 7)}, start + 1s);
    const auto seen = f.model.take(start + 1s, top_order::name);
    ASSERT_EQ(seen.queues.size(), 2U);
    const auto& mail = seen.queues[1];
    EXPECT_EQ(mail.name, "mail");
    EXPECT_EQ(mail.available, 6U);
    EXPECT_EQ(mail.scheduled, 3U);
    EXPECT_EQ(mail.retryable, 4U);
    EXPECT_EQ(mail.active, 1U);
    EXPECT_EQ(seen.all.available, 13U);
    EXPECT_EQ(seen.all.backlog(), 27U);
}

TEST(TopModel, TellsOfAQueueThatGoesAwayAsLongAsSomethingHappensInIt) {
    model_fixture f;
    f.model.list({f.queue("mail", 5), f.queue("bulk", 1)}, start);
    f.model.take(start + 1s, top_order::name);
    f.enqueue("a", 1500ms);
    f.model.list({f.queue("bulk", 1)}, start + 2s);
    const auto stirred = f.model.take(start + 2s, top_order::name);
    ASSERT_EQ(stirred.queues.size(), 2U);
    EXPECT_EQ(stirred.queues[1].name, "mail");
    EXPECT_EQ(stirred.queues[1].available, 0U);
    EXPECT_EQ(stirred.queues[1].in, 1U);
    f.model.list({f.queue("bulk", 1)}, start + 3s);
    const auto gone = f.model.take(start + 3s, top_order::name);
    ASSERT_EQ(gone.queues.size(), 1U);
    EXPECT_EQ(gone.queues[0].name, "bulk");
}

TEST(TopModel, SaysAGapOnceAndForgetsWhatItThoughtItKnew) {
    model_fixture f;
    f.enqueue("a", 0s);
    f.run("b", 0s, 0s, "w1");
    f.model.list({f.queue("mail", 1)}, start);
    EXPECT_FALSE(f.model.take(start + 10s, top_order::name).gap);
    f.model.gap();
    f.model.list({f.queue("mail", 1)}, start + 11s);
    const auto seen = f.model.take(start + 12s, top_order::name);
    EXPECT_TRUE(seen.gap);
    ASSERT_TRUE(seen.queues.at(0).oldest);
    EXPECT_TRUE(seen.queues[0].oldest->at_least);
    EXPECT_EQ(seen.queues[0].oldest->time, 1s);
    const auto next = f.model.take(start + 13s, top_order::name);
    EXPECT_FALSE(next.gap);
    EXPECT_EQ(next.queues.at(0).workers, 0U);
}

TEST(TopModel, KnowsHowLongTheOldestJobHasWaited) {
    model_fixture f;
    f.enqueue("a", 0s);
    f.enqueue("b", 2s);
    EXPECT_EQ(f.model.take(start + 5s, top_order::name).all.oldest->time, 5s);
    f.run("a", 0s, 6s);
    auto back = f.event("interrupted", "a", "available", 7s);
    f.model.list({f.queue("mail", 1)}, start + 6s);
    const auto seen = f.model.take(start + 6s, top_order::name);
    ASSERT_TRUE(seen.queues.at(0).oldest);
    EXPECT_EQ(seen.queues[0].oldest->time, 4s);
    EXPECT_FALSE(seen.queues[0].oldest->at_least);
    f.model.add(back, start + 7s);
    f.run("b", 2s, 8s);
    EXPECT_EQ(f.model.take(start + 9s, top_order::name).all.oldest->time, 2s);
}

TEST(TopModel, CountsWorkersThatRanAJobInTheInterval) {
    model_fixture f;
    f.model.list({f.queue("mail", 0)}, start);
    f.run("a", 0s, 1s, "w1");
    f.run("b", 0s, 1s, "w1");
    f.run("c", 0s, 1s, "w2");
    f.end("completed", "before", 0s, 1s, "w3");
    EXPECT_EQ(f.model.take(start + 2s, top_order::name).all.workers, 3U);
    f.end("completed", "a", 1s, 3s, "w1");
    f.end("failed", "c", 1s, 3s, "w2");
    EXPECT_EQ(f.model.take(start + 4s, top_order::name).queues.at(0).workers, 2U);
    EXPECT_EQ(f.model.take(start + 5s, top_order::name).queues.at(0).workers, 1U);
    f.end("cancelled", "b", 1s, 6s, "w1");
    EXPECT_EQ(f.model.take(start + 7s, top_order::name).queues.at(0).workers, 1U);
    EXPECT_EQ(f.model.take(start + 8s, top_order::name).queues.at(0).workers, 0U);
}

TEST(TopModel, SortsAsAskedAndByNameAmongEquals) {
    model_fixture f;
    auto idle = f.queue("idle", 0);
    idle.jobs.clear();
    f.model.list({f.queue("b", 1), f.queue("a", 1), f.queue("deep", 90), idle}, start);
    f.enqueue("1", 0s, "busy");
    f.enqueue("2", 5s, "busy");
    f.enqueue("3", 4s, "a");
    const auto order = [&](top_order by) {
        auto copy = f.model;
        std::string names;
        for (const auto& row : copy.take(start + 10s, by).queues) names += row.name + " ";
        return names;
    };
    EXPECT_EQ(order(top_order::name), "a b busy deep idle ");
    EXPECT_EQ(order(top_order::backlog), "deep a b busy idle ");
    EXPECT_EQ(order(top_order::rate), "busy a b deep idle ");
    // Those that were there before have waited since the listing at least.
    EXPECT_EQ(order(top_order::waiting), "deep a b busy idle ");
}

TEST(TopModel, LooksAtTheQueuesThatAreMeant) {
    top_model model{queue_filter{{"mail*", "bulk"}}, start};
    model_fixture f;
    model.list({f.queue("mail", 1), f.queue("mail.eu", 1), f.queue("bulky", 1)}, start);
    model.add(f.event("enqueued", "x", "available", 0s, "other"), start);
    model.add(f.event("enqueued", "y", "available", 0s, "bulk"), start);
    const auto seen = model.take(start + 1s, top_order::name);
    ASSERT_EQ(seen.queues.size(), 3U);
    EXPECT_EQ(seen.queues[0].name, "bulk");
    EXPECT_EQ(seen.all.in, 1U);
}

TEST(QueueFilter, TakesStarsForAnyText) {
    EXPECT_TRUE(queue_filter{}.fits("anything"));
    EXPECT_TRUE(queue_filter{{"*"}}.fits(""));
    EXPECT_TRUE(queue_filter{{"a*c*e"}}.fits("abcde"));
    EXPECT_TRUE(queue_filter{{"a*c*e"}}.fits("acce"));
    EXPECT_FALSE(queue_filter{{"a*c*e"}}.fits("abcd"));
    EXPECT_FALSE(queue_filter{{"a"}}.fits("ab"));
    EXPECT_FALSE(queue_filter{{"ab"}}.fits("a"));
    EXPECT_TRUE((queue_filter{{"x", "a**"}}.fits("a")));
    EXPECT_EQ((queue_filter{{"x", "y"}}.names()), (std::vector<std::string>{"x", "y"}));
    EXPECT_TRUE((queue_filter{{"x", "y*"}}.names().empty()));
}

}  // namespace
}  // namespace sluice::cli
