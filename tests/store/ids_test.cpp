#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

job_record with_client_id(std::int64_t seq, const uuid& id) {
    auto job = make_job(seq, "[" + std::to_string(seq) + "]");
    auto spec = std::make_shared<job_spec>(*job.spec);
    spec->id = id;
    spec->client_id = true;
    job.spec = spec;
    return job;
}

struct ids_fixture {
    temp_directory directory;
    std::unique_ptr<job_store> store = open_sqlite_store(small_store(directory.path()));

    void put(std::vector<job_write> jobs) {
        journal_batch batch;
        batch.jobs = std::move(jobs);
        ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    }
    std::int64_t seq_of(const uuid& id) {
        const auto found = store->find_blocking(id);
        return found ? found->record.seq : 0;
    }
};

TEST(JobIds, ThoseTheServerMadeAreFoundByTheSequenceTheyCarry) {
    ids_fixture f;
    f.put({stored(make_job(1)), stored(make_job(2))});
    EXPECT_EQ(f.seq_of(make_job(2).spec->id), 2);
    EXPECT_EQ(f.seq_of(make_job(3).spec->id), 0);
}

TEST(JobIds, AForeignIdThatCarriesAKnownSequenceIsNotFound) {
    ids_fixture f;
    f.put({stored(make_job(1))});
    auto lookalike = make_job(1).spec->id;
    lookalike.bytes[15] ^= 1;
    EXPECT_EQ(f.seq_of(lookalike), 0);
}

TEST(JobIds, ThoseProducersChoseAreFoundWhateverTheyCarry) {
    ids_fixture f;
    auto lookalike = make_job(1).spec->id;
    lookalike.bytes[15] ^= 1;
    uuid foreign;
    foreign.bytes.fill(0xff);
    f.put({stored(make_job(1)), stored(with_client_id(2, lookalike)),
           stored(with_client_id(3, foreign))});
    EXPECT_EQ(f.seq_of(make_job(1).spec->id), 1);
    EXPECT_EQ(f.seq_of(lookalike), 2);
    EXPECT_EQ(f.seq_of(foreign), 3);
    EXPECT_TRUE(f.store->find_blocking(foreign)->record.spec->client_id);
}

TEST(JobIds, RestoreTellsTheIdsThatProducersChose) {
    ids_fixture f;
    uuid foreign;
    foreign.bytes.fill(0x42);
    f.put({stored(make_job(1)), stored(with_client_id(2, foreign))});
    std::vector<std::optional<uuid>> ids;
    restore_sink sink;
    sink.waiting = [&](const waiting_job& job) { ids.push_back(job.client_id); };
    f.store->restore_blocking(sink);
    EXPECT_EQ(ids, (std::vector<std::optional<uuid>>{std::nullopt, foreign}));
}

TEST(JobIds, AChosenIdIsFreeAgainWhenItsJobIsGone) {
    ids_fixture f;
    uuid foreign;
    foreign.bytes.fill(0x42);
    auto job = with_client_id(1, foreign);
    f.put({stored(job)});
    job.state = job_state::completed;
    const timestamp soon{std::chrono::seconds{1}};
    f.put({{job_place::live, job_place::history, job, soon}});
    EXPECT_EQ(f.seq_of(foreign), 1);
    EXPECT_EQ(f.store->purge_blocking(soon, 5).gone, 1U);
    EXPECT_EQ(f.seq_of(foreign), 0);
    f.put({stored(with_client_id(2, foreign))});
    EXPECT_EQ(f.seq_of(foreign), 2);
}

}  // namespace
}  // namespace sluice::test
