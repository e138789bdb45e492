#include "server/store/sqlite/sqlite_store.hpp"

#include "server/store/sqlite/data_directory.hpp"
#include "server/store/sqlite/job_reader.hpp"
#include "server/store/sqlite/journal_writer.hpp"
#include "server/store/sqlite/opening.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace sluice {
namespace {

using namespace sqlite;
using steady = std::chrono::steady_clock;

/// How old the mark may get on disk, and the look at the free space, while batches flow.
constexpr std::chrono::seconds mark_sync_interval{1};
constexpr std::chrono::milliseconds disk_check_interval{100};

/// Room that opening needs, for the log and its index.
constexpr std::uint64_t opening_bytes = std::uint64_t{1} << 20;

class sqlite_store final : public job_store {
public:
    explicit sqlite_store(const sqlite_store_config& config);

    restore_summary restore_blocking(const restore_sink& sink) override;
    commit_outcome commit_blocking(const journal_batch& batch) override;
    bool make_room_blocking() override { return directory_.drop_reserve(); }
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
    bool disk_low_blocking() override { return disk_low(directory_.free_bytes()); }
    purge_outcome purge_blocking(timestamp now, std::size_t max) override;
    void close_blocking() override;

private:
    void after_commit();
    void move_log();
    void write_mark();
    void look_at_disk();
    bool disk_low(std::uint64_t free_bytes) const;
    commit_outcome outcome_of(const database_error& e);
    commit_outcome fail(const std::string& why);
    template <class Read>
    auto read(Read function);

    sqlite_store_config config_;
    data_directory directory_;
    std::unique_ptr<mark_file> mark_file_;
    high_water_mark mark_;
    bool closed_before_ = true;
    std::optional<journal_writer> writer_;
    std::optional<job_reader> reader_;

