#pragma once

#include "server/queue/job_store.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::test {

/// A copy that shares nothing with the original: what happens to one is never seen in the other.
job_record deep_copy(const job_record& record);

/// What a disk holds after some batches. Everything in it is a copy of its own.
struct disk_image {
    struct row {
        std::shared_ptr<const job_record> record;
        std::optional<timestamp> purge_at;
    };
    std::map<std::int64_t, row> live;
    std::map<std::int64_t, row> history;
    std::unordered_map<uuid, std::int64_t> seq_of;
    std::map<std::int64_t, std::vector<log_write>> logs;  ///< by seq of their job
    std::map<std::string, key_record, std::less<>> keys;
    std::map<std::string, bool, std::less<>> queues;
    std::map<std::pair<setting_kind, std::string>, std::string> settings;
    std::map<std::string, cron_record, std::less<>> crons;
    std::map<std::int64_t, workflow_record> workflows;
    std::int64_t next_seq = 1;

    /// Does what the batch says. The answer names what cannot be, such as an insert over a row that
    /// is there; nothing is changed then.
    std::string apply(const journal_batch& batch);

    log_end end_of_log(std::int64_t seq) const;

private:
    std::string check(const journal_batch& batch) const;
    std::string check_logs(const journal_batch& batch) const;
    std::map<std::int64_t, row>& table(job_place place);
    const std::map<std::int64_t, row>& table(job_place place) const;
};

/// A disk for tests, with faults. It outlives the stores that are opened on it, one after the
/// other.
///
/// A process crash keeps every batch whose commit returned. A power loss keeps those up to the
/// latest synced one, and as many of the later ones as the test says. All functions may be called
/// from any thread.
class memory_disk {
public:
    // -- what a test may do to it
    /// Loses all batches after the latest synced one, except the first `survivors` of them.
    void lose_power(std::size_t survivors = 0);
    std::size_t unsynced_batches() const;

    /// The n-th commit from now on fails, 1 being the next. `written`: its batch is on the disk all
    /// the same, as after a failed sync.
    void fail_commit(int nth, bool written = false);
    /// This many commits find no room from now on, whatever room is made.
    void refuse_for_space(int commits);
    /// Whether there is a reserve to be freed; `make_room_blocking` uses it up.
    void set_reserve(bool there);
    void set_disk_low(bool low);
    void fail_reads(bool fail);
    void fail_close(bool fail);
    /// Reads wait until they are let go.
    void hold_reads();
    void release_reads();
    /// Commits wait until they are let go. For tests of what is said meanwhile.
    void hold_commits();
    void release_commits();
    /// A commit has arrived and is being held.
    bool commit_waits() const;

    // -- faulty on purpose, for the controls of crash tests
    /// Says ok to a synced batch and keeps it only until the power is lost.
    void forget_to_sync(bool forget);
    /// Opens with the epoch of the time before.
    void forget_epoch(bool forget);

    // -- to look at it
    /// Called for each commit, on its thread, before it is done. Set it before the store is used.
    void watch_commits(std::function<void(const journal_batch&)> watcher);
    disk_image image() const;
    std::uint32_t epoch() const;
    std::uint64_t commits() const;
    bool closed() const;

private:
    friend class memory_store;

    mutable std::mutex mutex_;
    std::condition_variable released_;
    disk_image written_;  ///< what a process sees
    disk_image synced_;   ///< what the power cannot take
    std::vector<journal_batch> unsynced_;
    std::function<void(const journal_batch&)> watcher_;
    std::uint32_t epoch_ = 0;
    std::uint64_t commits_ = 0;
    std::optional<int> fail_in_;
    bool fail_written_ = false;
    int no_space_ = 0;
    bool reserve_ = false;
    bool disk_low_ = false;
    bool fail_reads_ = false;
    bool fail_close_ = false;
    bool hold_reads_ = false;
    bool hold_ = false;
    bool waiting_ = false;
    bool forget_to_sync_ = false;
    bool forget_epoch_ = false;
    bool closed_ = false;
};

/// A job store in memory, with the exact meaning of job_store.hpp. A batch that contradicts what is
/// stored fails, so a test of whoever writes the batches fails as well.
class memory_store final : public job_store {
public:
    explicit memory_store(std::shared_ptr<memory_disk> disk) : disk_(std::move(disk)) {}

    restore_summary restore_blocking(const restore_sink& sink) override;
    commit_outcome commit_blocking(const journal_batch& batch) override;
    bool make_room_blocking() override;
    std::vector<job_record> load_blocking(std::span<const std::int64_t> seqs) override;
    std::optional<found_job> find_blocking(const uuid& id) override;
    std::vector<found_job> find_unique_blocking(const unique_key& key, job_state state,
                                                std::int64_t before_seq, std::size_t max) override;
    std::optional<key_record> find_key_blocking(std::string_view key) override;
    std::vector<job_results> load_results_blocking(std::span<const std::int64_t> seqs) override;
    std::optional<workflow_record> find_workflow_blocking(const uuid& id) override;
    std::vector<workflow_record> list_workflows_blocking(const workflow_query& query) override;
    log_end log_end_blocking(std::int64_t seq) override;
    std::vector<log_line> read_log_blocking(std::int64_t seq, std::uint64_t after,
                                            std::size_t lines_max) override;
    job_page list_blocking(const job_query& query) override;
    dead_letter_summary sum_dead_letters_blocking(std::size_t max) override;
    std::vector<job_record> old_dead_letters_blocking(timestamp time, std::size_t max) override;
    bool disk_low_blocking() override;
    purge_outcome purge_blocking(timestamp now, std::size_t max) override;
    void close_blocking() override;

private:
    std::unique_lock<std::mutex> lock_for_read() const;

    std::shared_ptr<memory_disk> disk_;
    std::uint64_t latest_batch_ = 0;
    bool failed_ = false;
};

}  // namespace sluice::test
