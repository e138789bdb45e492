#include "tests/support/store_model.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// A small disk of its own.
class small_disk {
public:
    small_disk() {
        if (::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=24m") != 0) error_ = errno;
    }
    ~small_disk() {
        if (error_ == 0) ::umount2(path().c_str(), MNT_DETACH);
    }
    int error() const { return error_; }
    const std::filesystem::path& path() const { return directory_.path(); }

    /// Takes all room but `left` bytes.
    void fill(std::uint64_t left) {
        const auto free = std::filesystem::space(path()).available;
        const int fd = ::open((path() / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ASSERT_GE(fd, 0);
        EXPECT_EQ(::posix_fallocate(fd, 0, static_cast<off_t>(free - left)), 0);
        ::close(fd);
    }
    void free_up() { std::filesystem::remove(path() / "filler"); }

private:
    temp_directory directory_;
    int error_ = 0;
};

class DiskFull : public testing::Test {
protected:
    DiskFull() : config(small_store(disk.path() / "data")) {
        config.reserve_bytes = std::uint64_t{2} << 20;
        config.disk_low_bytes = std::uint64_t{4} << 20;
        config.wal_bytes = 256 * 1024;
    }
    void SetUp() override {
        if (disk.error() != 0) {
            GTEST_SKIP() << "cannot mount a small disk: " << std::strerror(disk.error());
        }
        store = open_sqlite_store(config);
    }

    /// Stores jobs until there is no room. What is in `acknowledged` was reported durable.
    void store_until_full() {
        for (int i = 0; i < 10'000; ++i) {
            const auto outcome = put(1000);
            if (outcome.status == commit_status::no_space) {
                EXPECT_TRUE(outcome.disk_low);
                EXPECT_NE(outcome.message.find("sluice.db"), std::string::npos);
                return;
            }
            ASSERT_EQ(outcome.status, commit_status::ok) << outcome.message;
        }
        FAIL() << "the disk never filled up";
    }
    commit_outcome put(std::size_t bytes, bool sync = true) {
        const auto job = make_job(next_seq, "[\"" + std::string(bytes, 'x') + "\"]");
        journal_batch batch;
        batch.sync = sync;
        batch.jobs = {stored(job)};
        auto outcome = store->commit_blocking(batch);
        if (outcome.status == commit_status::ok) {
            acknowledged.emplace(next_seq, describe(job_place::live, job));
        }
        ++next_seq;
        return outcome;
    }
    void reopen() {
        store.reset();
        store = open_sqlite_store(config);
    }

    small_disk disk;
    sqlite_store_config config;
    std::unique_ptr<job_store> store;
    std::int64_t next_seq = 1;
    store_contents acknowledged;
};

TEST_F(DiskFull, StopsNothingAndHealsWhenThereIsRoomAgain) {
    EXPECT_EQ(put(10).status, commit_status::ok);
    EXPECT_FALSE(store->disk_low_blocking());
    disk.fill(512 * 1024);
    EXPECT_TRUE(store->disk_low_blocking());
    store_until_full();
    EXPECT_EQ(put(100'000).status, commit_status::no_space);
    EXPECT_EQ(contents_of(*store), acknowledged);

    EXPECT_TRUE(store->make_room_blocking());
    EXPECT_EQ(put(1000).status, commit_status::ok) << "the reserve gives room to finish work";
    store_until_full();
    EXPECT_FALSE(store->make_room_blocking()) << "it was given back already";

    disk.free_up();
    EXPECT_FALSE(store->disk_low_blocking());
    EXPECT_EQ(put(1000).status, commit_status::ok);
    EXPECT_EQ(contents_of(*store), acknowledged);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (put(10).disk_low && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_FALSE(put(10).disk_low);
    EXPECT_TRUE(std::filesystem::exists(config.directory / "reserve")) << "it is set aside anew";
    reopen();
    EXPECT_EQ(contents_of(*store), acknowledged);
}

TEST_F(DiskFull, TheMarkCountsWhatTheLogWillNeedInTheDatabase) {
    config.wal_bytes = std::uint64_t{2} << 20;
    config.prepare_log = true;
    reopen();
    const auto left = config.disk_low_bytes + (std::uint64_t{1} << 20);
    disk.fill(left);
    EXPECT_FALSE(store->disk_low_blocking());
    for (int i = 0; i < 13; ++i) EXPECT_EQ(put(100'000).status, commit_status::ok);
    EXPECT_EQ(std::filesystem::space(disk.path()).available, left) << "the log had its room";
    EXPECT_TRUE(store->disk_low_blocking());
}

TEST_F(DiskFull, EndsInOrderWhenThereIsNoRoomToMoveTheLog) {
    config.wal_bytes = std::uint64_t{2} << 20;
    config.prepare_log = true;
    reopen();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(put(100'000).status, commit_status::ok);
    EXPECT_EQ(put(100'000, false).status, commit_status::ok);
    disk.fill(0);
    EXPECT_NO_THROW(store->close_blocking());
    EXPECT_GT(std::filesystem::file_size(config.directory / "sluice.db-wal"), 10 * 100'000U);
    disk.free_up();
    reopen();
    EXPECT_EQ(contents_of(*store), acknowledged);
}

TEST_F(DiskFull, ARunWhoseEndFoundNoRoomEndsWhenThereIsSome) {
    auto job = make_job(next_seq++);
    const auto write = [&](job_place from) {
        journal_batch batch;
        batch.jobs = {{from, job_place::live, job, {}}};
        return store->commit_blocking(batch).status;
    };
    ASSERT_EQ(write(job_place::nowhere), commit_status::ok);
    job.state = job_state::active;
    ASSERT_EQ(write(job_place::live), commit_status::ok);
    disk.fill(256 * 1024);
    store_until_full();
    job.state = job_state::retryable;
    job.result = std::string(300'002, '"');
    std::fill(job.result.begin() + 1, job.result.end() - 1, 'x');
    ASSERT_EQ(write(job_place::live), commit_status::no_space);
    EXPECT_EQ(store->find_blocking(job.spec->id)->record.state, job_state::active);
    disk.free_up();
    ASSERT_EQ(write(job_place::live), commit_status::ok);
    EXPECT_EQ(store->find_blocking(job.spec->id)->record.state, job_state::retryable);
}

TEST_F(DiskFull, AKilledServerStartsAgainOnAFullDisk) {
    disk.fill(256 * 1024);
    store_until_full();
    disk.free_up();
    disk.fill(0);
    ASSERT_TRUE(std::filesystem::exists(config.directory / "reserve"));
    ASSERT_NO_THROW(reopen());
    EXPECT_FALSE(std::filesystem::exists(config.directory / "reserve"));
    EXPECT_EQ(contents_of(*store), acknowledged);
    EXPECT_EQ(put(1000).status, commit_status::ok);
    disk.free_up();
    reopen();
    EXPECT_EQ(contents_of(*store), acknowledged);
}

TEST_F(DiskFull, ControlWithoutAReserveItCannotStart) {
    config.reserve_bytes = 0;
    std::filesystem::remove(config.directory / "reserve");
    reopen();
    disk.fill(256 * 1024);
    store_until_full();
    EXPECT_FALSE(store->make_room_blocking());
    disk.free_up();
    disk.fill(0);
    try {
        reopen();
        FAIL() << "it opened on a full disk";
    } catch (const store_error& e) {
        EXPECT_EQ(e.exit_code(), 74) << e.what();
    }
    disk.free_up();
    reopen();
    EXPECT_EQ(contents_of(*store), acknowledged);
}

}  // namespace
}  // namespace sluice::test
