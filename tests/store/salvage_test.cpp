#include "server/store/sqlite/salvage.hpp"

#include "tests/store/store_fixture.hpp"
#include "tests/support/store_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

restore_summary summary_of(job_store& store) {
    restore_sink sink;
    sink.waiting = [](const waiting_job&) {};
    sink.active = [](const job_record&) {};
    sink.queue = [](std::string_view, bool) {};
    return store.restore_blocking(sink);
}

class Salvage : public testing::Test {
protected:
    void fill(int jobs, bool close) {
        const auto damaged_store = open_sqlite_store(small_store(damaged));
        for (int i = 1; i <= jobs; ++i) {
            journal_batch batch;
            auto job = make_job(i, "[" + std::to_string(i) + ",\"" + std::string(300, 'x') + "\"]");
            if (i % 50 == 0) {
                auto spec = std::make_shared<job_spec>(*job.spec);
                spec->args = "[\"" + std::string(5000, 'y') + "\"]";
                job.spec = spec;
            }
            const bool done = i % 3 == 0;
            if (done) job.state = job_state::completed;
            if (i == 2) job = with_fairness(std::move(job), {"tenant-7", 2, 10});
            if (i == 2) job.ticket = std::int64_t{1} << 40;  // a time of a fair queue
            const auto place = done ? job_place::history : job_place::live;
            batch.jobs = {{job_place::nowhere, place, job, {}}};
            before.emplace(i, describe(place, job));
            if (i == 1) {
                batch.keys = {{{"key", {}}, {job.spec->id}, timestamp{}}};
                batch.paused_queues = {{"mail", true}};
                batch.settings = {{setting_kind::queue, "mail", "{}"}};
            }
            ASSERT_EQ(damaged_store->commit_blocking(batch).status, commit_status::ok);
        }
        summary = summary_of(*damaged_store);
        if (close) damaged_store->close_blocking();
    }
    store_contents saved() {
        store = open_sqlite_store(small_store(fresh));
        return contents_of(*store);
    }

    temp_directory directory;
    fs::path damaged = directory.path() / "damaged";
    fs::path fresh = directory.path() / "fresh";
    store_contents before;
    restore_summary summary;
    std::unique_ptr<job_store> store;
};

TEST_F(Salvage, OfASoundStoreKeepsEverything) {
    fill(200, false);
    const auto report = salvage_store(damaged, fresh);
    EXPECT_EQ(saved(), before);
    EXPECT_EQ(report.live_jobs, 134U);
    EXPECT_EQ(report.finished_jobs, 66U);
    EXPECT_EQ(report.keys, 1U);
    EXPECT_EQ(report.queues, 1U);
    EXPECT_EQ(report.settings, 1U);
    EXPECT_EQ(report.lost_rows, 0U);
    EXPECT_EQ(report.missing_commits, 0U);
    EXPECT_TRUE(report.commits_known);
    EXPECT_EQ(report.damaged_pages, 0U);
    EXPECT_TRUE(report.problems.empty());
    EXPECT_TRUE(store->find_key_blocking("key"));
    EXPECT_GT(summary_of(*store).epoch, summary.epoch);
    EXPECT_EQ(summary_of(*store).next_seq, summary.next_seq);
}

TEST_F(Salvage, KeepsThePlaceOfAJobWithAFairnessKey) {
    fill(10, true);
    salvage_store(damaged, fresh);
    saved();
    std::vector<std::pair<std::int64_t, std::string>> keyed;
    restore_sink sink;
    sink.waiting = [&](const waiting_job& job) {
        if (!job.fairness_key.empty()) keyed.emplace_back(job.ticket, job.fairness_key);
    };
    sink.active = [](const job_record&) {};
    sink.queue = [](std::string_view, bool) {};
    EXPECT_EQ(store->restore_blocking(sink).next_seq, summary.next_seq);
    EXPECT_EQ(
        keyed,
        (std::vector<std::pair<std::int64_t, std::string>>{{std::int64_t{1} << 40, "tenant-7"}}));
}

TEST_F(Salvage, GivesAJobWhoseTicketCannotBeThePlaceOfItsArrival) {
    {
        const auto spoiled = open_sqlite_store(small_store(damaged));
        spoiled->restore_blocking({});
        journal_batch batch;
        for (int i = 1; i <= 4; ++i) {
            auto job = make_job(i);
            if (i == 2) job.ticket = INT64_MAX;
            if (i == 3) job.ticket = INT64_MIN;
            if (i == 4) job.ticket = 5 - (std::int64_t{1} << 20);  // before the first place in line
            batch.jobs.push_back({job_place::nowhere, job_place::live, std::move(job), {}});
        }
        ASSERT_EQ(spoiled->commit_blocking(batch).status, commit_status::ok);
        spoiled->close_blocking();
    }
    salvage_store(damaged, fresh);
    saved();
    std::map<std::int64_t, std::int64_t> tickets;
    restore_sink sink;
    sink.waiting = [&](const waiting_job& job) { tickets[job.seq] = job.ticket; };
    sink.active = [](const job_record&) {};
    sink.queue = [](std::string_view, bool) {};
    store->restore_blocking(sink);
    EXPECT_EQ(tickets, (std::map<std::int64_t, std::int64_t>{
                           {1, 1}, {2, 2}, {3, 3}, {4, 5 - (std::int64_t{1} << 20)}}));
}

TEST_F(Salvage, LeavesOutASettingThatIsNotJson) {
    {
        auto spoiled = open_sqlite_store(small_store(damaged));
        spoiled->restore_blocking({});
        journal_batch batch;
        batch.settings = {{setting_kind::limit, "k", "{"}};
        ASSERT_EQ(spoiled->commit_blocking(batch).status, commit_status::ok);
    }
    const auto report = salvage_store(damaged, fresh);
    EXPECT_EQ(report.settings, 0U);
    EXPECT_EQ(report.problems.size(), 1U);
}

