#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/sqlite_store.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace sluice::test {

/// A directory of its own that goes away with the object.
class temp_directory {
public:
    temp_directory();
    ~temp_directory();
    temp_directory(const temp_directory&) = delete;
    temp_directory& operator=(const temp_directory&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// The seed of a randomised test: SLUICE_SEED if that is set. Prints it, so that a failure can be
/// repeated.
std::uint64_t announced_seed();

/// A connection that writes a database in write-ahead mode, with pages as the store has them. Its
/// log stays until a checkpoint is asked for.
sqlite::connection open_writer(const std::filesystem::path& file, const char* vfs);

/// A store that fits a test: small reserve, small log, so that checkpoints come often.
sqlite_store_config small_store(const std::filesystem::path& directory);

job_record make_job(std::int64_t seq, std::string args = "[]");
job_write stored(job_record job);

/// What a test compares of each job, by sequence number.
using store_contents = std::map<std::int64_t, std::string>;
std::string describe(job_place place, const job_record& job);
std::string describe(const log_line& line);
/// All a store holds, read through its own interface. Throws store_error.
store_contents contents_of(job_store& store);

/// Makes batches as an engine would, at random, and knows what the store must then hold.
class store_model {
public:
    explicit store_model(std::uint64_t seed) : random_(seed) {}

    journal_batch next_batch();
    const store_contents& contents() const { return contents_; }

private:
    struct known_job {
        job_place place = job_place::live;
        job_record record;
        log_end log;
        std::string lines;  ///< of its log
    };
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    void put(journal_batch& batch, job_place to, job_record record);
    void change_one(journal_batch& batch);
    void say_something(journal_batch& batch, known_job& job);

    std::mt19937_64 random_;
    std::int64_t next_seq_ = 1;
    std::uint64_t batches_ = 0;
    std::map<std::int64_t, known_job> jobs_;
    store_contents contents_;
};

}  // namespace sluice::test
