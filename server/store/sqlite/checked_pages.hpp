#pragma once

#include <cstddef>

/// Checksums on the pages of the database file.
///
/// SQLite guards its log with checksums but trusts the database file: a bit flipped there changes a
/// job, or makes one vanish, without a word. So the file goes through a thin layer that keeps a
/// 64-bit checksum of each page, seeded with the page's number, in the eight bytes SQLite reserves
/// at its end. It is written when a checkpoint writes the page and verified whenever the page is
/// read; a page that does not match fails the read with SQLITE_IOERR_DATA. The cost is a few
/// hundred nanoseconds a page and no scan at start.
///
/// SQLite itself is shown zeros in place of the checksum, and so are those that read the log. When
/// another program moves a log into the database, the pages it writes therefore end in zeros;
/// `adopt_pages` gives them their checksums.
///
/// A page of zeros passes: SQLite may reserve pages it never writes. It takes no such page for one
/// of its trees, and the rows refuse texts with a zero byte.
namespace sluice::sqlite {

inline constexpr int page_bytes = 4096;
inline constexpr int page_checksum_bytes = 8;

/// The name of a VFS that does this on top of `base` (null: the default one). Registered on first
/// use and kept for the life of the process. Thread safe.
const char* checked_pages_vfs(const char* base);

/// How many pages of the file lack a checksum altogether.
std::size_t count_unchecked_pages(const char* path);
/// Gives those pages theirs. Nothing may have the file open. False if writing or syncing failed.
bool adopt_pages(const char* path);

/// How many whole pages of the file fail the check. For salvage.
std::size_t count_damaged_pages(const char* path);

}  // namespace sluice::sqlite
