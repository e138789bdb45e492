#include "server/store/sqlite/gathered_log.hpp"

#include "server/store/sqlite/checked_pages.hpp"
#include "server/store/sqlite/layered_file.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace sluice::sqlite {
namespace {

constexpr int frame_header_bytes = 24;
constexpr int frame_bytes = frame_header_bytes + page_bytes;
constexpr int frames_max = 16;
constexpr int log_header_bytes = 32;

using frames = std::array<std::byte, std::size_t{frames_max} * frame_bytes>;

/// The second word of a frame's header: the size of the database after a commit, 0 within one.
bool ends_transaction(const void* header) {
    std::array<unsigned char, 4> pages{};
    std::memcpy(pages.data(), static_cast<const unsigned char*>(header) + 4, pages.size());
    return std::any_of(pages.begin(), pages.end(), [](unsigned char b) { return b != 0; });
}

}  // namespace

struct gathered_log {
    sqlite3_file base;
    /// Made by the first frame: logs that are only read need none.
    frames* buffer;
    sqlite3_int64 offset;   ///< of the first gathered byte
    int size;               ///< of what is gathered
    sqlite3_int64 next;     ///< where the frame after the latest one begins
    sqlite3_int64 page_at;  ///< where the page of the latest header belongs
    bool last;              ///< that header ends a transaction

    sqlite3_file* below() { return file_below<gathered_log>(&base); }
    const sqlite3_io_methods& methods() { return *below()->pMethods; }

    int flush() {
        const int amount = std::exchange(size, 0);
        if (amount == 0) return SQLITE_OK;
        return methods().xWrite(below(), buffer->data(), amount, offset);
    }

    int write_through(const void* in, int amount, sqlite3_int64 at) {
        const int rc = flush();
        return rc == SQLITE_OK ? methods().xWrite(below(), in, amount, at) : rc;
    }

    bool has_buffer() {
        if (!buffer) buffer = new (std::nothrow) frames;
        return buffer != nullptr;
    }

    void gather(const void* in, int amount, sqlite3_int64 at) {
        if (size == 0) offset = at;
        std::memcpy(buffer->data() + size, in, static_cast<std::size_t>(amount));
        size += amount;
    }

    int write_header(const void* in, sqlite3_int64 at) {
        page_at = at + frame_header_bytes;
        last = ends_transaction(in);
        // A header by itself is one that SQLite computes anew, always of an earlier frame.
        if (at != next || !has_buffer()) return write_through(in, frame_header_bytes, at);
        gather(in, frame_header_bytes, at);
        return SQLITE_OK;
    }

    int write_page(const void* in, sqlite3_int64 at) {
        if (at == page_at) next = at + page_bytes;
        if (size == 0 || at != offset + size) return write_through(in, page_bytes, at);
        gather(in, page_bytes, at);
        const bool full = size == static_cast<int>(buffer->size());
        return last || full ? flush() : SQLITE_OK;
    }

    int write(const void* in, int amount, sqlite3_int64 at) {
        if (amount == frame_header_bytes) return write_header(in, at);
        if (amount == page_bytes) return write_page(in, at);
        if (at == 0 && amount == log_header_bytes) next = log_header_bytes;
        return write_through(in, amount, at);
    }

    int close() {
        const int flushed = flush();
        delete std::exchange(buffer, nullptr);
        const int closed = methods().xClose(below());
        return flushed != SQLITE_OK ? flushed : closed;
    }
};

namespace {

gathered_log& log_of(sqlite3_file* file) {
    return *reinterpret_cast<gathered_log*>(file);
}

/// Passes a call on once everything gathered is in the file.
template <auto Method, class... Arguments>
int flush_and_forward(sqlite3_file* file, Arguments... arguments) {
    const int rc = log_of(file).flush();
    return rc == SQLITE_OK ? forward<gathered_log, Method>(file, arguments...) : rc;
}

// Version 1: what the later ones add, memory that is mapped or shared, is for the database.
constexpr sqlite3_io_methods log_methods{
    .iVersion = 1,
    .xClose = [](sqlite3_file* file) { return log_of(file).close(); },
    .xRead = flush_and_forward<&sqlite3_io_methods::xRead>,
    .xWrite = [](sqlite3_file* file, const void* in, int amount,
                 sqlite3_int64 at) { return log_of(file).write(in, amount, at); },
    .xTruncate = flush_and_forward<&sqlite3_io_methods::xTruncate>,
    .xSync = flush_and_forward<&sqlite3_io_methods::xSync>,
    .xFileSize = flush_and_forward<&sqlite3_io_methods::xFileSize>,
    .xLock = forward<gathered_log, &sqlite3_io_methods::xLock>,
    .xUnlock = forward<gathered_log, &sqlite3_io_methods::xUnlock>,
    .xCheckReservedLock = forward<gathered_log, &sqlite3_io_methods::xCheckReservedLock>,
    .xFileControl = forward<gathered_log, &sqlite3_io_methods::xFileControl>,
    .xSectorSize = forward<gathered_log, &sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = forward<gathered_log, &sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

}  // namespace

int gathered_log_bytes() {
    return static_cast<int>(sizeof(gathered_log));
}

int open_gathered_log(sqlite3_vfs* base, const char* name, sqlite3_file* file, int flags,
                      int* out) {
    auto& log = *new (file) gathered_log{};
    log.next = -1;
    log.page_at = -1;
    const int rc = base->xOpen(base, name, log.below(), flags, out);
    if (rc == SQLITE_OK) file->pMethods = &log_methods;
    return rc;
}

}  // namespace sluice::sqlite
