#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The high-water mark: what the database must hold at least, kept in a file of its own.
///
/// When SQLite finds a bad checksum in its log it takes that for the end and drops all commits
/// behind it without a word. The mark makes such a loss visible: a database that ends below it is
/// damaged. It is written after each synced commit, never before, so a power cut cannot leave it
/// ahead of the database. Two slots, each in a page of its own, take turns, so a torn write leaves
/// the older one.
namespace sluice::sqlite {

struct high_water_mark {
    std::uint64_t commit = 0;        ///< latest commit that was synced
    std::uint64_t checkpointed = 0;  ///< latest commit known to be in the database file itself
    std::uint64_t epoch = 0;         ///< for salvage, when the database can no longer tell
    std::uint64_t next_seq = 1;      ///< the same
    bool closed = false;             ///< the store was closed in order and has no log
};

/// Goes through the same VFS as the database, so that tests reach it too. Throws database_error.
class mark_file {
public:
    static constexpr int slot_bytes = 64;
    static constexpr int slot_stride = 4096;

    /// Opens the file, creating it if told to.
    mark_file(const std::string& path, const char* vfs, bool create);
    ~mark_file();
    mark_file(const mark_file&) = delete;
    mark_file& operator=(const mark_file&) = delete;

    /// The newer of the slots that are whole; nothing if neither is.
    std::optional<high_water_mark> read();
    /// Overwrites the slot that is not the newer one. Survives the process; `sync` makes it survive
    /// the power.
    void write(const high_water_mark& mark);
    void sync();

private:
    void check(int code, const char* doing) const;

    std::string path_;  ///< SQLite keeps the pointer, so it outlives the file
    std::vector<std::max_align_t> storage_;
    sqlite3_file* file_ = nullptr;
    int next_slot_ = 0;
};

}  // namespace sluice::sqlite
