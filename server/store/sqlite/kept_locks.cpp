#include "server/store/sqlite/kept_locks.hpp"

#include <utility>

namespace sluice::sqlite {
namespace {

constexpr int write_lock = 0;
constexpr int checkpoint_lock = 1;
/// For those who read the database alone, without the log. A checkpoint needs it, so it is not
/// kept.
constexpr int first_read_lock = 3;
constexpr int marks = 4;

}  // namespace

int kept_locks::lock(int first, int count, int flags) {
    if ((flags & SQLITE_SHM_UNLOCK) != 0) return unlock(first, count, flags);
    if (first == write_lock && (flags & SQLITE_SHM_EXCLUSIVE) != 0) return lock_for_writing();
    if (first > first_read_lock)
        return (flags & SQLITE_SHM_SHARED) != 0 ? lock_for_reading(first)
                                                : lock_marks(first, count);
    const int rc = take(first, count, flags);
    if (first == checkpoint_lock && rc == SQLITE_OK) checkpoints_ = true;
    return rc;
}

int kept_locks::unlock(int first, int count, int flags) {
    if (first == write_lock && writes_) return SQLITE_OK;
    if (first == mark_ && (flags & SQLITE_SHM_SHARED) != 0) {
        reads_ = false;
        return SQLITE_OK;
    }
    if (first == checkpoint_lock) checkpoints_ = false;
    return take(first, count, flags);
}

int kept_locks::lock_for_writing() {
    if (writes_) return SQLITE_OK;
    const int rc = take(write_lock, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
    writes_ = rc == SQLITE_OK;
    return rc;
}

int kept_locks::lock_for_reading(int first) {
    if (first != mark_) {
        const int taken = take(first, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED);
        if (taken != SQLITE_OK) return taken;
        const int given = give_back_mark();
        mark_ = first;
        if (given != SQLITE_OK) return given;
    }
    reads_ = true;
    refused_ = 0;
    return SQLITE_OK;
}

/// To set marks. Who only begins to read would like to set one to the present end of the log, and
/// does with an older one, such as ours, when all of them are in use. Should none be old enough,
/// since somebody who was late set ours while the log began anew, it asks for all of them again.
int kept_locks::lock_marks(int first, int count) {
    if (mark_ != none && count == 1 && !checkpoints_ && refused_ < marks) {
        ++refused_;
        return SQLITE_BUSY;
    }
    if (mark_ >= first && mark_ < first + count && !reads_) {
        const int given = give_back_mark();
        if (given != SQLITE_OK) return given;
    }
    return take(first, count, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
}

int kept_locks::take(int first, int count, int flags) {
    return file_->pMethods->xShmLock(file_, first, count, flags);
}

int kept_locks::give_back_mark() {
    const int mark = std::exchange(mark_, none);
    return mark == none ? SQLITE_OK : take(mark, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
}

void kept_locks::give_back() {
    give_back_mark();
    if (std::exchange(writes_, false))
        take(write_lock, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
}

}  // namespace sluice::sqlite
