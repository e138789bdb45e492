#include "server/store/sqlite/checked_pages.hpp"

#include "server/store/sqlite/gathered_log.hpp"
#include "server/store/sqlite/kept_locks.hpp"
#include "server/store/sqlite/layered_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>

namespace sluice::sqlite {
namespace {

using page_image = std::array<unsigned char, page_bytes>;
constexpr int header_bytes = 100;
constexpr std::size_t covered_bytes = page_bytes - page_checksum_bytes;

std::uint64_t load_word(const unsigned char* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// Each step is a bijection of the word and of the lane, so damage within one word never passes;
/// other damage passes with a chance of 2^-64. Never 0: that is what a page without one holds.
std::uint64_t checksum(const unsigned char* bytes, std::uint64_t page_number) {
    constexpr std::uint64_t factor = 0x9e3779b97f4a7c15;
    std::array<std::uint64_t, 4> lanes{page_number, ~page_number, page_number + factor,
                                       page_number ^ factor};
    constexpr std::size_t stride = lanes.size() * sizeof(std::uint64_t);
    std::size_t at = 0;
    for (; at + stride <= covered_bytes; at += stride) {
        for (std::size_t i = 0; i < lanes.size(); ++i) {
            lanes[i] = std::rotl((lanes[i] ^ load_word(bytes + at + 8 * i)) * factor, 29);
        }
    }
    for (std::size_t i = 0; at + 8 <= covered_bytes; at += 8, ++i) {
        lanes[i] = std::rotl((lanes[i] ^ load_word(bytes + at)) * factor, 29);
    }
    std::uint64_t sum = 0;
    for (const std::uint64_t lane : lanes) {
        sum = (sum ^ lane) * factor;
        sum ^= sum >> 32;
    }
    return std::max<std::uint64_t>(sum, 1);
}

bool is_empty(const unsigned char* bytes) {
    return std::all_of(bytes, bytes + page_bytes, [](unsigned char b) { return b == 0; });
}

bool is_unchecked(const unsigned char* bytes) {
    return load_word(bytes + covered_bytes) == 0 && !is_empty(bytes);
}

void write_checksum(unsigned char* bytes, std::uint64_t page_number) {
    const std::uint64_t sum = checksum(bytes, page_number);
    std::memcpy(bytes + covered_bytes, &sum, sizeof sum);
}

bool page_is_good(const unsigned char* bytes, std::uint64_t page_number) {
    const std::uint64_t stored = load_word(bytes + covered_bytes);
    return stored == checksum(bytes, page_number) || is_empty(bytes);
}

/// What SQLite sees as the open database.
struct checked_file {
    sqlite3_file base;
    std::optional<kept_locks> locks;  ///< of a connection that writes
};

checked_file& checked(sqlite3_file* file) {
    return *reinterpret_cast<checked_file*>(file);
}

sqlite3_file* below(sqlite3_file* file) {
    return file_below<checked_file>(file);
}

int read_page(sqlite3_file* file, unsigned char* out, sqlite3_int64 index) {
    const int rc = below(file)->pMethods->xRead(below(file), out, page_bytes, index * page_bytes);
    if (rc != SQLITE_OK) return rc;
    if (!page_is_good(out, static_cast<std::uint64_t>(index) + 1)) return SQLITE_IOERR_DATA;
    std::memset(out + covered_bytes, 0, page_checksum_bytes);
    return SQLITE_OK;
}

int checked_read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
    auto* to = static_cast<unsigned char*>(out);
    if (amount == page_bytes && offset % page_bytes == 0) {
        return read_page(file, to, offset / page_bytes);
    }
    // The header is read by itself to learn the page size, even while the log holds a newer page 1
    // and a power cut has torn this one. Before it is trusted it is read again as part of its page.
    if (offset + amount <= header_bytes) {
        return below(file)->pMethods->xRead(below(file), out, amount, offset);
    }
    page_image whole;
    while (amount > 0) {
        const auto skip = static_cast<int>(offset % page_bytes);
        const int part = std::min(amount, page_bytes - skip);
        const int rc = read_page(file, whole.data(), offset / page_bytes);
        if (rc != SQLITE_OK) return rc;
        std::memcpy(to, whole.data() + skip, static_cast<std::size_t>(part));
        to += part;
        amount -= part;
        offset += part;
    }
    return SQLITE_OK;
}

int checked_write(sqlite3_file* file, const void* in, int amount, sqlite3_int64 offset) {
    // In write-ahead mode only whole pages are written; the mode is set before the first job.
    if (amount != page_bytes || offset % page_bytes != 0) return SQLITE_IOERR_WRITE;
    page_image whole;
    std::memcpy(whole.data(), in, covered_bytes);
    write_checksum(whole.data(), static_cast<std::uint64_t>(offset / page_bytes) + 1);
    return below(file)->pMethods->xWrite(below(file), whole.data(), amount, offset);
}

/// Makes the next part of the log's index as well, so that it is there before the log needs it: a
/// disk that is full by then would fail a commit whose log is already written.
int map_ahead(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
    sqlite3_file* to = below(file);
    const int rc = to->pMethods->xShmMap(to, region, bytes, extend, out);
    if (rc == SQLITE_OK && extend != 0) {
        void volatile* ahead = nullptr;
        to->pMethods->xShmMap(to, region + 1, bytes, extend, &ahead);
    }
    return rc;
}

int lock_index(sqlite3_file* file, int first, int count, int flags) {
    if (auto& kept = checked(file).locks) return kept->lock(first, count, flags);
    return forward<checked_file, &sqlite3_io_methods::xShmLock>(file, first, count, flags);
}

int unmap_index(sqlite3_file* file, int remove) {
    if (auto& kept = checked(file).locks) kept->give_back();
    return forward<checked_file, &sqlite3_io_methods::xShmUnmap>(file, remove);
}

int no_fetch(sqlite3_file*, sqlite3_int64, int, void** mapped) {
    *mapped = nullptr;  // a mapped page would not be verified
    return SQLITE_OK;
}

void forward_barrier(sqlite3_file* file) {
    below(file)->pMethods->xShmBarrier(below(file));
}

constexpr sqlite3_io_methods checked_methods{
    .iVersion = 3,
    .xClose = forward<checked_file, &sqlite3_io_methods::xClose>,
    .xRead = checked_read,
    .xWrite = checked_write,
    .xTruncate = forward<checked_file, &sqlite3_io_methods::xTruncate>,
    .xSync = forward<checked_file, &sqlite3_io_methods::xSync>,
    .xFileSize = forward<checked_file, &sqlite3_io_methods::xFileSize>,
    .xLock = forward<checked_file, &sqlite3_io_methods::xLock>,
    .xUnlock = forward<checked_file, &sqlite3_io_methods::xUnlock>,
    .xCheckReservedLock = forward<checked_file, &sqlite3_io_methods::xCheckReservedLock>,
    .xFileControl = forward<checked_file, &sqlite3_io_methods::xFileControl>,
    .xSectorSize = forward<checked_file, &sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = forward<checked_file, &sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = map_ahead,
    .xShmLock = lock_index,
    .xShmBarrier = forward_barrier,
    .xShmUnmap = unmap_index,
    .xFetch = no_fetch,
    .xUnfetch = [](sqlite3_file*, sqlite3_int64, void*) { return SQLITE_OK; },
};

sqlite3_vfs* base_of(sqlite3_vfs* vfs) {
    return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

int checked_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    sqlite3_vfs* base = base_of(vfs);
    if ((flags & SQLITE_OPEN_WAL) != 0) return open_gathered_log(base, name, file, flags, out);
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return base->xOpen(base, name, file, flags, out);
    auto& opened = *new (file) checked_file{.base = {.pMethods = nullptr}, .locks = std::nullopt};
    if ((flags & SQLITE_OPEN_READWRITE) != 0) opened.locks.emplace(below(file));
    const int rc = base->xOpen(base, name, below(file), flags, out);
    if (rc == SQLITE_OK) file->pMethods = &checked_methods;
    return rc;
}

/// The same for what concerns no open file.
template <auto Function, class... Arguments>
int forward_vfs(sqlite3_vfs* vfs, Arguments... arguments) {
    return (base_of(vfs)->*Function)(base_of(vfs), arguments...);
}

struct registered_vfs {
    std::string name;
    sqlite3_vfs vfs{};
};

}  // namespace

const char* checked_pages_vfs(const char* base_name) {
    static std::mutex mutex;
    static std::map<std::string, std::unique_ptr<registered_vfs>> all;

    const std::lock_guard lock(mutex);
    sqlite3_vfs* base = sqlite3_vfs_find(base_name);
    if (!base) return nullptr;
    auto& entry = all[base->zName];
    if (!entry) {
        entry = std::make_unique<registered_vfs>();
        entry->name = std::string("sluice-checked-") + base->zName;
        sqlite3_vfs& vfs = entry->vfs;
        vfs.iVersion = 2;
        vfs.szOsFile =
            base->szOsFile + std::max(static_cast<int>(sizeof(checked_file)), gathered_log_bytes());
        vfs.mxPathname = base->mxPathname;
        vfs.zName = entry->name.c_str();
        vfs.pAppData = base;
        vfs.xOpen = checked_open;
        vfs.xDelete = forward_vfs<&sqlite3_vfs::xDelete>;
        vfs.xAccess = forward_vfs<&sqlite3_vfs::xAccess>;
        vfs.xFullPathname = forward_vfs<&sqlite3_vfs::xFullPathname>;
        vfs.xRandomness = forward_vfs<&sqlite3_vfs::xRandomness>;
        vfs.xSleep = forward_vfs<&sqlite3_vfs::xSleep>;
        vfs.xCurrentTime = forward_vfs<&sqlite3_vfs::xCurrentTime>;
        vfs.xGetLastError = forward_vfs<&sqlite3_vfs::xGetLastError>;
        vfs.xCurrentTimeInt64 = forward_vfs<&sqlite3_vfs::xCurrentTimeInt64>;
        sqlite3_vfs_register(&entry->vfs, 0);
    }
    return entry->name.c_str();
}

namespace {

template <class Visit>
void for_each_page(const char* path, Visit visit) {
    std::ifstream in(path, std::ios::binary);
    page_image whole;
    for (std::uint64_t number = 1;
         in.read(reinterpret_cast<char*>(whole.data()), static_cast<std::streamsize>(page_bytes));
         ++number) {
        visit(number, whole);
    }
}

}  // namespace

std::size_t count_damaged_pages(const char* path) {
    std::size_t damaged = 0;
    for_each_page(path, [&](std::uint64_t number, const page_image& bytes) {
        if (!page_is_good(bytes.data(), number)) ++damaged;
    });
    return damaged;
}

std::size_t count_unchecked_pages(const char* path) {
    std::size_t unchecked = 0;
    for_each_page(path, [&](std::uint64_t, const page_image& bytes) {
        if (is_unchecked(bytes.data())) ++unchecked;
    });
    return unchecked;
}

bool adopt_pages(const char* path) {
    const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool written = true;
    for_each_page(path, [&](std::uint64_t number, page_image& bytes) {
        if (!is_unchecked(bytes.data())) return;
        write_checksum(bytes.data(), number);
        const auto at = static_cast<off_t>((number - 1) * page_bytes);
        written = ::pwrite(fd, bytes.data(), bytes.size(), at) == page_bytes && written;
    });
    written = ::fsync(fd) == 0 && written;
    return ::close(fd) == 0 && written;
}

}  // namespace sluice::sqlite