TEST_F(Salvage, CountsTheCommitsThatADamagedLogLost) {
    fill(200, false);
    auto log = read_file(damaged / "sluice.db-wal");
    log[100] = static_cast<char>(log[100] ^ 1);
    write_file(damaged / "sluice.db-wal", log);
    EXPECT_THROW(open_sqlite_store(small_store(damaged)), store_error);

    const auto report = salvage_store(damaged, fresh);
    const auto found = saved();
    EXPECT_GT(report.missing_commits, 0U);
    // One job a commit: the count is exact.
    EXPECT_EQ(found.size() + report.missing_commits, before.size());
    EXPECT_GE(summary_of(*store).next_seq, summary.next_seq) << "what is lost stays used up";
    EXPECT_THAT(report.problems.at(0), HasSubstr("were acknowledged"));
}

TEST_F(Salvage, SaysWhenItCannotKnowWhatCommitsAreMissing) {
    fill(10, true);
    auto bytes = read_file(damaged / "sluice.db");
    const auto at = bytes.find("next_seq");  // a row of the table that holds the count of commits
    ASSERT_NE(at, bytes.npos);
    std::memset(bytes.data() + at / 4096 * 4096, 0, 4096);
    write_file(damaged / "sluice.db", bytes);

    const auto report = salvage_store(damaged, fresh);
    EXPECT_TRUE(report.mark_readable);
    EXPECT_FALSE(report.commits_known);
    EXPECT_EQ(saved(), before);
}

TEST_F(Salvage, DoesNotBelieveTheVersionOnADamagedPage) {
    fill(30, true);
    const auto sound = read_file(damaged / "sluice.db");
    for (const char version : {'\0', '\1', '\3'}) {
        auto bytes = sound;
        bytes[63] = version;  // the last byte of user_version
        write_file(damaged / "sluice.db", bytes);
        fs::remove_all(fresh);
        const auto report = salvage_store(damaged, fresh);
        EXPECT_EQ(report.lost_rows, 0U) << int{version};
        EXPECT_EQ(saved(), before) << int{version};
        store.reset();
    }
}

TEST_F(Salvage, SavesWhatLiesAroundADamagedPage) {
    fill(400, true);
    auto bytes = read_file(damaged / "sluice.db");
    const auto at = bytes.find("[199,\"");
    ASSERT_NE(at, bytes.npos);
    std::memset(bytes.data() + at / 4096 * 4096, 0, 4096);
    write_file(damaged / "sluice.db", bytes);
    EXPECT_THROW(contents_of(*open_sqlite_store(small_store(damaged))), store_error);

    const auto report = salvage_store(damaged, fresh);
    const auto found = saved();
    EXPECT_EQ(found.size() + report.lost_rows, before.size());
    EXPECT_GT(report.lost_rows, 0U);
    EXPECT_LT(report.lost_rows, 20U);
    EXPECT_FALSE(found.contains(199));
    for (const auto& [seq, text] : found) EXPECT_EQ(text, before.at(seq));
}

TEST_F(Salvage, LeavesOutAJobThatIsNoLongerJson) {
    fill(10, true);
    auto bytes = read_file(damaged / "sluice.db");
    const auto at = bytes.find("[7,\"");
    ASSERT_NE(at, bytes.npos);
    bytes[at] = '?';
    write_file(damaged / "sluice.db", bytes);
    const auto report = salvage_store(damaged, fresh);
    EXPECT_EQ(report.lost_rows, 1U);
    EXPECT_EQ(report.damaged_pages, 1U);
    EXPECT_THAT(report.problems.at(0), HasSubstr("Job 7"));
    EXPECT_EQ(saved().size(), 9U);
}

TEST_F(Salvage, NeverEndsBadlyWhateverTheDamage) {
    fill(300, true);
    const auto sound = read_file(damaged / "sluice.db");
    std::mt19937_64 random(announced_seed());
    int saved_any = 0;
    for (int i = 0; i < 30; ++i) {
        auto bytes = sound;
        for (auto hits = 1 + random() % 20; hits > 0; --hits) {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        if (i % 3 == 0) std::memset(bytes.data() + random() % (bytes.size() - 4096), 0, 4096);
        write_file(damaged / "sluice.db", bytes);
        fs::remove_all(fresh);
        try {
            const auto report = salvage_store(damaged, fresh);
            EXPECT_EQ(saved().size(), report.live_jobs + report.finished_jobs);
            if (!saved_any) store.reset();
            ++saved_any;
        } catch (const store_error& e) {
            EXPECT_EQ(e.exit_code(), 65) << e.what();
        }
        store.reset();
    }
    EXPECT_GT(saved_any, 15);
}

TEST_F(Salvage, DoesNotWriteIntoADirectoryInUse) {
    fill(3, true);
    fs::create_directories(fresh);
    write_file(fresh / "precious", "x");
    EXPECT_THROW(salvage_store(damaged, fresh), store_error);
    EXPECT_EQ(read_file(fresh / "precious"), "x");
    EXPECT_THROW(salvage_store(directory.path() / "missing", fresh / "new"), store_error);
}

TEST_F(Salvage, DoesNotRunBesideAServer) {
    const auto server = open_sqlite_store(small_store(damaged));
    try {
        salvage_store(damaged, fresh);
        FAIL() << "it took the lock of a running server";
    } catch (const store_error& e) {
        EXPECT_EQ(e.exit_code(), 75);
    }
}

}  // namespace
}  // namespace sluice::test
