#include "server/queue/event_log.hpp"
#include "server/queue/queue_table.hpp"
#include "server/queue/timer_set.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// -- timer_set

TEST(TimerSet, FiresInOrderOfTimeAndOnlyWhatIsDue) {
    timer_set timers;
    timers.add({30us, timer_kind::due, 3});
    timers.add({10us, timer_kind::lease, 1});
    timers.add({20us, timer_kind::worker, 2});
    EXPECT_EQ(timers.next(), 10us);
    EXPECT_FALSE(timers.pop_due(9us));
    EXPECT_EQ(timers.pop_due(25us)->key, 1);
    EXPECT_EQ(timers.pop_due(25us)->key, 2);
    EXPECT_FALSE(timers.pop_due(25us));
    EXPECT_EQ(timers.next(), 30us);
    EXPECT_EQ(timers.size(), 1U);
}

TEST(TimerSet, HoldsATimerOnceAndForgetsWhatIsRemoved) {
    timer_set timers;
    timers.add({10us, timer_kind::due, 1});
    timers.add({10us, timer_kind::due, 1});
    timers.add({10us, timer_kind::lease, 1});
    EXPECT_EQ(timers.size(), 2U);
    timers.remove({10us, timer_kind::due, 1});
    timers.remove({99us, timer_kind::due, 1});
    EXPECT_EQ(timers.pop_due(10us)->kind, timer_kind::lease);
    EXPECT_FALSE(timers.next());
}

// -- queue_table

void wait_in_line(queue_table& table, queue_state& queue, std::int64_t seq, bool handled = true) {
    static handler_group group;
    auto* known = queue_table::find_lane(queue, "t");
    auto& lane = known ? *known : queue_table::add_lane(queue, "t", handled ? &group : nullptr);
    lane.line.add({0, seq, seq});
    if (handled) ++queue.handled_ready;
    queue.relist(lane);
    table.update_turn(queue);
}

TEST(QueueTable, ListsTheHeadsOfItsLanesInOrder) {
    queue_table table;
    auto& queue = table.get("q");
    auto& a = queue_table::add_lane(queue, "a", nullptr);
    auto& b = queue_table::add_lane(queue, "b", nullptr);
    a.line.add({0, 2, 2});
    b.line.add({0, 1, 1});
    queue.relist(a);
    queue.relist(b);
    EXPECT_EQ(queue.heads.begin()->lane, &b);
    a.line.add({1, 3, 3});
    queue.relist(a);
    EXPECT_EQ(queue.heads.begin()->lane, &a);
    a.line.pop(a.line.front()->priority);
    queue.relist(a);
    EXPECT_EQ(queue.heads.begin()->lane, &b);
    b.line.pop(b.line.front()->priority);
    queue.relist(b);
    a.line.pop(a.line.front()->priority);
    queue.relist(a);
    EXPECT_TRUE(queue.heads.empty());
}

TEST(QueueTable, GivesEachQueueItsTurn) {
    queue_table table;
    auto& a = table.get("a");
    auto& b = table.get("b");
    wait_in_line(table, a, 1);
    wait_in_line(table, b, 2);
    wait_in_line(table, a, 3);
    EXPECT_EQ(table.turns().begin()->second, &a);
    table.end_turn(a);
    EXPECT_EQ(table.turns().begin()->second, &b);
    table.end_turn(b);
    EXPECT_EQ(table.turns().begin()->second, &a);
}

TEST(QueueTable, GivesNoTurnToPausedQueuesOwnPoolsAndUnhandledTypes) {
    queue_table table;
    auto& paused = table.get("paused");
    auto& own = table.get("own");
    paused.paused = true;
    own.own_pool = true;
    wait_in_line(table, paused, 1);
    wait_in_line(table, own, 2);
    wait_in_line(table, table.get("other"), 3, false);
    EXPECT_TRUE(table.turns().empty());
    paused.paused = false;
    table.update_turn(paused);
    EXPECT_EQ(table.turns().size(), 1U);
    paused.handled_ready = 0;
    table.update_turn(paused);
    EXPECT_TRUE(table.turns().empty());
}

TEST(QueueTable, ForgetsANameThatWasOnlyAskedFor) {
    queue_table table;
    table.get("asked").takers.insert(1);
    table.forget_if_unused(table.get("asked"), 8);
    EXPECT_TRUE(table.find("asked"));
    table.get("asked").takers.clear();
    auto& lane = queue_table::add_lane(table.get("asked"), "t", nullptr);
    lane.takers.insert(2);
    EXPECT_FALSE(queue_table::unused(lane));
    table.forget_if_unused(table.get("asked"), 8);
    EXPECT_EQ(table.get("asked").lanes.size(), 1U);
    lane.takers.clear();
    EXPECT_TRUE(queue_table::unused(lane));
    table.forget(lane);
    table.forget_if_unused(table.get("asked"), 8);
    EXPECT_FALSE(table.find("asked"));
}

