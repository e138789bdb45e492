#include "server/store/sqlite/data_directory.hpp"

#include "server/queue/job_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

namespace sluice::sqlite {
namespace {

constexpr int exit_cannot_create = 73;
constexpr int exit_locked = 75;

std::string because(int error) {
    return std::string(": ") + std::strerror(error);
}

}  // namespace

data_directory::data_directory(std::filesystem::path path) : path_(std::move(path)) {
    const private_files mask;
    std::error_code failed;
    std::filesystem::create_directories(path_, failed);
    if (failed) {
        throw store_error(exit_cannot_create, "cannot create the data directory " + path_.string() +
                                                  ": " + failed.message());
    }
    const std::string lock = file("LOCK");
    lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock_ < 0) throw store_error(exit_cannot_create, "cannot open " + lock + because(errno));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        ::close(lock_);
        throw store_error(exit_locked, error == EWOULDBLOCK
                                           ? "the data directory " + path_.string() +
                                                 " is in use by another process (it holds " + lock +
                                                 ")"
                                           : "cannot lock " + lock + because(error));
    }
    has_reserve_ = has("reserve");
}

data_directory::~data_directory() {
    ::close(lock_);
}

bool data_directory::has(const char* name) const {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path_ / name, ignored));
}

std::uint64_t data_directory::size(const char* name) const {
    std::error_code failed;
    const auto bytes = std::filesystem::file_size(path_ / name, failed);
    return failed ? 0 : bytes;
}

std::uint64_t data_directory::free_bytes() const {
    struct statvfs disk {};
    if (::statvfs(path_.c_str(), &disk) != 0) return std::numeric_limits<std::uint64_t>::max();
    return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

void data_directory::keep_reserve(std::uint64_t bytes) {
    if (has_reserve_ || bytes == 0) return;
    const std::string name = file("reserve");
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return;
    const int failed = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    ::close(fd);
    if (failed != 0) {
        ::unlink(name.c_str());
        return;
    }
    has_reserve_ = true;
}

bool data_directory::drop_reserve() {
    if (!has_reserve_) return false;
    has_reserve_ = false;
    return ::unlink(file("reserve").c_str()) == 0;
}

private_files::private_files() : before_(::umask(077)) {}
private_files::~private_files() {
    ::umask(static_cast<mode_t>(before_));
}

}  // namespace sluice::sqlite
