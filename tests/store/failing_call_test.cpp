#include "tests/support/powercut_vfs.hpp"
#include "tests/support/store_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <random>
#include <string>
#include <vector>

namespace sluice::test {
namespace {

using operation = powercut_vfs::operation;

struct fault {
    const char* name;
    operation what;
    int code;
    int error;
    bool no_space = false;  ///< the batch may be tried again
};

struct fault_result {
    std::vector<store_contents> states;
    std::size_t acknowledged = 0;
    bool failed = false;  ///< anything, also opening and closing
    bool commit_failed = false;
    bool no_space = false;
};

sqlite_store_config failing_store(const std::filesystem::path& directory) {
    auto config = small_store(directory);
    config.testing.vfs = powercut_vfs::name;
    config.wal_bytes = 24 * 1024;
    config.reserve_bytes = 0;
    return config;
}

void expect_refusal_without_a_touch(job_store& store, const journal_batch& batch) {
    const auto changes = powercut_vfs::instance().changes();
    EXPECT_EQ(store.commit_blocking(batch).status, commit_status::failed);
    EXPECT_EQ(powercut_vfs::instance().changes(), changes);
}

/// Writes until the store fails or all is written. A batch without room is tried once more.
fault_result run_with_fault(const sqlite_store_config& config, std::uint64_t seed) {
    fault_result run;
    run.states.emplace_back();
    store_model model(seed);
    try {
        const auto store = open_sqlite_store(config);
        for (int i = 1; i <= 12; ++i) {
            const auto batch = model.next_batch();
            run.states.push_back(model.contents());
            auto outcome = store->commit_blocking(batch);
            if (outcome.status == commit_status::no_space) {
                run.no_space = true;
                EXPECT_TRUE(outcome.disk_low);
                outcome = store->commit_blocking(batch);
            }
            if (outcome.status != commit_status::ok) {
                run.failed = run.commit_failed = true;
                EXPECT_NE(outcome.message.find("sluice.db"), std::string::npos);
                expect_refusal_without_a_touch(*store, batch);
                break;
            }
            if (batch.sync) run.acknowledged = run.states.size() - 1;
        }
        store->close_blocking();
    } catch (const store_error& e) {
        EXPECT_TRUE(e.exit_code() == 65 || e.exit_code() == 74) << e.what();
        run.failed = true;
    }
    return run;
}

class FailingCall : public testing::TestWithParam<fault> {};

TEST_P(FailingCall, NeverTurnsIntoAnAcknowledgedLoss) {
    std::mt19937_64 random(announced_seed());
    auto& disk = powercut_vfs::instance();
    const auto& fault = GetParam();
    int runs = 0;
    int failures = 0;
    int no_space = 0;
    for (std::uint64_t call = 1;; call += 1 + random() % (call / 16 + 1)) {
        const auto seed = random();
        const temp_directory directory;
        disk.start(seed);
        disk.fail_at(fault.what, call, fault.code, fault.error);
        const auto run = run_with_fault(failing_store(directory.path()), seed);
        if (!disk.has_failed()) break;
        disk.cut_now(powercut_vfs::variant::drop_all);
        SCOPED_TRACE(std::string(fault.name) + ", call " + std::to_string(call));
        ++runs;
        failures += run.failed ? 1 : 0;
        no_space += run.no_space ? 1 : 0;
        if (fault.no_space) {
            EXPECT_FALSE(run.commit_failed);
        } else {
            EXPECT_FALSE(run.no_space);
        }

        std::unique_ptr<job_store> store;
        ASSERT_NO_THROW(store = open_sqlite_store(small_store(directory.path())));
        const auto from = run.states.begin() + static_cast<std::ptrdiff_t>(run.acknowledged);
        EXPECT_NE(std::find(from, run.states.end(), contents_of(*store)), run.states.end())
            << "acknowledged up to batch " << run.acknowledged;
    }
    std::cout << runs << " runs, " << failures << " failed, " << no_space << " without room\n";
    EXPECT_GT(runs, 0);
    if (fault.no_space) {
        EXPECT_GT(no_space, 0);
    } else if (fault.what == operation::sync) {
        EXPECT_EQ(failures, runs) << "a failed sync went unnoticed";
    }
}

std::string fault_name(const testing::TestParamInfo<fault>& tested) {
    return tested.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Calls, FailingCall,
    testing::Values(fault{"WriteEio", operation::write, SQLITE_IOERR_WRITE, EIO},
                    fault{"WriteNoSpace", operation::write, SQLITE_FULL, ENOSPC, true},
                    fault{"WriteQuota", operation::write, SQLITE_IOERR_WRITE, EDQUOT, true},
                    fault{"SyncEio", operation::sync, SQLITE_IOERR_FSYNC, EIO},
                    fault{"SyncNoSpace", operation::sync, SQLITE_IOERR_FSYNC, ENOSPC},
                    fault{"TruncateEio", operation::truncate, SQLITE_IOERR_TRUNCATE, EIO},
                    fault{"OpenFails", operation::open, SQLITE_CANTOPEN, EMFILE},
                    fault{"RemoveEio", operation::remove, SQLITE_IOERR_DELETE, EIO},
                    fault{"SharedMemoryEio", operation::shared_memory, SQLITE_IOERR_SHMMAP, EIO}),
    fault_name);

TEST(FailingPurge, TellsOfTheFailedWrite) {
    auto& disk = powercut_vfs::instance();
    const temp_directory directory;
    disk.start(1);
    const auto store = open_sqlite_store(failing_store(directory.path()));
    journal_batch batch;
    batch.keys.resize(2);
    batch.keys[0].key.key = "sooner";
    batch.keys[1].key.key = "later";
    batch.keys[1].expires_at = timestamp{} + std::chrono::hours{2};
    batch.keys[0].expires_at = timestamp{} + std::chrono::hours{1};
    ASSERT_EQ(store->commit_blocking(batch).status, commit_status::ok);
    EXPECT_EQ(store->purge_blocking(timestamp{} + std::chrono::hours{1}, 10).gone, 1U);
    disk.fail_at(operation::write, 1, SQLITE_IOERR_WRITE, EIO);
    EXPECT_THROW(store->purge_blocking(timestamp{} + std::chrono::hours{2}, 10), store_error);
    EXPECT_EQ(store->commit_blocking(batch).status, commit_status::failed);
}

TEST(FailingCallControl, AStoreThatNeverSyncsDoesNotNoticeAndLoses) {
    auto& disk = powercut_vfs::instance();
    const temp_directory directory;
    disk.start(1);
    auto config = failing_store(directory.path());
    config.testing.durable = false;
    config.wal_bytes = 1 << 20;
    const auto run = run_with_fault(config, 1);
    EXPECT_FALSE(run.failed);
    ASSERT_GT(run.acknowledged, 0U);
    disk.cut_now(powercut_vfs::variant::drop_all);
    bool lost = false;
    try {
        const auto store = open_sqlite_store(small_store(directory.path()));
        lost = contents_of(*store) != run.states.back();
    } catch (const store_error&) {
        lost = true;
    }
    EXPECT_TRUE(lost);
}

}  // namespace
}  // namespace sluice::test
