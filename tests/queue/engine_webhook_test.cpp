#include "proto/json_text.hpp"
#include "tests/support/engine_fixture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

class Webhooks : public testing::Test {
protected:
    explicit Webhooks(engine_config config = {}) : f(std::move(config)) {}

    std::string subscribe(std::vector<std::string> events, std::vector<std::string> queues = {}) {
        webhook_subscription wanted;
        wanted.url = "https://example.com/";
        wanted.events = std::move(events);
        wanted.queues = std::move(queues);
        wanted.secret = "0123456789abcdef";
        const auto added = f.core().add_webhook(std::move(wanted), f.clock.now);
        EXPECT_TRUE(added);
        f.settle();
        return added->id;
    }
    /// Takes all deliveries that wait: "subscription type" each.
    std::vector<job_record> deliveries() {
        fetch_request request;
        request.worker_id = in_server_worker_id;
        request.queues = {std::string(webhook_queue)};
        request.count = 100;
        return f.fetch(std::move(request));
    }
    std::vector<std::string> types() {
        std::vector<std::string> found;
        for (const auto& each : deliveries()) {
            const auto at = each.spec->args.find(R"("type":")") + 8;
            found.push_back(each.spec->args.substr(at, each.spec->args.find('"', at) - at));
        }
        return found;
    }

    engine_fixture f;
};

class FewWebhooks : public Webhooks {
protected:
    static engine_config few() {
        engine_config config;
        config.webhook_backlog_max = 8;
        return config;
    }
    FewWebhooks() : Webhooks(few()) {}
};

TEST_F(Webhooks, EachEventThatIsWantedBecomesAJob) {
    const auto id = subscribe({"job.enqueued", "job.completed"});
    const auto job = f.push("q");
    f.ack(f.fetch_one("q"), R"({"a":1})");
    const auto made = deliveries();
    ASSERT_EQ(made.size(), 2U);
    EXPECT_EQ(made[0].spec->type, webhook_job_type);
    EXPECT_EQ(made[0].spec->retry.max_attempts, 8U);
    EXPECT_EQ(made[0].spec->retry.on_exhaustion, exhaustion::dead_letter);
    EXPECT_NE(made[0].spec->args.find(id), std::string::npos);
    EXPECT_NE(made[0].spec->args.find("job.enqueued"), std::string::npos);
    EXPECT_NE(made[1].spec->args.find(to_string(job)), std::string::npos);
    EXPECT_NE(made[1].spec->args.find(R"("result":{"a":1})"), std::string::npos);
    EXPECT_FALSE(check_json(made[1].spec->args, 64)) << made[1].spec->args;
}

TEST_F(Webhooks, TheEventIsTheOneThatIsListed) {
    subscribe({"job.enqueued"});
    f.push("q");
    const auto made = deliveries();
    ASSERT_EQ(made.size(), 1U);
    event_query wanted;
    wanted.types = {"job.enqueued"};
    wanted.queues = {"q"};
    const auto listed = f.core().events().query(wanted);
    ASSERT_EQ(listed.events.size(), 1U);
    const auto seq = "\"seq\":" + std::to_string(listed.events[0].id) + ",";
    EXPECT_NE(made[0].spec->args.find(seq), std::string::npos) << made[0].spec->args;
}

TEST_F(Webhooks, AJobAndItsDeliveryAreStoredTogether) {
    subscribe({"job.enqueued"});
    f.manual = true;
    f.push("q");
    f.crash();
    EXPECT_TRUE(deliveries().empty()) << "nothing was committed";
    f.manual = true;
    f.push("q");
    ASSERT_TRUE(f.commit());  // one batch
    f.lose_power();
    f.manual = false;
    EXPECT_EQ(deliveries().size(), 1U);
    EXPECT_EQ(f.fetch("q").size(), 1U);
}

TEST_F(Webhooks, ASubscriptionOutlivesTheProcess) {
    const auto id = subscribe({"job.enqueued"});
    f.lose_power();
    const auto kept = f.core().webhook(id);
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->secret, "0123456789abcdef");
    f.push("q");
    EXPECT_EQ(types(), std::vector<std::string>{"job.enqueued"});
}

