#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::test {
namespace {

job_write listed(std::int64_t seq, std::string queue, std::string type, job_state state,
                 bool dead_letter = false) {
    auto job = make_job(seq);
    auto spec = std::make_shared<job_spec>(*job.spec);
    spec->queue = std::move(queue);
    spec->type = std::move(type);
    job.spec = spec;
    job.state = state;
    job.dead_letter = dead_letter;
    if (is_terminal(state)) job.finished_at = timestamp{std::chrono::seconds{seq}};
    const auto to = is_terminal(state) ? job_place::history : job_place::live;
    return {job_place::nowhere, to, std::move(job), std::nullopt};
}

class StoreList : public testing::Test {
protected:
    StoreList() {
        journal_batch batch;
        batch.jobs = {listed(1, "a", "x", job_state::completed),
                      listed(2, "a", "y", job_state::available),
                      listed(3, "b", "x", job_state::discarded, true),
                      listed(4, "a", "x", job_state::available),
                      listed(5, "b", "y", job_state::discarded),
                      listed(6, "a", "x", job_state::discarded, true),
                      listed(7, "b", "x", job_state::scheduled),
                      listed(100'000, "b", "x", job_state::available)};
        store->commit_blocking(batch);
    }
    std::vector<std::int64_t> list(job_query query) {
        std::vector<std::int64_t> found;
        page = store->list_blocking(query);
        for (const auto& job : page.jobs) found.push_back(job.seq);
        return found;
    }

    using seqs = std::vector<std::int64_t>;
    temp_directory directory;
    std::unique_ptr<job_store> store = open_sqlite_store(small_store(directory.path()));
    job_page page;
};

TEST_F(StoreList, NewestFirstOverLiveAndFinishedJobs) {
    EXPECT_EQ(list({}), (seqs{100'000, 7, 6, 5, 4, 3, 2, 1}));
    EXPECT_FALSE(page.next_before_seq);
}

TEST_F(StoreList, EndsAPageOfLargeJobsEarlyAndSkipsNothing) {
    const std::string large = "[\"" + std::string(1'000'000, 'x') + "\"]";
    for (const bool dead : {false, true}) {
        seqs expected;
        journal_batch batch;
        for (std::int64_t seq = 200'030; seq > 200'000; --seq) {
            auto write =
                listed(seq + dead * 100, "large" + std::to_string(dead), "x",
                       dead || seq % 2 == 0 ? job_state::discarded : job_state::available, dead);
            auto spec = std::make_shared<job_spec>(*write.record.spec);
            spec->args = large;
            write.record.spec = spec;
            expected.push_back(write.record.seq);
            batch.jobs.push_back(std::move(write));
        }
        batch.number = dead ? 2 : 1;
        ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
        job_query query;
        query.queue = "large" + std::to_string(dead);
        query.dead_letter = dead;
        query.limit = 1'000;
        seqs all;
        do {
            const auto part = list(query);
            EXPECT_LE(part.size(), 9U);
            all.insert(all.end(), part.begin(), part.end());
            query.before_seq = page.next_before_seq;
        } while (page.next_before_seq);
        EXPECT_EQ(all, expected);
    }
}

TEST_F(StoreList, PagesMeetWithoutGapOrOverlap) {
    job_query query;
    query.limit = 3;
    EXPECT_EQ(list(query), (seqs{100'000, 7, 6}));
    query.before_seq = page.next_before_seq;
    EXPECT_EQ(list(query), (seqs{5, 4, 3}));
    query.before_seq = page.next_before_seq;
    EXPECT_EQ(list(query), (seqs{2, 1}));
    EXPECT_FALSE(page.next_before_seq);
}

TEST_F(StoreList, FiltersByStateQueueAndType) {
    job_query query;
    query.state = job_state::available;
    EXPECT_EQ(list(query), (seqs{100'000, 4, 2}));
    query.queue = "a";
    EXPECT_EQ(list(query), (seqs{4, 2}));
    query.type = "x";
    EXPECT_EQ(list(query), (seqs{4}));
    query.queue = "unknown";
    EXPECT_EQ(list(query), seqs{});
    EXPECT_FALSE(page.next_before_seq);
    query = {};
    query.state = job_state::discarded;
    EXPECT_EQ(list(query), (seqs{6, 5, 3}));
}

TEST_F(StoreList, DeadLettersComeWithTheirNumber) {
    job_query query;
    query.dead_letter = true;
    EXPECT_EQ(list(query), (seqs{6, 3}));
    EXPECT_EQ(page.total, 2U);
    query.queue = "b";
    EXPECT_EQ(list(query), (seqs{3}));
    query.queue.clear();
    query.limit = 1;
    EXPECT_EQ(list(query), (seqs{6}));
    query.before_seq = page.next_before_seq;
    EXPECT_EQ(list(query), (seqs{3}));
}

TEST_F(StoreList, LooksAtNoMoreDeadLettersThanItMay) {
    journal_batch batch;
    batch.number = 1;
    for (std::int64_t seq = 1'001; seq <= 1'030; ++seq)
        batch.jobs.push_back(
            listed(seq, seq == 1'001 ? "rare" : "common", "x", job_state::discarded, true));
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    job_query query;
    query.dead_letter = true;
    query.queue = "rare";
    query.looks_max = 10;
    query.before_seq = 1'031;
    for (const std::int64_t next : {1'021, 1'011}) {
        EXPECT_EQ(list(query), seqs{});
        EXPECT_EQ(page.next_before_seq, next);
        EXPECT_EQ(page.total, 0U) << "they are not counted";
        query.before_seq = page.next_before_seq;
    }
    EXPECT_EQ(list(query), seqs{1'001});
    query.before_seq = page.next_before_seq;
    EXPECT_EQ(list(query), seqs{}) << "two more are there, of another queue";
    EXPECT_FALSE(page.next_before_seq);
}

TEST_F(StoreList, CanLeaveOutWhatHasEnded) {
    job_query query;
    query.unfinished = true;
    EXPECT_EQ(list(query), (seqs{100'000, 7, 4, 2}));
    query.state = job_state::discarded;
    EXPECT_EQ(list(query), seqs{});
}

TEST_F(StoreList, DeadLettersAreSummedUpFromTheLatestOn) {
    const auto all = store->sum_dead_letters_blocking(3);
    EXPECT_TRUE(all.complete);
    ASSERT_EQ(all.groups.size(), 2U);
    for (const auto& group : all.groups) {
        EXPECT_EQ(group.type, "x");
        EXPECT_EQ(group.count, 1U) << group.queue;
        EXPECT_EQ(group.oldest, group.newest);
    }
    const auto latest = store->sum_dead_letters_blocking(1);
    EXPECT_FALSE(latest.complete) << "there may be more";
    ASSERT_EQ(latest.groups.size(), 1U);
    EXPECT_EQ(latest.groups[0].queue, "a");
}

TEST_F(StoreList, OldDeadLettersComeInTheOrderOfTheirArrival) {
    const auto seqs_before = [&](timestamp time, std::size_t max = 10) {
        seqs found;
        for (const auto& job : store->old_dead_letters_blocking(time, max))
            found.push_back(job.seq);
        return found;
    };
    const auto all = store->sum_dead_letters_blocking(3);
    auto oldest = all.groups[0].oldest, newest = all.groups[0].newest;
    for (const auto& group : all.groups) {
        oldest = std::min(oldest, group.oldest);
        newest = std::max(newest, group.newest);
    }
    EXPECT_EQ(seqs_before(newest + std::chrono::microseconds{1}), (seqs{3, 6}));
    EXPECT_EQ(seqs_before(newest + std::chrono::microseconds{1}, 1), (seqs{3}));
    EXPECT_EQ(seqs_before(oldest), seqs{});
}

TEST_F(StoreList, AFilterThatMatchesLittleGoesOnInTheNextPage) {
    journal_batch batch;
    for (std::int64_t seq = 200'000; seq < 600'000; seq += 10'000) {
        batch.jobs.push_back(listed(seq, "c", "z", job_state::available));
    }
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    job_query query;
    query.queue = "a";
    seqs all;
    int pages = 0;
    do {
        const auto found = list(query);
        all.insert(all.end(), found.begin(), found.end());
        query.before_seq = page.next_before_seq;
        ASSERT_LT(++pages, 20);
    } while (page.next_before_seq);
    EXPECT_GT(pages, 1);
    EXPECT_EQ(all, (seqs{6, 4, 2, 1}));
}

}  // namespace
}  // namespace sluice::test
