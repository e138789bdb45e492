#include "tests/support/powercut_vfs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace sluice::test {

/// A write of `bytes` at `offset`, or, without bytes, a truncation to `offset`.
struct change {
    std::size_t offset = 0;
    std::optional<std::string> bytes;

    void apply(std::string& content) const {
        if (!bytes) {
            content.resize(std::min(content.size(), offset));
            return;
        }
        if (content.size() < offset + bytes->size()) content.resize(offset + bytes->size());
        content.replace(offset, bytes->size(), *bytes);
    }
};

struct powercut_vfs::image {
    std::string path;
    std::string content;           ///< as the process sees it
    std::string saved;             ///< as the disk holds it
    std::vector<change> unsynced;  ///< what leads from the one to the other
    bool is_new = false;           ///< made since its directory was synced

    void add(change c) {
        c.apply(content);
        unsynced.push_back(std::move(c));
    }
    void write_file(const std::string& bytes) const {
        // In place: SQLite holds locks and a descriptor on the file.
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        if (fd < 0) return;
        const auto written = ::pwrite(fd, bytes.data(), bytes.size(), 0);
        const int cut = ::ftruncate(fd, static_cast<off_t>(bytes.size()));
        ::close(fd);
        if (written != static_cast<ssize_t>(bytes.size()) || cut != 0) std::abort();
    }
};

