#pragma once

#include <sqlite3.h>

/// The file of SQLite's write-ahead log, with fewer system calls.
///
/// SQLite writes each page of a transaction to its log by two calls: the frame's header of 24 bytes
/// and the page (https://www.sqlite.org/fileformat2.html#walformat). A lone job's commit takes
/// four that way, one for 31 jobs eleven. Here frames that follow each other are gathered and
/// written as one: at the end of the transaction, which the header of its last frame tells, before
/// a sync, a read, a look at the size or a truncation, and when the buffer is full. So by the time
/// a commit returns its frames are with the operating system, as without this layer, and a page
/// that SQLite takes back into memory comes from the file.
///
/// What cannot be written is forgotten and fails the call that wanted it out, which is one of the
/// same transaction: SQLite then rolls that back.
///
/// Everything else that is written, such as the log's own header or a frame that is written anew,
/// goes through at once.
namespace sluice::sqlite {

/// What SQLite has for the open log; see layered_file.hpp.
struct gathered_log;

/// So much memory must be there beside what the base needs.
int gathered_log_bytes();

/// The xOpen of a log. Gathers what is written through `file` until it is closed.
int open_gathered_log(sqlite3_vfs* base, const char* name, sqlite3_file* file, int flags, int* out);

}  // namespace sluice::sqlite
