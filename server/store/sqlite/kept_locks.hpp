#pragma once

#include <sqlite3.h>

/// The locks that the writing connection does not give back between transactions.
///
/// A transaction in write-ahead mode takes and returns three locks, each by a system call: that of
/// the one writer, that of a read mark to set the mark, and the same shared to read under it
/// (https://www.sqlite.org/walformat.html, "WAL locks"). Nobody but the server may write its
/// database, so it may as well stay the writer; and it keeps the read mark it has, as if somebody
/// went on reading there. To SQLite and to other programs both look like connections that take
/// their time, which they have to cope with anyway: others read as before and write no more, and a
/// mark that is kept and not the latest holds up checkpoints by others alone. Its own take it back.
///
/// docs/decisions/0039. What is asked for in which order was read in the source of SQLite 3.40.1
/// (wal.c). Not thread-safe, like the connection it belongs to. Serves `file`, which must outlive
/// it.
namespace sluice::sqlite {

class kept_locks {
public:
    explicit kept_locks(sqlite3_file* file) : file_(file) {}

    /// In place of xShmLock of the file.
    int lock(int first, int count, int flags);
    /// Before the file's xShmUnmap, which forgets them.
    void give_back();

private:
    int unlock(int first, int count, int flags);
    int lock_for_writing();
    int lock_for_reading(int first);
    int lock_marks(int first, int count);
    int take(int first, int count, int flags);
    int give_back_mark();

    static constexpr int none = -1;

    sqlite3_file* file_;
    bool writes_ = false;       ///< the writer's lock is held
    bool checkpoints_ = false;  ///< a checkpoint or a recovery is under way
    int mark_ = none;           ///< whose lock is held, shared
    bool reads_ = false;        ///< SQLite uses it, and does not ask for it exclusively meanwhile
    int refused_ = 0;           ///< marks since it last began to read
};

}  // namespace sluice::sqlite
