#include "server/queue/local_backend.hpp"
#include "server/runtime/clock.hpp"
#include "server/runtime/relay_loop.hpp"
#include "tests/contract/backend_contract.hpp"
#include "tests/support/memory_store.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace sluice::test {
namespace {

/// The local backend on a loop that lets it commit in place, or not.
class CommitInPlace : public testing::Test {
public:
    void open(bool in_place, bool few_processors = false) {
        local_backend_options options;
        options.few_processors = few_processors;
        options.now = system_instant;
        options.on_store_failure = [](const std::string& reason) { ADD_FAILURE() << reason; };
        options.loop = in_place ? &loop : nullptr;
        queue = make_local_backend(context.get_executor(), std::make_unique<memory_store>(disk),
                                   std::move(options));
    }

    void run(asio::awaitable<void> body) {
        asio::co_spawn(context, std::move(body), [this](std::exception_ptr fault) {
            EXPECT_FALSE(fault);
            context.stop();
        });
        loop.run([](std::exception_ptr) { ADD_FAILURE() << "an exception came out of a handler"; });
    }

    asio::awaitable<result<push_answer>> push() {
        push_request request;
        request.jobs.push_back(contract_job("q"));
        return queue->push(std::move(request));
    }

    asio::awaitable<void> until_commit_waits() {
        while (!disk->commit_waits())
            co_await asio::post(context.get_executor(), asio::use_awaitable);
    }

    std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
    asio::io_context context{2};
    relay_loop loop{context, 1ms};
    std::unique_ptr<backend> queue;
};

asio::awaitable<void> stalled_disk(CommitInPlace& t, bool in_place) {
    t.disk->hold_commits();
    started_call<result<push_answer>> pushing(t.context.get_executor(), t.push());
    co_await t.until_commit_waits();
    // We run, so the stalled commit does not keep us.
    EXPECT_EQ(t.loop.can_block(), !in_place);
    EXPECT_TRUE(t.queue->health().ready);
    EXPECT_FALSE(pushing.done());
    t.disk->release_commits();
    auto pushed = co_await pushing.answer();
    EXPECT_TRUE(pushed);
    if (pushed) {
        auto seen = co_await t.queue->info(pushed->jobs.front().spec->id);
        EXPECT_TRUE(seen);
    }
    // From the next one on the commit thread may serve again, until a commit was quick.
    for (int i = 0; i < 10; ++i) {
        auto next = co_await t.push();
        EXPECT_TRUE(next);
    }
    EXPECT_EQ(t.queue->health().jobs_pushed, 11U);
}

TEST_F(CommitInPlace, AStalledDiskHoldsUpNothingElse) {
    open(true);
    run(stalled_disk(*this, true));
}

TEST_F(CommitInPlace, WithoutALoopEveryCommitIsOnItsThread) {
    open(false);
    run(stalled_disk(*this, false));
}

asio::awaitable<void> many_push(CommitInPlace& t) {
    t.disk->hold_commits();
    std::vector<started_call<result<push_answer>>> calls;
    for (int i = 0; i < 8; ++i) calls.emplace_back(t.context.get_executor(), t.push());
    co_await t.until_commit_waits();
    EXPECT_TRUE(t.loop.can_block()) << "eight producers wait: the thread gathers the next batch";
    t.disk->release_commits();
    for (auto& call : calls) {
        auto pushed = co_await call.answer();
        EXPECT_TRUE(pushed);
    }
}

TEST_F(CommitInPlace, ManyProducersAreServedByTheCommitThread) {
    open(true);
    run(many_push(*this));
}

struct seen_commit {
    std::size_t jobs = 0;
    bool in_place = false;
    bool operator==(const seen_commit&) const = default;
};

/// Producers that send their next job as soon as they have the answer to the last.
class CommitForAll : public CommitInPlace {
public:
    CommitForAll() {
        disk->watch_commits([this](const journal_batch& batch) {
            const bool in_place = context.get_executor().running_in_this_thread();
            commits.push_back({batch.jobs.size(), in_place});
        });
    }

    /// With `turns` of the loop between an answer and the next job.
    asio::awaitable<bool> produce(int jobs, int turns, std::size_t bytes) {
        for (int i = 0; i < jobs; ++i) {
            push_request request;
            request.jobs.push_back(contract_job("q"));
            request.jobs.front().args = "[\"" + std::string(bytes, 'x') + "\"]";
            auto pushed = co_await queue->push(std::move(request));
            EXPECT_TRUE(pushed);
            for (int turn = 0; turn < turns; ++turn)
                co_await asio::post(context.get_executor(), asio::use_awaitable);
        }
        co_return true;
    }

    bool seen(seen_commit one) const {
        return std::find(commits.begin(), commits.end(), one) != commits.end();
    }

    std::vector<seen_commit> commits;  ///< one at a time, so no two threads write it at once
};

asio::awaitable<void> all_produce(CommitForAll& t, std::vector<int> jobs_of_each, int turns = 0,
                                  std::size_t bytes = 10) {
    std::vector<started_call<bool>> producers;
    for (const int jobs : jobs_of_each)
        producers.emplace_back(t.context.get_executor(), t.produce(jobs, turns, bytes));
    for (auto& each : producers) co_await each.answer();
    // Whoever comes after all have gone is served as well, and so is the end.
    EXPECT_TRUE(co_await t.produce(1, 10, bytes));
    co_await t.queue->shut_down();
}

TEST_F(CommitForAll, OnFewProcessorsThoseWhoAllWaitAreServedInPlace) {
    open(true, true);
    run(all_produce(*this, std::vector<int>(8, 100)));
    ASSERT_FALSE(commits.empty());
    EXPECT_EQ(commits.front(), (seen_commit{8, false})) << "nobody was awaited yet";
    // Not all of them: on a busy machine one may take too long for the next to be in place.
    EXPECT_TRUE(seen({8, true}));
}

TEST_F(CommitForAll, ThoseWhoComeBackATurnLaterAreWaitedFor) {
    open(true, true);
    run(all_produce(*this, std::vector<int>(8, 100), 1));
    EXPECT_TRUE(seen({8, true}));
}

TEST_F(CommitForAll, ThoseWhoTakeLongerAreServedByTheCommitThread) {
    open(true, true);
    run(all_produce(*this, std::vector<int>(8, 100), 20));
    EXPECT_TRUE(seen({8, false}));
    EXPECT_FALSE(seen({8, true}));
}

TEST_F(CommitForAll, LargeJobsAreServedByTheCommitThread) {
    open(true, true);
    run(all_produce(*this, std::vector<int>(8, 20), 0, 20'000));
    EXPECT_TRUE(seen({8, false}));
    EXPECT_FALSE(seen({8, true}));
}

TEST_F(CommitForAll, OnMoreProcessorsTheyAreServedByTheCommitThread) {
    open(true, false);
    run(all_produce(*this, std::vector<int>(8, 100)));
    EXPECT_TRUE(seen({8, false}));
    EXPECT_FALSE(seen({8, true}));
}

TEST_F(CommitForAll, WhileSomeAreMissingTheyAreServedByTheCommitThread) {
    open(true, true);
    run(all_produce(*this, {1, 1, 1, 1, 100, 100, 100, 100}));
    ASSERT_GE(commits.size(), 2U);
    EXPECT_EQ(commits[1], (seen_commit{4, false})) << "four of eight may still come";
    EXPECT_TRUE(seen({4, true})) << "after that only four are awaited";
}

}  // namespace
}  // namespace sluice::test
