#include "server/store/sqlite/mark_file.hpp"

#include "server/store/sqlite/database.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <tuple>

namespace sluice::sqlite {
namespace {

/// As it lies in the file, in the byte order of the machine, like SQLite's own log index.
struct slot {
    std::array<char, 8> magic{'s', 'l', 'c', 'm', 'a', 'r', 'k', '1'};
    std::uint64_t commit = 0;
    std::uint64_t checkpointed = 0;
    std::uint64_t epoch = 0;
    std::uint64_t next_seq = 0;
    std::uint64_t closed = 0;
    std::uint64_t unused = 0;
    std::uint64_t checksum = 0;
};
static_assert(sizeof(slot) == mark_file::slot_bytes);

/// FNV-1a over all but the checksum itself.
std::uint64_t checksum(const slot& s) {
    std::array<unsigned char, offsetof(slot, checksum)> bytes;
    std::memcpy(bytes.data(), &s, bytes.size());
    std::uint64_t sum = 0xcbf29ce484222325;
    for (const unsigned char byte : bytes) sum = (sum ^ byte) * 0x100000001b3;
    return sum;
}

bool is_whole(const slot& s) {
    return s.magic == slot{}.magic && s.checksum == checksum(s);
}

}  // namespace

mark_file::mark_file(const std::string& path, const char* vfs_name, bool create) : path_(path) {
    sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_name);
    if (!vfs) throw database_error(SQLITE_MISUSE, 0, "there is no such VFS");
    const auto bytes = static_cast<std::size_t>(vfs->szOsFile);
    storage_.resize((bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
    auto* file = reinterpret_cast<sqlite3_file*>(storage_.data());
    // Opened as a journal, so that the first sync of a new file also syncs its directory.
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_SUPER_JOURNAL;
    if (create) flags |= SQLITE_OPEN_CREATE;
    const int rc = vfs->xOpen(vfs, path_.c_str(), file, flags, &flags);
    // A file that could not be opened for writing may have been opened for reading instead.
    if (file->pMethods) file_ = file;
    if (rc != SQLITE_OK) check(rc, "opening");
    if ((flags & SQLITE_OPEN_READONLY) != 0) {
        file_->pMethods->xClose(file_);
        check(SQLITE_READONLY, "opening");
    }
}

mark_file::~mark_file() {
    file_->pMethods->xClose(file_);
}

void mark_file::check(int code, const char* doing) const {
    if (code == SQLITE_OK) return;
    throw database_error(code, file_ ? last_errno(file_) : 0,
                         std::string(doing) + ' ' + path_ + ": " + sqlite3_errstr(code));
}

std::optional<high_water_mark> mark_file::read() {
    std::optional<high_water_mark> newest;
    for (int i = 0; i < 2; ++i) {
        slot s;
        const int rc =
            file_->pMethods->xRead(file_, &s, slot_bytes, sqlite3_int64{i} * slot_stride);
        if (rc == SQLITE_IOERR_SHORT_READ) continue;
        check(rc, "reading");
        if (!is_whole(s)) continue;
        const high_water_mark found{s.commit, s.checkpointed, s.epoch, s.next_seq, s.closed != 0};
        // The last two of a store that is being closed are of the same commit.
        const auto age = [](const high_water_mark& m) {
            return std::tuple(m.commit, m.checkpointed, m.closed);
        };
        if (newest && age(*newest) > age(found)) continue;
        newest = found;
        next_slot_ = 1 - i;
    }
    return newest;
}

void mark_file::write(const high_water_mark& mark) {
    slot s;
    s.commit = mark.commit;
    s.checkpointed = mark.checkpointed;
    s.epoch = mark.epoch;
    s.next_seq = mark.next_seq;
    s.closed = mark.closed ? 1 : 0;
    s.checksum = checksum(s);
    check(file_->pMethods->xWrite(file_, &s, slot_bytes, sqlite3_int64{next_slot_} * slot_stride),
          "writing");
    next_slot_ = 1 - next_slot_;
}

void mark_file::sync() {
    check(file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY), "syncing");
}

}  // namespace sluice::sqlite
