#include "tests/contract/backend_contract.hpp"

#include <algorithm>

namespace sluice::test {
namespace {

cron_definition every_second(std::string name, std::string queue) {
    cron_definition made;
    made.name = std::move(name);
    made.expression = "* * * * * *";
    made.job = R"({"type":"work","args":[],"options":{"queue":")" + queue + R"("}})";
    return made;
}

CONTRACT(APausedQueueHandsOutNothing) {
    const auto job = co_await t.push(contract_job("q"));
    const auto paused = co_await t.queue().pause_queue("q", true);
    EXPECT_TRUE(paused && paused->paused && paused->name == "q");
    const auto none = co_await t.fetch(contract_fetch("q"));
    EXPECT_TRUE(none.empty());
    co_await t.push(contract_job("q"));
    co_await t.reopen();
    const auto still_none = co_await t.fetch(contract_fetch("q"));
    EXPECT_TRUE(still_none.empty());
    auto waiting = t.start(t.fetch(contract_fetch("q", 10s)));
    co_await t.yield();
    const auto resumed = co_await t.queue().pause_queue("q", false);
    EXPECT_TRUE(resumed && !resumed->paused);
    const auto given = co_await waiting.answer();
    EXPECT_EQ(given.size(), 1U);
    for (const auto& each : given) EXPECT_EQ(each.spec->id, job.spec->id);
}

CONTRACT(APauseMakesAQueueKnown) {
    const auto paused = co_await t.queue().pause_queue("quiet", true);
    EXPECT_TRUE(paused);
    const auto queues = co_await t.queue().queues();
    EXPECT_TRUE(queues && queues->size() == 1 && queues->front().paused);
}

CONTRACT(ACronJobMakesJobs) {
    const auto made = co_await t.queue().set_cron(every_second("tick", "q"));
    EXPECT_TRUE(made && made->created);
    const auto held = co_await t.fetch(contract_fetch("q", 10s));
    EXPECT_EQ(held.size(), 1U);
    const auto cron = co_await t.queue().cron("tick");
    EXPECT_TRUE(cron);
    if (!cron || held.empty()) co_return;
    EXPECT_GE(cron->run_count, 1U);
    EXPECT_TRUE(cron->last_run_at);
    EXPECT_NE(held[0].spec->meta.find(R"("cron_name":"tick")"), std::string::npos);
}

CONTRACT(ACronJobOutlivesARestart) {
    auto definition = every_second("tick", "q");
    definition.expression = "0 9 1 1 *";
    definition.timezone = "Europe/Berlin";
    const auto made = co_await t.queue().set_cron(definition);
    EXPECT_TRUE(made);
    co_await t.reopen();
    const auto all = co_await t.queue().crons();
    EXPECT_TRUE(all && all->size() == 1);
    if (!made || !all || all->size() != 1) co_return;
    EXPECT_EQ(all->front(), made->cron);
}

CONTRACT(ACronJobIsChangedSwitchedAndRemoved) {
    auto definition = every_second("a", "q");
    definition.expression = "@yearly";
    co_await t.queue().set_cron(definition);
    definition.description = "again";
    const auto again = co_await t.queue().set_cron(definition);
    EXPECT_TRUE(again && !again->created && again->cron.definition.description == "again");
    const auto off = co_await t.queue().enable_cron("a", false);
    EXPECT_TRUE(off && !off->next_run_at && !off->definition.enabled);
    co_await t.reopen();
    const auto on = co_await t.queue().enable_cron("a", true);
    EXPECT_TRUE(on && on->next_run_at);
    const auto times = co_await t.queue().preview_cron("a", 3);
    EXPECT_TRUE(times && times->size() == 3);
    const auto gone = co_await t.queue().remove_cron("a");
    EXPECT_TRUE(gone);
    for (const bool later : {false, true}) {
        if (later) co_await t.reopen();
        const auto none = co_await t.queue().crons();
        EXPECT_TRUE(none && none->empty());
        const auto unknown = co_await t.queue().cron("a");
        EXPECT_EQ(code_of(unknown), errc::not_found);
    }
    const auto twice = co_await t.queue().remove_cron("a");
    EXPECT_EQ(code_of(twice), errc::not_found);
    const auto unknown = co_await t.queue().enable_cron("a", true);
    EXPECT_EQ(code_of(unknown), errc::not_found);
    const auto unseen = co_await t.queue().preview_cron("a", 3);
    EXPECT_EQ(code_of(unseen), errc::not_found);
}

CONTRACT(ACronJobThatCanNeverFireIsRefused) {
    auto definition = every_second("never", "q");
    definition.expression = "0 0 30 2 *";
    const auto refused = co_await t.queue().set_cron(definition);
    EXPECT_EQ(code_of(refused), errc::invalid_request);
    definition.expression = "@daily";
    definition.timezone = "Nowhere/Land";
    const auto also = co_await t.queue().set_cron(definition);
    EXPECT_EQ(code_of(also), errc::invalid_request);
}

}  // namespace
}  // namespace sluice::test
