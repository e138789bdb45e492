#include "tests/contract/local_backend_fixture.hpp"

namespace sluice::test {
namespace {

/// The local backend on a disk whose faults the test controls.
asio::awaitable<void> make_dead_letters(LocalBackend& t, std::vector<uuid>& made, int count) {
    for (int i = 0; i < count; ++i) {
        auto request = one_job();
        request.jobs[0].retry.max_attempts = 1;
        request.jobs[0].retry.on_exhaustion = exhaustion::dead_letter;
        const auto pushed = co_await t.queue->push(std::move(request));
        const auto held = co_await t.queue->fetch(contract_fetch("q"), std::stop_token{});
        EXPECT_TRUE(pushed && held && held->size() == 1);
        if (!pushed || !held || held->empty()) co_return;
        made.push_back(pushed->jobs[0].spec->id);
        nack_request nack;
        nack.job_id = made.back();
        const auto ended = co_await t.queue->nack(std::move(nack));
        EXPECT_TRUE(ended && ended->job.dead_letter);
    }
}

asio::awaitable<void> all_gone(LocalBackend& t, std::uint64_t left) {
    for (std::uint64_t there = left + 1; there != left;) {
        const auto summary = co_await t.queue->dead_letters();
        EXPECT_TRUE(summary);
        there = 0;
        if (summary)
            for (const auto& group : summary->groups) there += group.count;
        co_await t.yield();
    }
}

/// Some in memory, some at rest; one of an hour ago is not yet due.
TEST_F(LocalBackend, DropsDeadLettersThatHaveBeenKeptLongEnough) {
    std::vector<uuid> old, fresh;
    engine_config rules;
    rules.finished_cache = 2;
    rules.retention_dead_letters = std::chrono::hours{2};
    open(rules);
    run(make_dead_letters(*this, old, 5));
    later = 90min;
    open(rules);
    run(make_dead_letters(*this, fresh, 1));
    later = 3h;
    first_purge = 0s;
    open(rules);
    run(all_gone(*this, 1));
    run([](LocalBackend& t, uuid kept, uuid gone) -> asio::awaitable<void> {
        const auto known = co_await t.queue->info(kept);
        EXPECT_TRUE(known && known->dead_letter);
        const auto missing = co_await t.queue->info(gone);
        EXPECT_EQ(code_of(missing), errc::not_found);
        const auto queues = co_await t.queue->queues();
        EXPECT_TRUE(queues && queues->size() == 1 && queues->front().dead_letters == 1);
    }(*this, fresh.at(0), old.at(0)));
}

/// The control: without a time they stay.
TEST_F(LocalBackend, KeepsDeadLettersUnlessItIsToldFor) {
    std::vector<uuid> made;
    open();
    run(make_dead_letters(*this, made, 2));
    later = std::chrono::hours{24 * 365};
    first_purge = 0s;
    open();
    run([](LocalBackend& t) -> asio::awaitable<void> {
        for (int i = 0; i < 20; ++i) co_await t.queue->dead_letters();
    }(*this));
    run(all_gone(*this, 2));
}

asio::awaitable<void> complete_one(LocalBackend& t) {
    const auto pushed = co_await t.queue->push(one_job());
    const auto held = co_await t.queue->fetch(contract_fetch("q"), std::stop_token{});
    EXPECT_TRUE(pushed && held && held->size() == 1);
    if (!held || held->empty()) co_return;
    ack_request ack;
    ack.job_id = held->front().spec->id;
    const auto done = co_await t.queue->ack(std::move(ack));
    EXPECT_TRUE(done);
}

asio::awaitable<void> complete(LocalBackend& t, int count) {
    for (int i = 0; i < count; ++i) co_await complete_one(t);
}

std::size_t kept(const LocalBackend& t) {
    return t.disk->image().history.size();
}

/// A step of its own takes what is there as soon as nothing is committed for a while.
TEST_F(LocalBackend, DeletesJobsThatHaveBeenKeptLongEnough) {
    open();
    run(complete(*this, 40));
    later = 23h;
    first_purge = 0s;
    open();
    run([](LocalBackend& t) -> asio::awaitable<void> {
        asio::steady_timer until(t.context, 1s);
        co_await until.async_wait(asio::use_awaitable);
    }(*this));
    EXPECT_EQ(kept(*this), 40U) << "not yet";
    later = 25h;
    open();
    run([](LocalBackend& t) -> asio::awaitable<void> {
        while (kept(t) > 0) {
            asio::steady_timer soon(t.context, 1ms);
            co_await soon.async_wait(asio::use_awaitable);
        }
    }(*this));
}

/// While others are committed it goes along with them, and faster than they come.
TEST_F(LocalBackend, DeletesJobsBesideCommitsAsFastAsTheyCome) {
    open();
    run(complete(*this, 200));
    later = 25h;
    first_purge = 0s;
    open();
    run(complete_one(*this));  // from the first look on
    run([](LocalBackend& t) -> asio::awaitable<void> {
        for (int i = 0; i < 600; ++i) co_await complete_one(t);
    }(*this));
    EXPECT_LE(kept(*this), 601U + 32U);
}

}  // namespace
}  // namespace sluice::test
