#include "tests/contract/local_backend_fixture.hpp"

namespace sluice::test {
namespace {

/// The local backend on a disk whose faults the test controls.
asio::awaitable<void> answers_wait(LocalBackend& t) {
    t.disk->hold_commits();
    auto pushing = t.start(t.queue->push(one_job()));
    auto fetching = t.start(t.queue->fetch(contract_fetch("q", 10s), std::stop_token{}));
    co_await t.until_commit_waits();
    event_query events;
    const auto unseen = co_await t.queue->events(events, std::stop_token{});
    EXPECT_TRUE(unseen && unseen->events.empty());
    co_await t.yield();
    EXPECT_FALSE(pushing.done());
    EXPECT_FALSE(fetching.done());
    t.disk->release_commits();
    auto pushed = co_await pushing.answer();
    EXPECT_TRUE(pushed);
    auto fetched = co_await fetching.answer();
    EXPECT_TRUE(fetched && fetched->size() == 1);
    const auto seen = co_await t.queue->events(events, std::stop_token{});
    EXPECT_TRUE(seen && seen->events.size() == 2);
}

TEST_F(LocalBackend, HoldsEveryAnswerUntilItsBatchIsDurable) {
    open();
    run(answers_wait(*this));
}

asio::awaitable<void> duplicates_wait(LocalBackend& t) {
    auto request = one_job();
    request.jobs[0].id = make_uuid(timestamp{} + 400'000h, 77, 5);
    request.jobs[0].client_id = true;
    t.disk->hold_commits();
    auto first = t.start(t.queue->push(request));
    co_await t.until_commit_waits();
    auto second = t.start(t.queue->push(request));
    auto look = t.start(t.queue->info(request.jobs[0].id));
    co_await t.yield();
    EXPECT_FALSE(second.done()) << "says that a job exists that a crash could take back";
    EXPECT_FALSE(look.done());
    t.disk->release_commits();
    auto stored = co_await first.answer();
    EXPECT_TRUE(stored);
    auto refused = co_await second.answer();
    EXPECT_EQ(code_of(refused), errc::duplicate);
    auto seen = co_await look.answer();
    EXPECT_TRUE(seen);
}

TEST_F(LocalBackend, TellsOfAJobOnlyOnceItIsDurable) {
    open();
    run(duplicates_wait(*this));
}

asio::awaitable<void> key_in_flight(LocalBackend& t) {
    auto request = one_job();
    request.key = idempotency_key{};
    request.key->key = "k";
    t.disk->hold_commits();
    auto first = t.start(t.queue->push(request));
    co_await t.until_commit_waits();
    auto second = co_await t.queue->push(request);
    EXPECT_EQ(code_of(second), errc::in_flight);
    t.disk->release_commits();
    auto stored = co_await first.answer();
    auto third = co_await t.queue->push(request);
    EXPECT_TRUE(stored && third && third->replayed);
}

TEST_F(LocalBackend, CallsAKeyInFlightUntilItsJobsAreDurable) {
    open();
    run(key_in_flight(*this));
}

asio::awaitable<void> deletion_waits(LocalBackend& t) {
    auto request = one_job();
    request.jobs[0].retry.max_attempts = 1;
    request.jobs[0].retry.on_exhaustion = exhaustion::dead_letter;
    auto pushed = co_await t.queue->push(request);
    auto fetched = co_await t.queue->fetch(contract_fetch("q"), std::stop_token{});
    const auto id = fetched->at(0).spec->id;
    auto nacked = co_await t.queue->nack(backend_contract::nack_of(fetched->at(0)));
    EXPECT_TRUE(pushed && nacked);
    t.disk->hold_commits();
    auto deleting = t.start(t.queue->delete_dead_letter(id));
    co_await t.until_commit_waits();
    auto cancelling = t.start(t.queue->cancel(id));
    auto looking = t.start(t.queue->info(id));
    co_await t.yield();
    EXPECT_FALSE(deleting.done());
    EXPECT_FALSE(cancelling.done());
    EXPECT_FALSE(looking.done());
    t.disk->release_commits();
    auto deleted = co_await deleting.answer();
    EXPECT_TRUE(deleted);
    auto cancelled = co_await cancelling.answer();
    EXPECT_EQ(code_of(cancelled), errc::not_found);
    auto looked = co_await looking.answer();
    EXPECT_EQ(code_of(looked), errc::not_found);
}

TEST_F(LocalBackend, DoesNotTellOfADeletionBeforeItIsDurable) {
    open();
    run(deletion_waits(*this));
}

asio::awaitable<void> failure(LocalBackend& t, bool at_commit) {
    auto before = co_await t.queue->push(one_job());
    const auto id = before->jobs.at(0).spec->id;
    auto polling = t.start(t.queue->fetch(contract_fetch("empty", 10s), std::stop_token{}));
    auto waiting = t.start(t.queue->wait(id, 10s, std::stop_token{}));
    event_query next;
    next.after = 100;
    next.wait = 10s;
    auto watching = t.start(t.queue->events(next, std::stop_token{}));
    co_await t.yield();
    if (at_commit) {
        t.disk->fail_commit(1);
        auto pushed = co_await t.queue->push(one_job());
        EXPECT_EQ(code_of(pushed), errc::store_failed);
    } else {
        t.disk->fail_reads(true);
        auto looked = co_await t.queue->info(make_uuid(timestamp{} + 400'000h, 4'711, 5));
        EXPECT_EQ(code_of(looked), errc::store_failed);
    }
    auto polled = co_await polling.answer();
    EXPECT_EQ(code_of(polled), errc::store_failed);
    auto waited = co_await waiting.answer();
    EXPECT_EQ(code_of(waited), errc::store_failed);
    auto watched = co_await watching.answer();
    EXPECT_EQ(code_of(watched), errc::store_failed);
    auto pushed = co_await t.queue->push(one_job());
    EXPECT_EQ(code_of(pushed), errc::store_failed);
    auto info = co_await t.queue->info(id);
    EXPECT_EQ(code_of(info), errc::store_failed);
    const job_query all;
    auto listed = co_await t.queue->list(all);
    EXPECT_EQ(code_of(listed), errc::store_failed);
    auto cancelled = co_await t.queue->cancel(id);
    EXPECT_EQ(code_of(cancelled), errc::store_failed);
    auto queues = co_await t.queue->queues();
    EXPECT_EQ(code_of(queues), errc::store_failed);
    auto reset = co_await t.queue->reset();
    EXPECT_EQ(code_of(reset), errc::store_failed);
    EXPECT_FALSE(t.queue->health().ready);
    EXPECT_EQ(t.queue->health().status, "unhealthy");
    co_await t.queue->shut_down();
    EXPECT_EQ(t.faults.size(), 1U);
}

TEST_F(LocalBackend, AnswersNothingButStoreFailedAfterAFailedCommit) {
    open();
    run(failure(*this, true));
    disk->fail_reads(false);
    open();
    EXPECT_EQ(disk->image().live.size(), 1U);
}

TEST_F(LocalBackend, AnswersNothingButStoreFailedAfterAFailedRead) {
    open();
    run(failure(*this, false));
}

asio::awaitable<void> full_disk(LocalBackend& t, bool reserve) {
    t.disk->set_reserve(reserve);
    t.disk->refuse_for_space(reserve ? 1 : 3);
    auto pushed = co_await t.queue->push(one_job());
    EXPECT_TRUE(pushed);
    EXPECT_TRUE(t.faults.empty());
    EXPECT_TRUE(t.queue->health().ready);
}

TEST_F(LocalBackend, WaitsOutAFullDisk) {
    open();
    run(full_disk(*this, false));
}

TEST_F(LocalBackend, UsesTheReserveBeforeItWaits) {
    open();
    run(full_disk(*this, true));
}

asio::awaitable<void> nearly_full_disk(LocalBackend& t) {
    auto pushed = co_await t.queue->push(one_job());
    EXPECT_TRUE(pushed) << "the first push learns of it";
    auto refused = co_await t.queue->push(one_job());
    EXPECT_EQ(code_of(refused), errc::disk_low);
    EXPECT_EQ(t.queue->health().status, "degraded");
    auto fetched = co_await t.queue->fetch(contract_fetch("q"), std::stop_token{});
    EXPECT_TRUE(fetched && fetched->size() == 1);
    t.disk->set_disk_low(false);
    auto acked = co_await t.queue->ack(backend_contract::ack_of(fetched->at(0)));
    EXPECT_TRUE(acked);
    auto again = co_await t.queue->push(one_job());
    EXPECT_TRUE(again);
}

TEST_F(LocalBackend, RefusesNewJobsOnANearlyFullDiskAndRecovers) {
    open();
    disk->set_disk_low(true);
    run(nearly_full_disk(*this));
}

using words = std::vector<std::string>;

asio::awaitable<int> run_one(LocalBackend& t, words& order) {
    auto request = contract_fetch("q");
    request.worker_id = std::string(in_server_worker_id);
    request.handled_only = true;
    request.wait = 10s;
    auto jobs = co_await t.queue->fetch(std::move(request), std::stop_token{});
    EXPECT_TRUE(jobs && jobs->size() == 1);
    order.emplace_back("run");
    co_return 0;
}

asio::awaitable<int> submit(LocalBackend& t, words& order) {
    auto pushed = co_await t.queue->push(one_job());
    EXPECT_TRUE(pushed);
    order.emplace_back("answer");
    co_return 0;
}

/// What comes first when `submits` jobs are stored at once and a worker in the server waits.
asio::awaitable<void> order_of(LocalBackend& t, std::size_t submits, words& order) {
    auto running = t.start(run_one(t, order));
    co_await t.yield();
    std::vector<started_call<int>> all;
    for (std::size_t i = 0; i < submits; ++i) all.push_back(t.start(submit(t, order)));
    co_await running.answer();
    for (auto& each : all) co_await each.answer();
}

TEST_F(LocalBackend, BeginsTheRunOfALoneJobBeforeItsSubmitIsAnswered) {
    engine_config rules;
    rules.handled_types = {{"work", 0}};
    open(std::move(rules));
    words order;
    run(order_of(*this, 1, order));
    EXPECT_EQ(order, (words{"run", "answer"}));
}

TEST_F(LocalBackend, AnswersManySubmitsBeforeTheRunBegins) {
    engine_config rules;
    rules.handled_types = {{"work", 0}};
    open(std::move(rules));
    words order;
    run(order_of(*this, 8, order));
    ASSERT_EQ(order.size(), 9U);
    EXPECT_EQ(order.back(), "run");
}

asio::awaitable<void> ack_and_fetch_at_rest(LocalBackend& t) {
    for (int i = 0; i < 2; ++i) {
        auto pushed = co_await t.queue->push(one_job());
        EXPECT_TRUE(pushed);
    }
    auto fetched = co_await t.queue->fetch(contract_fetch("q"), std::stop_token{});
    t.disk->hold_commits();
    auto request = backend_contract::ack_of(fetched->at(0));
    request.fetch = contract_fetch("q");
    auto acking = t.start(t.queue->ack(request));
    co_await t.until_commit_waits();
    for (int i = 0; i < 50; ++i) co_await t.yield();  // the read of the next job ends meanwhile
    t.disk->release_commits();
    auto acked = co_await acking.answer();
    EXPECT_TRUE(acked && acked->jobs.size() == 1);
}

TEST_F(LocalBackend, AnAckThatFetchesAJobAtRestIsAnsweredEvenIfTheCommitIsSlow) {
    engine_config rules;
    rules.window_jobs = 0;
    open(rules);
    run(ack_and_fetch_at_rest(*this));
}

asio::awaitable<void> stopped_after_grant(LocalBackend& t) {
    auto pushed = co_await t.queue->push(one_job());
    EXPECT_TRUE(pushed);
    t.disk->hold_commits();
    std::stop_source stop;
    auto fetching = t.start(t.queue->fetch(contract_fetch("q", 10s), stop.get_token()));
    co_await t.until_commit_waits();
    stop.request_stop();
    t.disk->release_commits();
    auto fetched = co_await fetching.answer();
    EXPECT_TRUE(fetched && fetched->empty());
    auto next = co_await t.queue->fetch(contract_fetch("q"), std::stop_token{});
    EXPECT_TRUE(next && next->size() == 1 && next->at(0).attempt == 1);
}

TEST_F(LocalBackend, GivesAJobBackWhoseTakerLeftWhileTheGrantWasWritten) {
    open();
    run(stopped_after_grant(*this));
}

asio::awaitable<bool> stop_and_tell(backend* queue) {
    co_await queue->shut_down();
    co_return true;
}

asio::awaitable<void> shut_down_waits(LocalBackend& t) {
    t.disk->hold_commits();
    auto pushing = t.start(t.queue->push(one_job()));
    co_await t.until_commit_waits();
    auto stopping = t.start(stop_and_tell(t.queue.get()));
    co_await t.yield();
    EXPECT_FALSE(stopping.done());
    t.disk->release_commits();
    auto stopped = co_await stopping.answer();
    EXPECT_TRUE(stopped);
    auto pushed = co_await pushing.answer();
    EXPECT_TRUE(pushed);
    EXPECT_TRUE(t.disk->closed());
}

TEST_F(LocalBackend, ShutsDownOnlyWhenAllIsDurable) {
    open();
    run(shut_down_waits(*this));
}

asio::awaitable<void> shut_down_while_reading(LocalBackend& t) {
    auto pushed = co_await t.queue->push(one_job());
    EXPECT_TRUE(pushed);
    t.disk->hold_reads();
    auto fetching = t.start(t.queue->fetch(contract_fetch("q", 10s), std::stop_token{}));
    co_await t.yield();
    auto stopping = t.start(stop_and_tell(t.queue.get()));
    auto fetched = co_await fetching.answer();
    EXPECT_TRUE(fetched && fetched->empty());
    for (int i = 0; i < 1000; ++i) co_await t.yield();
    EXPECT_FALSE(t.disk->closed()) << "closed under a read";
    t.disk->release_reads();
    auto stopped = co_await stopping.answer();
    EXPECT_TRUE(stopped);
    EXPECT_TRUE(t.disk->closed());
}

TEST_F(LocalBackend, ClosesTheStoreOnlyWhenNothingIsRead) {
    engine_config rules;
    rules.window_jobs = 0;
    open(rules);
    run(shut_down_while_reading(*this));
}

asio::awaitable<void> read_during_reset(LocalBackend& t) {
    auto pushed = co_await t.queue->push(one_job());
    const auto id = pushed->jobs.at(0).spec->id;
    t.disk->hold_commits();
    auto resetting = t.start(t.queue->reset());
    co_await t.until_commit_waits();
    auto cancelling = t.start(t.queue->cancel(id));  // the job is at rest
    for (int i = 0; i < 1000; ++i) co_await t.yield();
    t.disk->release_commits();
    auto done = co_await resetting.answer();
    EXPECT_TRUE(done);
    auto cancelled = co_await cancelling.answer();
    EXPECT_EQ(code_of(cancelled), errc::not_found);
    auto looked = co_await t.queue->info(id);
    EXPECT_EQ(code_of(looked), errc::not_found);
    EXPECT_TRUE(t.faults.empty());
}

TEST_F(LocalBackend, AReadDuringAResetBringsNothingBack) {
    engine_config rules;
    rules.window_jobs = 0;
    open(rules);
    run(read_during_reset(*this));
}

asio::awaitable<void> failing_close(LocalBackend& t) {
    t.disk->fail_close(true);
    co_await t.queue->shut_down();
    EXPECT_EQ(t.faults.size(), 1U);
}

TEST_F(LocalBackend, TellsOfAStoreThatCannotBeClosed) {
    open();
    run(failing_close(*this));
}

}  // namespace
}  // namespace sluice::test
