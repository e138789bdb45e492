#pragma once

#include "server/store/sqlite/data_directory.hpp"
#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/mark_file.hpp"
#include "server/store/sqlite/sqlite_store.hpp"

#include <memory>
#include <string>

namespace sluice::sqlite {

inline constexpr const char* database_name = "sluice.db";
inline constexpr const char* wal_name = "sluice.db-wal";
inline constexpr const char* mark_name = "mark";

inline constexpr int exit_damaged = 65;
inline constexpr int exit_io = 74;
inline constexpr int exit_locked = 75;
inline constexpr int exit_config = 78;

struct opened_database {
    connection writer;
    connection reader;
    std::unique_ptr<mark_file> mark;
    high_water_mark position;  ///< what the mark said
};

/// Opens or creates what `directory` holds and refuses whatever may lack acknowledged commits.
/// Throws store_error.
opened_database open_database(const sqlite_store_config& config, const data_directory& directory);

/// The error for people that stands for a failure of SQLite in `file`.
store_error to_store_error(const database_error& e, const std::string& file);

}  // namespace sluice::sqlite
