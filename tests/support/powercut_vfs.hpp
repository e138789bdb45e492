#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace sluice::test {

/// A disk that loses power, or fails, on demand: a VFS of SQLite over the default one.
///
/// Writes are kept in memory until the file is synced; the real files hold only what a power cut
/// would leave. The process itself sees everything it wrote. For one thread.
class powercut_vfs {
public:
    static constexpr const char* name = "sluice-powercut";

    /// What a cut leaves of the writes that were not synced.
    enum class variant {
        drop_all,        ///< nothing
        torn,            ///< of each file, the first bytes up to a random one
        reordered,       ///< any of them, in any order
        new_files_gone,  ///< nothing, nor files made since their directory was synced
    };
    enum class operation { open, write, sync, truncate, remove, shared_memory };

    /// The one there is, registered with SQLite.
    static powercut_vfs& instance();

    /// Power on: forgets everything, the planned cut and fault too. No file may be open.
    void start(std::uint64_t seed);

    /// Cuts the power at the n-th change of the disk from now (the first is 1). Everything after
    /// fails and leaves no trace.
    void cut_at(std::uint64_t change, variant how);
    void cut_now(variant how);
    bool is_cut() const { return cut_; }
    /// Changes of the disk since `start`.
    std::uint64_t changes() const { return changes_; }

    /// The n-th call of a kind from now fails with this result code and errno. A failed write
    /// leaves half; a failed sync drops what it should have saved, as Linux does.
    void fail_at(operation what, std::uint64_t call, int code, int error);
    /// True once the planned fault has happened.
    bool has_failed() const { return failed_; }

    /// What the process would leave behind if it was killed now while the power stays on.
    void write_back();

    struct image;
    struct handle;

    // What the C functions of the VFS call.
    std::shared_ptr<image> open_image(const std::string& path, sqlite3_file* real, bool created);
    /// The code to fail with, or SQLITE_OK.
    int fault(operation what);
    bool count_change();
    void save(image& file);
    void discard(image& file);
    void directory_synced();
    std::optional<bool> exists(const std::string& path) const;
    void forget(const std::string& path);
    /// The errno of the planned fault once it has happened, else 0.
    int fault_errno() const { return failed_ ? fault_errno_ : 0; }

private:
    powercut_vfs();
    void keep_some(image& file, variant how);

    std::map<std::string, std::shared_ptr<image>> images_;
    std::mt19937_64 random_;
    std::uint64_t changes_ = 0;
    std::uint64_t cut_change_ = 0;
    variant cut_how_ = variant::drop_all;
    bool cut_ = false;

    operation fault_what_ = operation::write;
    std::uint64_t fault_calls_left_ = 0;
    int fault_code_ = SQLITE_OK;
    int fault_errno_ = 0;
    bool failed_ = false;
};

}  // namespace sluice::test