    std::string failure_;  ///< not empty: no batch is taken any more
    steady::time_point mark_synced_at_{};
    steady::time_point disk_seen_at_{};
    bool disk_low_ = false;
    /// What the log holds that is not in the database yet. Also read by the reader thread.
    std::atomic<std::uint64_t> unmoved_bytes_{0};
};

sqlite_store::sqlite_store(const sqlite_store_config& config)
    : config_(config), directory_(config.directory) {
    const private_files mask;
    if (directory_.free_bytes() < opening_bytes) directory_.drop_reserve();
    auto opened = open_database(config_, directory_);
    mark_file_ = std::move(opened.mark);
    mark_ = opened.position;
    closed_before_ = mark_.closed || mark_.commit == 0;
    mark_.closed = false;
    try {
        writer_.emplace(std::move(opened.writer),
                        writer_options{config_.wal_bytes, config_.testing.durable});
        reader_.emplace(std::move(opened.reader));
        writer_->raise_epoch(config_.epoch_min, config_.next_seq_min);
        write_mark();
        mark_file_->sync();
        unmoved_bytes_ = writer_->log_bytes();
        look_at_disk();
        if (config_.prepare_log &&
            directory_.free_bytes() >= config_.disk_low_bytes + 2 * config_.wal_bytes)
            writer_->prepare_log();
    } catch (const database_error& e) {
        throw to_store_error(e, directory_.file(database_name));
    }
    mark_synced_at_ = steady::now();
}

template <class Read>
auto sqlite_store::read(Read function) {
    try {
        return function();
    } catch (const database_error& e) {
        throw to_store_error(e, directory_.file(database_name));
    }
}

restore_summary sqlite_store::restore_blocking(const restore_sink& sink) {
    read([&] { reader_->scan(sink); });
    return {writer_->epoch(), writer_->next_seq(), closed_before_};
}

std::vector<job_record> sqlite_store::load_blocking(std::span<const std::int64_t> seqs) {
    return read([&] { return reader_->load(seqs); });
}

std::optional<job_store::found_job> sqlite_store::find_blocking(const uuid& id) {
    return read([&] { return reader_->find(id); });
}

std::vector<job_store::found_job> sqlite_store::find_unique_blocking(const unique_key& key,
                                                                     job_state state,
                                                                     std::int64_t before_seq,
                                                                     std::size_t max) {
    return read([&] { return reader_->find_unique(key, state, before_seq, max); });
}

std::vector<job_results> sqlite_store::load_results_blocking(std::span<const std::int64_t> seqs) {
    return read([&] { return reader_->results(seqs); });
}

std::optional<workflow_record> sqlite_store::find_workflow_blocking(const uuid& id) {
    return read([&] { return reader_->find_workflow(id); });
}

std::vector<workflow_record> sqlite_store::list_workflows_blocking(const workflow_query& query) {
    return read([&] { return reader_->list_workflows(query); });
}

std::optional<key_record> sqlite_store::find_key_blocking(std::string_view key) {
    return read([&] { return reader_->find_key(key); });
}

log_end sqlite_store::log_end_blocking(std::int64_t seq) {
    return read([&] { return reader_->end_of_log(seq); });
}

std::vector<log_line> sqlite_store::read_log_blocking(std::int64_t seq, std::uint64_t after,
                                                      std::size_t lines_max) {
    return read([&] { return reader_->lines(seq, after, lines_max); });
}

job_page sqlite_store::list_blocking(const job_query& query) {
    return read([&] { return reader_->list(query); });
}

dead_letter_summary sqlite_store::sum_dead_letters_blocking(std::size_t max) {
    return read([&] { return reader_->sum_dead_letters(max); });
}

std::vector<job_record> sqlite_store::old_dead_letters_blocking(timestamp time, std::size_t max) {
    return read([&] { return reader_->old_dead_letters(time, max); });
}

commit_outcome sqlite_store::commit_blocking(const journal_batch& batch) {
    if (!failure_.empty()) return fail(failure_);
    try {
        writer_->apply(batch);
    } catch (const database_error& e) {
        return outcome_of(e);
    } catch (const std::exception& e) {
        return fail(directory_.file(database_name) + ": " + e.what());
    }
    try {
        after_commit();
    } catch (const database_error& e) {
        // The batch is durable, but the disk is not to be trusted any longer.
        return fail(directory_.file(database_name) + ": " + e.what());
    }
    return {commit_status::ok, disk_low_, {}};
}

commit_outcome sqlite_store::outcome_of(const database_error& e) {
    const std::string why = directory_.file(database_name) + ": " + e.what();
    if (!e.is_no_space() || !writer_->usable()) return fail(why);
    disk_low_ = true;
    return {commit_status::no_space, true, why};
}

commit_outcome sqlite_store::fail(const std::string& why) {
    failure_ = why;
    return {commit_status::failed, disk_low_, why};
}

void sqlite_store::after_commit() {
    // Only what is synced: the mark's page may reach the disk before an unsynced log does.
    if (writer_->last_synced() != mark_.commit) write_mark();
    const auto now = steady::now();
    const bool checkpoint = writer_->checkpoint_due();
    if (checkpoint || now - mark_synced_at_ >= mark_sync_interval) {
        mark_file_->sync();
        mark_synced_at_ = now;
    }
    if (checkpoint) move_log();
    unmoved_bytes_ = writer_->log_bytes();
    if (now - disk_seen_at_ >= disk_check_interval) look_at_disk();
}

void sqlite_store::move_log() {
    try {
        if (!writer_->checkpoint()) return;
    } catch (const database_error& e) {
        // The log keeps the commits and grows until there is room again.
        if (!e.is_no_space()) throw;
        disk_low_ = true;
        return;
    }
    mark_.checkpointed = writer_->last_commit();
    write_mark();
}

void sqlite_store::write_mark() {
    mark_.commit = writer_->last_synced();
    mark_.epoch = writer_->epoch();
    mark_.next_seq = static_cast<std::uint64_t>(writer_->next_seq());
    try {
        mark_file_->write(mark_);
    } catch (const database_error& e) {
        // Its blocks are there, so only a file system that copies on write can say so. A mark that
        // stays behind is weaker, not wrong.
        if (!e.is_no_space()) throw;
    }
}

void sqlite_store::look_at_disk() {
    disk_seen_at_ = steady::now();
    const auto free = directory_.free_bytes();
    disk_low_ = disk_low(free);
    if (free >= config_.disk_low_bytes + config_.reserve_bytes) {
        directory_.keep_reserve(config_.reserve_bytes);
    }
}

/// The log's file has room for what it holds, but the database will need as much when it is moved.
bool sqlite_store::disk_low(std::uint64_t free_bytes) const {
    return config_.disk_low_bytes > 0 && free_bytes < config_.disk_low_bytes + unmoved_bytes_;
}

job_store::purge_outcome sqlite_store::purge_blocking(timestamp now, std::size_t max) {
    if (!failure_.empty()) return {};
    try {
        const auto outcome = writer_->purge(now, max);
        if (outcome.gone > 0) after_commit();
        return outcome;
    } catch (const database_error& e) {
        outcome_of(e);
    } catch (const std::exception& e) {
        fail(directory_.file(database_name) + ": " + e.what());
    }
    if (!failure_.empty()) throw store_error(exit_io, failure_);
    return {};
}

void sqlite_store::close_blocking() {
    if (!writer_) return;
    reader_.reset();
    if (failure_.empty()) {
        read([&] {
            writer_->sync_all();
            write_mark();
            mark_file_->sync();
            try {
                writer_->finish();
            } catch (const database_error& e) {
                if (e.is_no_space()) return;  // the log keeps it all, and the mark says so
                throw;
            }
            mark_.checkpointed = writer_->last_commit();
            mark_.closed = true;
            write_mark();
            mark_file_->sync();
        });
    }
    writer_.reset();
    mark_file_.reset();
}

}  // namespace

std::unique_ptr<job_store> open_sqlite_store(const sqlite_store_config& config) {
    // Counting allocations costs a lock for each. Refused when SQLite is in use already.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return std::make_unique<sqlite_store>(config);
}

}  // namespace sluice
