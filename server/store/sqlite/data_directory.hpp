#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sluice::sqlite {

/// The directory of one store, and what in it is no database: the lock and the reserve.
class data_directory {
public:
    /// Creates the directory (0700) if it is missing and locks it until destruction. Throws
    /// store_error: 73 if it cannot be made, 75 if another process holds it.
    explicit data_directory(std::filesystem::path path);
    ~data_directory();
    data_directory(const data_directory&) = delete;
    data_directory& operator=(const data_directory&) = delete;

    std::string file(const char* name) const { return (path_ / name).string(); }
    bool has(const char* name) const;
    std::uint64_t size(const char* name) const;  ///< 0 if it is missing

    /// Bytes that an unprivileged process may still write; the maximum when nobody can tell.
    std::uint64_t free_bytes() const;

    /// Sets room aside that `drop_reserve` gives back when the disk is full. Failing to is no
    /// error: there is too little room.
    void keep_reserve(std::uint64_t bytes);
    /// True if there was one.
    bool drop_reserve();
    bool has_reserve() const { return has_reserve_; }

private:
    std::filesystem::path path_;
    int lock_ = -1;
    bool has_reserve_ = false;
};

/// Lets new files be readable by their owner alone while it lives. The mask is the process's.
class private_files {
public:
    private_files();
    ~private_files();
    private_files(const private_files&) = delete;
    private_files& operator=(const private_files&) = delete;

private:
    unsigned before_;
};

}  // namespace sluice::sqlite