/// An open file; the default VFS's own lies right behind it and serves locks and shared memory.
struct powercut_vfs::handle {
    sqlite3_file base;
    std::shared_ptr<image>* file;
    bool syncs_directory;

    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

namespace {

using operation = powercut_vfs::operation;
using handle = powercut_vfs::handle;

powercut_vfs& disk() {
    return powercut_vfs::instance();
}
handle* as_handle(sqlite3_file* file) {
    return reinterpret_cast<handle*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
    return as_handle(file)->real();
}
powercut_vfs::image& image_of(sqlite3_file* file) {
    return **as_handle(file)->file;
}

int close_file(sqlite3_file* file) {
    delete as_handle(file)->file;
    return real(file)->pMethods->xClose(real(file));
}

int read_file(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
    const std::string& content = image_of(file).content;
    const auto from = std::min(static_cast<std::size_t>(offset), content.size());
    const auto wanted = static_cast<std::size_t>(amount);
    const auto there = std::min(wanted, content.size() - from);
    std::memcpy(out, content.data() + from, there);
    if (there == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* file, const void* in, int amount, sqlite3_int64 offset) {
    if (disk().count_change()) return SQLITE_IOERR_WRITE;
    const int failed = disk().fault(operation::write);
    const auto bytes = static_cast<std::size_t>(failed == SQLITE_OK ? amount : amount / 2);
    image_of(file).add(
        {static_cast<std::size_t>(offset), std::string(static_cast<const char*>(in), bytes)});
    return failed;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
    if (disk().count_change()) return SQLITE_IOERR_TRUNCATE;
    if (const int failed = disk().fault(operation::truncate)) return failed;
    image_of(file).add({static_cast<std::size_t>(size), std::nullopt});
    return SQLITE_OK;
}

int sync_file(sqlite3_file* file, int) {
    if (disk().count_change()) return SQLITE_IOERR_FSYNC;
    if (const int failed = disk().fault(operation::sync)) {
        disk().discard(image_of(file));
        return failed;
    }
    disk().save(image_of(file));
    if (std::exchange(as_handle(file)->syncs_directory, false)) disk().directory_synced();
    return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>(image_of(file).content.size());
    return SQLITE_OK;
}

int map_shared(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
    if (const int failed = disk().fault(operation::shared_memory)) {
        *out = nullptr;
        return failed;
    }
    return real(file)->pMethods->xShmMap(real(file), region, bytes, extend, out);
}

int control_file(sqlite3_file* file, int what, void* argument) {
    if (what == SQLITE_FCNTL_LAST_ERRNO) {
        *static_cast<int*>(argument) = disk().fault_errno();
        return SQLITE_OK;
    }
    return real(file)->pMethods->xFileControl(real(file), what, argument);
}

template <auto Method, class... Arguments>
int forward(sqlite3_file* file, Arguments... arguments) {
    return (real(file)->pMethods->*Method)(real(file), arguments...);
}

void barrier(sqlite3_file* file) {
    real(file)->pMethods->xShmBarrier(real(file));
}

constexpr sqlite3_io_methods file_methods{
    .iVersion = 2,
    .xClose = close_file,
    .xRead = read_file,
    .xWrite = write_file,
    .xTruncate = truncate_file,
    .xSync = sync_file,
    .xFileSize = file_size,
    .xLock = forward<&sqlite3_io_methods::xLock>,
    .xUnlock = forward<&sqlite3_io_methods::xUnlock>,
    .xCheckReservedLock = forward<&sqlite3_io_methods::xCheckReservedLock>,
    .xFileControl = control_file,
    .xSectorSize = forward<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = forward<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = map_shared,
    .xShmLock = forward<&sqlite3_io_methods::xShmLock>,
    .xShmBarrier = barrier,
    .xShmUnmap = forward<&sqlite3_io_methods::xShmUnmap>,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

sqlite3_vfs* base_vfs() {
    static sqlite3_vfs* const base = sqlite3_vfs_find(nullptr);
    return base;
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    file->pMethods = nullptr;
    if (const int failed = disk().fault(operation::open)) return failed;
    const bool created = (flags & SQLITE_OPEN_CREATE) != 0 && !std::filesystem::exists(name);
    if (created && disk().count_change()) return SQLITE_CANTOPEN;
    sqlite3_file* below = as_handle(file)->real();
    const int rc = base_vfs()->xOpen(base_vfs(), name, below, flags, out);
    if (rc != SQLITE_OK) return rc;
    constexpr int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
    as_handle(file)->file =
        new std::shared_ptr<powercut_vfs::image>(disk().open_image(name, below, created));
    as_handle(file)->syncs_directory = created && (flags & journals) != 0;
    file->pMethods = &file_methods;
    return SQLITE_OK;
}

int remove_file(sqlite3_vfs*, const char* name, int sync_directory) {
    if (disk().count_change()) return SQLITE_IOERR_DELETE;
    if (const int failed = disk().fault(operation::remove)) return failed;
    disk().forget(name);
    if (sync_directory != 0) disk().directory_synced();
    return base_vfs()->xDelete(base_vfs(), name, 0);
}

int access_file(sqlite3_vfs*, const char* name, int flags, int* out) {
    if (flags == SQLITE_ACCESS_EXISTS) {
        if (const auto known = disk().exists(name)) {
            *out = *known ? 1 : 0;
            return SQLITE_OK;
        }
    }
    return base_vfs()->xAccess(base_vfs(), name, flags, out);
}

template <auto Function, class... Arguments>
int forward_vfs(sqlite3_vfs*, Arguments... arguments) {
    return (base_vfs()->*Function)(base_vfs(), arguments...);
}

}  // namespace

powercut_vfs& powercut_vfs::instance() {
    static powercut_vfs only;
    return only;
}

powercut_vfs::powercut_vfs() {
    static sqlite3_vfs vfs{};
    vfs.iVersion = 2;
    vfs.szOsFile = base_vfs()->szOsFile + static_cast<int>(sizeof(handle));
    vfs.mxPathname = base_vfs()->mxPathname;
    vfs.zName = name;
    vfs.xOpen = open_file;
    vfs.xDelete = remove_file;
    vfs.xAccess = access_file;
    vfs.xFullPathname = forward_vfs<&sqlite3_vfs::xFullPathname>;
    vfs.xRandomness = forward_vfs<&sqlite3_vfs::xRandomness>;
    vfs.xSleep = forward_vfs<&sqlite3_vfs::xSleep>;
    vfs.xCurrentTime = forward_vfs<&sqlite3_vfs::xCurrentTime>;
    vfs.xGetLastError = forward_vfs<&sqlite3_vfs::xGetLastError>;
    vfs.xCurrentTimeInt64 = forward_vfs<&sqlite3_vfs::xCurrentTimeInt64>;
    sqlite3_vfs_register(&vfs, 0);
}

void powercut_vfs::start(std::uint64_t seed) {
    images_.clear();
    random_.seed(seed);
    changes_ = 0;
    cut_change_ = 0;
    cut_ = false;
    fault_calls_left_ = 0;
    failed_ = false;
}

void powercut_vfs::cut_at(std::uint64_t at, variant how) {
    cut_change_ = changes_ + at;
    cut_how_ = how;
}

void powercut_vfs::fail_at(operation what, std::uint64_t call, int code, int error) {
    fault_what_ = what;
    fault_calls_left_ = call;
    fault_code_ = code;
    fault_errno_ = error;
    failed_ = false;
}

int powercut_vfs::fault(operation what) {
    if (cut_ || what != fault_what_ || fault_calls_left_ == 0) return SQLITE_OK;
    if (--fault_calls_left_ > 0) return SQLITE_OK;
    failed_ = true;
    errno = fault_errno_;
    return fault_code_;
}

/// True when the power is gone, or goes now.
bool powercut_vfs::count_change() {
    if (cut_) return true;
    if (++changes_ == cut_change_) cut_now(cut_how_);
    return cut_;
}

void powercut_vfs::cut_now(variant how) {
    if (cut_) return;
    cut_ = true;
    for (auto& [path, file] : images_) keep_some(*file, how);
    if (how != variant::new_files_gone) return;
    for (const auto& [path, file] : images_) {
        if (file->is_new) std::filesystem::remove(path);
    }
}

void powercut_vfs::keep_some(image& file, variant how) {
    if (how == variant::drop_all || how == variant::new_files_gone || file.unsynced.empty()) return;
    auto changes = file.unsynced;
    if (how == variant::reordered) {
        std::shuffle(changes.begin(), changes.end(), random_);
        changes.resize(random_() % (changes.size() + 1));
    } else {
        std::size_t total = 0;
        for (const auto& c : changes) total += c.bytes ? c.bytes->size() : 1;
        std::size_t left = random_() % (total + 1);
        std::vector<change> kept;
        for (auto& c : changes) {
            const std::size_t size = c.bytes ? c.bytes->size() : 1;
            if (size > left && c.bytes) c.bytes->resize(left);
            if (left == 0) break;
            left -= std::min(left, size);
            kept.push_back(std::move(c));
        }
        changes = std::move(kept);
    }
    for (const auto& c : changes) c.apply(file.saved);
    file.write_file(file.saved);
}

void powercut_vfs::save(image& file) {
    if (file.unsynced.empty()) return;
    for (const auto& c : file.unsynced) c.apply(file.saved);
    file.unsynced.clear();
    file.write_file(file.saved);
}

void powercut_vfs::discard(image& file) {
    file.unsynced.clear();
}

void powercut_vfs::directory_synced() {
    for (auto& [path, file] : images_) file->is_new = false;
}

void powercut_vfs::write_back() {
    for (auto& [path, file] : images_) file->write_file(file->content);
}

std::optional<bool> powercut_vfs::exists(const std::string& path) const {
    const auto found = images_.find(path);
    if (found == images_.end()) return std::nullopt;
    return !found->second->content.empty();
}

void powercut_vfs::forget(const std::string& path) {
    images_.erase(path);
}

std::shared_ptr<powercut_vfs::image> powercut_vfs::open_image(const std::string& path,
                                                              sqlite3_file* below, bool created) {
    auto& file = images_[path];
    if (file) return file;
    file = std::make_shared<image>();
    file->path = path;
    file->is_new = created;
    sqlite3_int64 size = 0;
    below->pMethods->xFileSize(below, &size);
    file->saved.resize(static_cast<std::size_t>(size));
    if (size > 0) {
        below->pMethods->xRead(below, file->saved.data(), static_cast<int>(size), 0);
    }
    file->content = file->saved;
    return file;
}

}  // namespace sluice::test