TEST(QueueTable, KeepsTheLatestOfThoseThatHadJobs) {
    queue_table table;
    for (const auto* name : {"a", "b", "c"}) {
        table.get(name).known = true;
        table.forget_if_unused(table.get(name), 2);
    }
    EXPECT_FALSE(table.find("a"));
    EXPECT_TRUE(table.find("b"));
    table.get("b").jobs[static_cast<std::size_t>(job_state::scheduled)] = 1;  // idle no more
    table.get("d").known = true;
    table.forget_if_unused(table.get("d"), 1);
    EXPECT_FALSE(table.find("c"));
    EXPECT_TRUE(table.find("b"));
    EXPECT_TRUE(table.find("d"));
}

// -- event_log

void log_event(event_log& log, std::uint64_t batch, std::string_view type = "job.enqueued",
               std::string queue = "q") {
    logged_event event;
    event.batch = batch;
    event.type = type;
    event.queue = std::make_shared<const std::string>(std::move(queue));
    event.job_type = std::make_shared<const std::string>("t");
    log.add(std::move(event));
}

void publish(event_log& log, std::uint64_t batch) {
    log.publish(batch, [](logged_event&) {});
}

event_query after(std::uint64_t id, std::size_t limit = 100) {
    event_query query;
    query.after = id;
    query.limit = limit;
    return query;
}

TEST(EventLog, ShowsAnEventOnceItsBatchIsDurable) {
    event_log log(10);
    log_event(log, 1);
    log_event(log, 2);
    EXPECT_TRUE(log.query({}).events.empty());
    publish(log, 1);
    EXPECT_EQ(log.query({}).events.size(), 1U);
    publish(log, 2);
    EXPECT_EQ(log.query({}).events.size(), 2U);
    EXPECT_EQ(log.query({}).last_id, 2U);
}

TEST(EventLog, ContinuesAfterAnId) {
    event_log log(10);
    for (int i = 0; i < 5; ++i) log_event(log, 1);
    publish(log, 1);
    const auto first = log.query(after(0, 2));
    ASSERT_EQ(first.events.size(), 2U);
    EXPECT_EQ(first.last_id, 2U);
    const auto rest = log.query(after(first.last_id));
    ASSERT_EQ(rest.events.size(), 3U);
    EXPECT_EQ(rest.events[0].id, 3U);
    EXPECT_TRUE(log.query(after(5)).events.empty());
    EXPECT_FALSE(log.query(after(5)).gap);
}

TEST(EventLog, GivesTheLatestWhenNothingIsContinued) {
    event_log log(10);
    for (int i = 0; i < 5; ++i) log_event(log, 1);
    publish(log, 1);
    event_query query;
    query.limit = 2;
    const auto page = log.query(query);
    ASSERT_EQ(page.events.size(), 2U);
    EXPECT_EQ(page.events[0].id, 4U);
    EXPECT_EQ(page.events[1].id, 5U);
}

TEST(EventLog, TellsWhenEventsWereDropped) {
    event_log log(3);
    for (int i = 0; i < 5; ++i) log_event(log, 1);
    publish(log, 1);
    EXPECT_TRUE(log.query(after(0)).gap);
    EXPECT_TRUE(log.query(after(1)).gap);
    EXPECT_FALSE(log.query(after(2)).gap);
    EXPECT_EQ(log.query(after(0)).events.size(), 3U);
}

TEST(EventLog, KeepsOrderWhateverWaits) {
    event_log log(300);
    std::uint64_t added = 0;
    for (std::uint64_t batch = 1; batch <= 40; ++batch) {
        for (std::uint64_t i = 0; i < 50 * (batch % 13); ++i, ++added) log_event(log, batch);
        if (batch % 3 == 0) publish(log, batch - 1);  // up to 1,200 wait for their batch
    }
    publish(log, 40);
    const auto page = log.query(after(added - 300, 1000));
    EXPECT_FALSE(page.gap);
    ASSERT_EQ(page.events.size(), 300U);
    for (std::size_t i = 0; i < 300; ++i) ASSERT_EQ(page.events[i].id, added - 299 + i);
    EXPECT_TRUE(log.query(after(added - 301)).gap);
}

TEST(EventLog, SurvivesIdsThatNeverWere) {
    event_log log(3);
    EXPECT_FALSE(log.query(after(0)).gap);
    log_event(log, 1);
    publish(log, 1);
    for (const auto id : {std::uint64_t{7}, ~std::uint64_t{0}}) {
        const auto page = log.query(after(id));
        EXPECT_TRUE(page.events.empty());
        EXPECT_FALSE(page.gap);
        EXPECT_EQ(page.last_id, 1U);
    }
}

TEST(EventLog, IsNarrowedByTypeAndQueue) {
    event_log log(10);
    log_event(log, 1, "job.enqueued", "a");
    log_event(log, 1, "job.started", "a");
    log_event(log, 1, "job.enqueued", "b");
    publish(log, 1);
    auto query = after(0);
    query.types = {"job.enqueued"};
    EXPECT_EQ(log.query(query).events.size(), 2U);
    query.queues = {"b", "c"};
    ASSERT_EQ(log.query(query).events.size(), 1U);
    EXPECT_EQ(log.query(query).events[0].job.spec->queue, "b");
    EXPECT_EQ(log.query(query).last_id, 3U);
}

}  // namespace
}  // namespace sluice::test
