#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sluice {

/// What salvage saved, and what it could not.
struct salvage_report {
    std::uint64_t live_jobs = 0;
    std::uint64_t finished_jobs = 0;
    std::uint64_t keys = 0;
    std::uint64_t queues = 0;  ///< pause switches
    std::uint64_t settings = 0;
    std::uint64_t crons = 0;
    std::uint64_t workflows = 0;
    std::uint64_t log_lines = 0;

    /// Jobs that cannot be read or are nonsense. Jobs that were purged from a page which is now
    /// damaged count too.
    std::uint64_t lost_rows = 0;
    std::uint64_t missing_commits = 0;  ///< acknowledged, by the mark, but not in the database
    std::uint64_t damaged_pages = 0;    ///< of the database file
    bool mark_readable = false;
    bool commits_known = false;  ///< without the mark or the count `missing_commits` is not

    /// Sentences for people, the first of each kind of problem; `lost_rows` counts on.
    std::vector<std::string> problems;
};

/// Copies all that can be read from the damaged store in `from` into a new one in `to`, which must
/// be missing or empty. `from` is only read, but for its lock and the index of its log.
///
/// A job is kept if its row can be read, its texts are JSON and its id is plausible; pages that
/// fail their checksum are read all the same. Where the log lost commits, jobs that finished in
/// them run again, and jobs stored in them are gone. The logs of jobs that are kept are saved as
/// far as they can be read. Sequence numbers, tickets and lease epochs continue above all that was
/// seen. Throws store_error: 65 if nothing can be read at all, 73 if `to` cannot be made or is not
/// empty, 75 if a server runs on `from`.
salvage_report salvage_store(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace sluice
