#include "tests/contract/backend_contract.hpp"

#include <algorithm>

namespace sluice::test {
namespace {

const job_query all_jobs;
const event_query all_events;

asio::awaitable<uuid> dead_letter(backend_contract& t, std::string_view queue) {
    auto spec = contract_job(std::string(queue));
    spec.retry.max_attempts = 1;
    spec.retry.on_exhaustion = exhaustion::dead_letter;
    const auto pushed = co_await t.push(spec);
    const auto held = co_await t.fetch_one(queue);
    const auto answer = co_await t.queue().nack(t.nack_of(held));
    EXPECT_TRUE(answer);
    co_return pushed.spec->id;
}

std::vector<uuid> ids_of(const std::vector<job_record>& jobs) {
    std::vector<uuid> ids;
    for (const auto& job : jobs) ids.push_back(job.spec->id);
    return ids;
}

CONTRACT(AListIsNewestFirstAndCanBeContinued) {
    std::vector<uuid> all;
    for (int i = 0; i < 7; ++i) {
        const auto job = co_await t.push(contract_job("q"));
        all.insert(all.begin(), job.spec->id);
    }
    std::vector<uuid> listed;
    job_query query;
    query.limit = 3;
    for (int pages = 0; pages < 10; ++pages) {
        const auto page = co_await t.queue().list(query);
        if (!page) break;
        EXPECT_LE(page->jobs.size(), 3U);
        for (const auto& id : ids_of(page->jobs)) listed.push_back(id);
        if (!page->next_before_seq) break;
        query.before_seq = page->next_before_seq;
    }
    EXPECT_EQ(listed, all);
}

CONTRACT(AListIsNarrowedByStateQueueAndType) {
    const auto a = co_await t.push(contract_job("a", "x"));
    const auto b = co_await t.push(contract_job("b", "x"));
    const auto c = co_await t.push(contract_job("b", "y"));
    const auto held = co_await t.fetch_one("a");
    co_await t.ack(held);
    job_query by_queue;
    by_queue.queue = "b";
    const auto queued = co_await t.queue().list(by_queue);
    job_query by_type;
    by_type.type = "x";
    const auto typed = co_await t.queue().list(by_type);
    job_query by_state;
    by_state.state = job_state::completed;
    const auto done = co_await t.queue().list(by_state);
    job_query all;
    const auto every = co_await t.queue().list(all);
    job_query unfinished;
    unfinished.unfinished = true;
    const auto waiting = co_await t.queue().list(unfinished);
    EXPECT_TRUE(queued && typed && done && every && waiting);
    if (!queued || !typed || !done || !every || !waiting) co_return;
    EXPECT_EQ(ids_of(waiting->jobs), (std::vector<uuid>{c.spec->id, b.spec->id}));
    EXPECT_EQ(ids_of(queued->jobs), (std::vector<uuid>{c.spec->id, b.spec->id}));
    EXPECT_EQ(ids_of(typed->jobs), (std::vector<uuid>{b.spec->id, a.spec->id}));
    EXPECT_EQ(ids_of(done->jobs), std::vector<uuid>{a.spec->id});
    EXPECT_EQ(every->jobs.size(), 3U);
}

CONTRACT(DeadLettersAreListedRetriedAndDeleted) {
    const auto first = co_await dead_letter(t, "q");
    const auto second = co_await dead_letter(t, "q");
    co_await t.reopen();
    job_query query;
    query.dead_letter = true;
    const auto both = co_await t.queue().list(query);
    EXPECT_TRUE(both);
    if (both) {
        EXPECT_EQ(ids_of(both->jobs), (std::vector<uuid>{second, first}));
        EXPECT_EQ(both->total, 2U);
    }
    const auto revived = co_await t.queue().retry_dead_letter(first);
    EXPECT_TRUE(revived);
    if (revived) {
        EXPECT_EQ(revived->state, job_state::available);
    }
    const auto twice = co_await t.queue().retry_dead_letter(first);
    EXPECT_EQ(code_of(twice), errc::not_found);
    const auto gone = co_await t.queue().delete_dead_letter(second);
    EXPECT_TRUE(gone);
    const auto gone_twice = co_await t.queue().delete_dead_letter(second);
    EXPECT_EQ(code_of(gone_twice), errc::not_found);
    const auto none = co_await t.queue().list(query);
    EXPECT_TRUE(none && none->jobs.empty() && none->total == 0);
    const auto missing = co_await t.queue().info(second);
    EXPECT_EQ(code_of(missing), errc::not_found);
    const auto held = co_await t.fetch_one("q");
    EXPECT_EQ(held.spec->id, first);
    EXPECT_EQ(held.attempt, 1U);
    co_await t.ack(held);
}

CONTRACT(OnlyAJobThatHasEndedIsDeleted) {
    const auto job = co_await t.push(contract_job("q"));
    const auto id = job.spec->id;
    const auto too_early = co_await t.queue().delete_job(id);
    EXPECT_EQ(code_of(too_early), errc::conflict);
    const auto held = co_await t.fetch_one("q");
    co_await t.ack(held);
    const auto deleted = co_await t.queue().delete_job(id);
    EXPECT_TRUE(deleted);
    co_await t.reopen();
    const auto gone = co_await t.queue().info(id);
    EXPECT_EQ(code_of(gone), errc::not_found);
    const auto again = co_await t.queue().delete_job(id);
    EXPECT_EQ(code_of(again), errc::not_found);
}

CONTRACT(DeadLettersAreCountedByQueueAndType) {
    const auto none = co_await t.queue().dead_letters();
    EXPECT_TRUE(none && none->groups.empty() && none->complete);
    const auto first = co_await dead_letter(t, "a");
    const auto second = co_await dead_letter(t, "a");
    co_await dead_letter(t, "b");
    co_await t.push(contract_job("a"));
    const auto oldest = co_await t.info(first);
    const auto newest = co_await t.info(second);
    for (const bool again : {false, true}) {
        if (again) co_await t.reopen();
        auto summary = co_await t.queue().dead_letters();
        EXPECT_TRUE(summary && summary->groups.size() == 2 && summary->complete);
        if (!summary || summary->groups.size() != 2) co_return;
        auto& groups = summary->groups;
        std::sort(groups.begin(), groups.end(),
                  [](const auto& x, const auto& y) { return x.queue < y.queue; });
        EXPECT_EQ(groups[0].queue, "a");
        EXPECT_EQ(groups[0].type, "work");
        EXPECT_EQ(groups[0].count, 2U);
        EXPECT_EQ(groups[0].oldest, *oldest.finished_at);
        EXPECT_EQ(groups[0].newest, *newest.finished_at);
        EXPECT_EQ(groups[1].queue, "b");
        EXPECT_EQ(groups[1].count, 1U);
        const auto queues = co_await t.queue().queues();
        EXPECT_TRUE(queues);
        for (const auto& queue : *queues)
            EXPECT_EQ(queue.dead_letters, queue.name == "a" ? 2U : 1U) << queue.name;
    }
    const auto revived = co_await t.queue().retry_dead_letter(first);
    EXPECT_TRUE(revived);
    const auto rest = co_await t.queue().dead_letters();
    EXPECT_TRUE(rest && rest->groups.size() == 2);
    if (!rest) co_return;
    for (const auto& group : rest->groups) EXPECT_EQ(group.count, 1U);
}

CONTRACT(ARevivedJobOutlivesARestart) {
    const auto id = co_await dead_letter(t, "q");
    const auto revived = co_await t.queue().retry_dead_letter(id);
    EXPECT_TRUE(revived);
    co_await t.reopen();
    const auto held = co_await t.fetch_one("q");
    EXPECT_EQ(held.spec->id, id);
}

CONTRACT(QueuesTellHowManyJobsAreInEachState) {
    co_await t.push(contract_job("q"));
    co_await t.push(contract_job("q"));
    auto later = contract_job("q");
    later.scheduled_at = std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now() + 1h);
    co_await t.push(later);
    co_await t.fetch_one("q");
    co_await t.reopen();
    const auto queues = co_await t.queue().queues();
    EXPECT_TRUE(queues && queues->size() == 1);
    if (!queues || queues->size() != 1) co_return;
    const auto count = [&](job_state state) {
        return queues->at(0).jobs.at(static_cast<std::size_t>(state));
    };
    EXPECT_EQ(queues->at(0).name, "q");
    EXPECT_FALSE(queues->at(0).paused);
    EXPECT_EQ(count(job_state::available), 1U);
    EXPECT_EQ(count(job_state::active), 1U);
    EXPECT_EQ(count(job_state::scheduled), 1U);
}

CONTRACT(EventsTellTheLifeOfAJobInOrder) {
    const auto job = co_await t.push(contract_job("q"));
    const auto held = co_await t.fetch_one("q");
    co_await t.ack(held);
    const auto page = co_await t.queue().events(all_events, std::stop_token{});
    EXPECT_TRUE(page);
    if (!page) co_return;
    std::vector<std::string> types;
    for (const auto& event : page->events) {
        types.emplace_back(event.type);
        EXPECT_EQ(event.job.spec->id, job.spec->id);
        EXPECT_EQ(event.job.spec->queue, "q");
    }
    EXPECT_EQ(types, (std::vector<std::string>{"job.enqueued", "job.started", "job.completed"}));
    for (std::size_t i = 1; i < page->events.size(); ++i)
        EXPECT_EQ(page->events[i].id, page->events[i - 1].id + 1);
    EXPECT_EQ(page->last_id, page->events.back().id);
}

CONTRACT(EventsAreWaitedForFilteredAndContinued) {
    event_query query;
    query.after = 0;
    query.wait = 10s;
    query.queues = {"wanted"};
    query.types = {"job.enqueued"};
    auto waiting = t.start(t.queue().events(query, std::stop_token{}));
    co_await t.push(contract_job("other"));
    co_await t.yield();
    EXPECT_FALSE(waiting.done());
    co_await t.push(contract_job("wanted"));
    co_await t.push(contract_job("wanted"));
    auto page = co_await waiting.answer();
    EXPECT_TRUE(page);
    if (!page) co_return;
    EXPECT_EQ(page->events.size(), 1U);
    EXPECT_FALSE(page->gap);
    query.after = page->last_id;
    const auto rest = co_await t.queue().events(query, std::stop_token{});
    EXPECT_TRUE(rest && rest->events.size() == 1);
}

CONTRACT(EventsEndWhenTheTimeHasPassedOrTheCallerStops) {
    event_query query;
    query.after = 0;
    query.wait = 20ms;
    const auto none = co_await t.queue().events(query, std::stop_token{});
    EXPECT_TRUE(none && none->events.empty());
    query.wait = 10s;
    std::stop_source stop;
    auto waiting = t.start(t.queue().events(query, stop.get_token()));
    co_await t.yield();
    EXPECT_FALSE(waiting.done());
    stop.request_stop();
    auto page = co_await waiting.answer();
    EXPECT_TRUE(page && page->events.empty());
}

CONTRACT(EventsThatWereDroppedShowAsAGap) {
    t.rules.events_max = 3;
    co_await t.reopen();
    for (int i = 0; i < 5; ++i) co_await t.push(contract_job("q"));
    event_query query;
    query.after = 0;
    const auto page = co_await t.queue().events(query, std::stop_token{});
    EXPECT_TRUE(page && page->gap);
    EXPECT_TRUE(page && page->events.size() == 3);
    query.after = 2;
    const auto whole = co_await t.queue().events(query, std::stop_token{});
    EXPECT_TRUE(whole && !whole->gap);
    query.after = 5;
    const auto none = co_await t.queue().events(query, std::stop_token{});
    EXPECT_TRUE(none && !none->gap && none->events.empty());
}

CONTRACT(AResetEmptiesEverything) {
    push_request keyed;
    keyed.jobs.push_back(contract_job("q"));
    keyed.key = idempotency_key{};
    keyed.key->key = "k";
    const auto first = co_await t.queue().push(keyed);
    EXPECT_TRUE(first);
    const auto held = co_await t.fetch_one("q");
    co_await t.push(contract_job("q"));
    const auto dead = co_await dead_letter(t, "d");
    auto waiting = t.start(t.fetch(contract_fetch("empty", 10s)));
    co_await t.yield();
    const auto done = co_await t.queue().reset();
    EXPECT_TRUE(done);
    const auto woken = co_await waiting.answer();
    EXPECT_TRUE(woken.empty());
    for (const bool again : {false, true}) {
        if (again) co_await t.reopen();
        const auto page = co_await t.queue().list(all_jobs);
        EXPECT_TRUE(page && page->jobs.empty());
        const auto queues = co_await t.queue().queues();
        EXPECT_TRUE(queues && queues->empty());
        const auto gone = co_await t.queue().info(dead);
        EXPECT_EQ(code_of(gone), errc::not_found);
        const auto lost = co_await t.queue().ack(t.ack_of(held));
        EXPECT_EQ(code_of(lost), errc::not_found);
    }
    const auto second = co_await t.queue().push(keyed);
    EXPECT_TRUE(second && !second->replayed);
    const auto next = co_await t.fetch_one("q");
    co_await t.ack(next);
}

CONTRACT(StatsCountTheRunsThatEndedLately) {
    const auto before = t.queue().stats();
    EXPECT_EQ(before.runs_completed + before.runs_failed + before.workers, 0U);
    co_await t.push(contract_job("q"));
    const auto held = co_await t.fetch_one("q");
    EXPECT_EQ(t.queue().stats().workers, 1U);
    co_await t.ack(held);
    co_await dead_letter(t, "q");
    const auto after = t.queue().stats();
    EXPECT_EQ(after.runs_completed, 1U);
    EXPECT_EQ(after.runs_failed, 1U);
    EXPECT_EQ(after.workers, 0U);
    const auto done = co_await t.queue().reset();
    EXPECT_TRUE(done);
    EXPECT_EQ(t.queue().stats().runs_completed, 0U);
}

CONTRACT(HealthCountsWhatWasDone) {
    const auto before = t.queue().health();
    EXPECT_TRUE(before.ready);
    EXPECT_EQ(before.status, "ok");
    co_await t.push(contract_job("q"));
    co_await t.push(contract_job("q"));
    const auto held = co_await t.fetch_one("q");
    co_await t.ack(held);
    const auto after = t.queue().health();
    EXPECT_EQ(after.jobs_pushed - before.jobs_pushed, 2U);
    EXPECT_EQ(after.jobs_granted - before.jobs_granted, 1U);
    EXPECT_EQ(after.jobs_finished - before.jobs_finished, 1U);
    EXPECT_GE(after.commits, before.commits + 3);
}

}  // namespace
}  // namespace sluice::test