TEST_F(Webhooks, NothingIsDeliveredOfDeliveries) {
    subscribe({"*"});
    f.push("q");
    auto made = deliveries();
    ASSERT_EQ(made.size(), 1U);
    f.ack(made[0]);
    EXPECT_TRUE(deliveries().empty());
    made.clear();
    f.ack(f.fetch_one("q"));
    EXPECT_EQ(types(), (std::vector<std::string>{"job.started", "job.completed"}));
}

TEST_F(Webhooks, WhatItDoesNotWantIsNotDelivered) {
    subscribe({"job.*"}, {"other"});
    subscribe({"job.completed"});
    f.push("q");
    EXPECT_TRUE(deliveries().empty());
    f.push("other");
    EXPECT_EQ(types(), std::vector<std::string>{"job.enqueued"});
}

TEST_F(Webhooks, OneThatIsInactiveOrGoneGetsNothing) {
    const auto id = subscribe({"*"});
    webhook_change change;
    change.active = false;
    ASSERT_TRUE(f.core().change_webhook(id, change, f.clock.now));
    f.push("q");
    EXPECT_TRUE(deliveries().empty());
    change.active = true;
    ASSERT_TRUE(f.core().change_webhook(id, change, f.clock.now));
    f.push("q");
    EXPECT_EQ(deliveries().size(), 1U);
    ASSERT_TRUE(f.core().remove_webhook(id));
    f.settle();
    f.push("q");
    EXPECT_TRUE(deliveries().empty());
    f.lose_power();
    EXPECT_TRUE(f.core().webhooks().empty());
    EXPECT_FALSE(f.core().webhook(id));
    EXPECT_FALSE(f.core().change_webhook(id, {}, f.clock.now));
    EXPECT_FALSE(f.core().remove_webhook(id));
}

TEST_F(Webhooks, EventsWithoutAJobAreDeliveredToo) {
    f.core().configure_queue("q", {.bound = {.max_depth = 1}}, f.clock.now);
    f.settle();
    subscribe({"backpressure.*"});
    f.push("q");
    push_request request;
    request.jobs.push_back(make_spec("q"));
    EXPECT_FALSE(f.try_push(std::move(request)));
    f.settle();
    EXPECT_EQ(types(), (std::vector<std::string>{"backpressure.warning", "backpressure.rejected"}));
}

TEST_F(Webhooks, AWaitingWorkerGetsADeliveryAtOnce) {
    subscribe({"job.enqueued"});
    fetch_request request;
    request.worker_id = in_server_worker_id;
    request.queues = {std::string(webhook_queue)};
    request.wait = 30s;
    const auto waiting = f.park(std::move(request));
    f.push("q");
    const auto given = f.answer_to(waiting);
    ASSERT_TRUE(given);
    EXPECT_EQ(given->size(), 1U);
}

TEST_F(Webhooks, OneSubscriptionHasEightAtATime) {
    subscribe({"job.enqueued"});
    f.push_many("q", 10);
    EXPECT_EQ(deliveries().size(), 8U);
    subscribe({"job.enqueued"});
    f.push_many("q", 1);
    EXPECT_EQ(deliveries().size(), 1U) << "another one is not held up by it";
}

TEST_F(FewWebhooks, BeyondTheBacklogTheyAreCounted) {
    subscribe({"job.enqueued"});
    f.push_many("q", 7);
    EXPECT_EQ(f.core().stats(f.clock.now).webhooks_left_out, 3U);
    auto made = deliveries();
    ASSERT_EQ(made.size(), 4U) << "what it leaves is for others";
    f.ack(made[0]);
    f.push("q");
    EXPECT_EQ(deliveries().size(), 1U);
    EXPECT_EQ(f.core().stats(f.clock.now).webhooks_left_out, 3U);
}

TEST_F(FewWebhooks, OneThatTakesNothingLeavesRoomForOthers) {
    subscribe({"job.enqueued"}, {"q"});
    f.push_many("q", 9);
    subscribe({"job.enqueued"}, {"other"});
    f.push_many("other", 1);
    f.crash();
    f.push_many("other", 4);
    EXPECT_EQ(f.core().stats(f.clock.now).webhooks_left_out, 3U) << "counted again after a restart";
    std::size_t made = 0;
    for (auto some = deliveries(); !some.empty(); some = deliveries()) made += some.size();
    EXPECT_EQ(made, 4U + 2U);
}

