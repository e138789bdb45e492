#include "tests/contract/backend_contract.hpp"

namespace sluice::test {
namespace {

webhook_subscription to_everything() {
    webhook_subscription wanted;
    wanted.url = "https://example.com/";
    wanted.events = {"job.enqueued"};
    wanted.secret = "0123456789abcdef";
    return wanted;
}

const webhook_check anybody;

CONTRACT(SubscriptionsAreKeptChangedAndRemoved) {
    const auto none = co_await t.queue().webhooks();
    EXPECT_TRUE(none && none->empty());
    const auto first = co_await t.queue().add_webhook(to_everything());
    const auto second = co_await t.queue().add_webhook(to_everything());
    EXPECT_TRUE(first && second && first->id != second->id);
    if (!first || !second) co_return;
    co_await t.reopen();
    const auto all = co_await t.queue().webhooks();
    EXPECT_TRUE(all && all->size() == 2 && all->front() == *first);
    webhook_change change;
    change.active = false;
    const auto changed = co_await t.queue().change_webhook(first->id, change, anybody);
    EXPECT_TRUE(changed && !changed->active);
    const auto gone = co_await t.queue().remove_webhook(second->id, anybody);
    EXPECT_TRUE(gone && gone->id == second->id);
    co_await t.reopen();
    const auto kept = co_await t.queue().webhook(first->id);
    EXPECT_TRUE(kept && !kept->active && kept->secret == first->secret);
    const auto missing = co_await t.queue().webhook(second->id);
    EXPECT_EQ(code_of(missing), errc::not_found);
    const auto unchanged = co_await t.queue().change_webhook(second->id, change, anybody);
    EXPECT_EQ(code_of(unchanged), errc::not_found);
    const auto untested = co_await t.queue().test_webhook(second->id, anybody);
    EXPECT_EQ(code_of(untested), errc::not_found);
}

CONTRACT(AnEventAndItsDeliveryAreDurableTogether) {
    const auto subscription = co_await t.queue().add_webhook(to_everything());
    EXPECT_TRUE(subscription);
    co_await t.push(contract_job("q"));
    co_await t.reopen();
    auto given = co_await t.fetch(contract_fetch(std::string(webhook_queue)));
    EXPECT_EQ(given.size(), 1U);
    if (given.size() != 1) co_return;
    EXPECT_EQ(given.front().spec->type, webhook_job_type);
    EXPECT_NE(given.front().spec->args.find(subscription->id), std::string::npos);
}

CONTRACT(AWaitingWorkerGetsADelivery) {
    const auto subscription = co_await t.queue().add_webhook(to_everything());
    EXPECT_TRUE(subscription);
    auto waiting = t.start(t.fetch(contract_fetch(std::string(webhook_queue), 30s)));
    co_await t.yield();
    co_await t.push(contract_job("q"));
    const auto given = co_await waiting.answer();
    EXPECT_EQ(given.size(), 1U);
}

CONTRACT(ATestOfASubscriptionIsADelivery) {
    const auto subscription = co_await t.queue().add_webhook(to_everything());
    EXPECT_TRUE(subscription);
    if (!subscription) co_return;
    const auto made = co_await t.queue().test_webhook(subscription->id, anybody);
    EXPECT_TRUE(made);
    const auto given = co_await t.fetch(contract_fetch(std::string(webhook_queue)));
    EXPECT_EQ(given.size(), 1U);
    for (const auto& each : given) EXPECT_EQ(each.spec->id, made->spec->id);
}

}  // namespace
}  // namespace sluice::test