TEST_F(FewWebhooks, KeepSoManyDeadLettersAndNoMore) {
    subscribe({"job.enqueued"});
    std::vector<uuid> ids;
    for (int i = 0; i < 10; ++i) {
        f.push("q");
        for (const auto& each : deliveries()) {
            ids.push_back(each.spec->id);
            nack_request refused;
            refused.job_id = each.spec->id;
            refused.lease = each.lease;
            refused.worker_id = in_server_worker_id;
            refused.retryable = false;
            refused.end = exhaustion::dead_letter;
            ASSERT_TRUE(f.core().nack(refused, f.clock.now));
            f.settle();
        }
    }
    ASSERT_EQ(ids.size(), 10U);
    EXPECT_TRUE(f.job(ids[7]).dead_letter);
    EXPECT_FALSE(f.job(ids[8]).dead_letter);
    EXPECT_EQ(f.job(ids[8]).state, job_state::discarded);
}

TEST_F(Webhooks, AreChangedOnlyAsTheyWereSeen) {
    const auto id = subscribe({"*"});
    const auto refuse = [](const webhook_subscription&) { return error(errc::conflict); };
    webhook_change change;
    change.active = false;
    EXPECT_EQ(f.core().change_webhook(id, change, f.clock.now, refuse).error().code,
              errc::conflict);
    EXPECT_FALSE(f.core().remove_webhook(id, refuse));
    EXPECT_FALSE(f.core().test_webhook(id, f.clock.now, refuse));
    EXPECT_TRUE(f.core().webhook(id)->active);
}

TEST_F(Webhooks, ANearlyFullDiskIsForJobs) {
    subscribe({"job.completed"});
    f.push("q");
    const auto held = f.fetch_one("q");
    f.core().set_disk_low(true);
    EXPECT_TRUE(f.ack(held));
    f.core().set_disk_low(false);
    EXPECT_TRUE(deliveries().empty());
    EXPECT_EQ(f.core().stats(f.clock.now).webhooks_left_out, 1U);
}

TEST_F(Webhooks, ALargeResultIsLeftOut) {
    subscribe({"job.completed"});
    f.push("q");
    f.ack(f.fetch_one("q"), '"' + std::string(20'000, 'x') + '"');
    const auto made = deliveries();
    ASSERT_EQ(made.size(), 1U);
    EXPECT_LT(made[0].spec->args.size(), 4096U);
    EXPECT_NE(made[0].spec->args.find(R"("result_omitted":true)"), std::string::npos);
}

TEST_F(Webhooks, ATestIsTriedOnce) {
    const auto id = subscribe({"job.failed", "job.enqueued"});
    f.push("q");
    const auto made = f.core().test_webhook(id, f.clock.now);
    ASSERT_TRUE(made);
    f.settle();
    const auto given = deliveries();
    ASSERT_EQ(given.size(), 2U) << "it goes first: somebody waits";
    EXPECT_EQ(given[0].spec->id, made->spec->id);
    EXPECT_NE(given[0].spec->args.find(R"("type":"webhook.test")"), std::string::npos);
    ASSERT_TRUE(f.nack(given[0]));
    EXPECT_EQ(f.job(made->spec->id).state, job_state::discarded);
    EXPECT_FALSE(f.job(made->spec->id).dead_letter);
    EXPECT_FALSE(f.core().test_webhook("sub_x", f.clock.now));
}

TEST_F(Webhooks, ThereMayBeSoManyOfThem) {
    for (std::size_t i = 0; i < limits::webhooks_max; ++i) subscribe({"job.failed"});
    const auto refused = f.core().add_webhook({}, f.clock.now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::validation_failed);
}

TEST_F(Webhooks, AResetForgetsThem) {
    subscribe({"*"});
    f.core().reset(f.clock.now);
    f.settle();
    EXPECT_TRUE(f.core().webhooks().empty());
    f.push("q");
    EXPECT_TRUE(deliveries().empty());
    f.crash();
    EXPECT_TRUE(f.core().webhooks().empty());
}

}  // namespace
}  // namespace sluice::test
