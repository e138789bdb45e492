#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

namespace sluice::sqlite {

inline constexpr const char* select_settings_sql =
    "SELECT kind, name, value FROM settings ORDER BY kind, name";
inline constexpr const char* put_setting_sql =
    "INSERT OR REPLACE INTO settings(kind, name, value) VALUES(?1, ?2, ?3)";
inline constexpr const char* delete_setting_sql =
    "DELETE FROM settings WHERE kind = ?1 AND name = ?2";

/// A row of select_settings_sql.
setting_record read_setting(const statement& row);
/// Runs one of the other two, with what it takes.
void put_setting(statement& row, const setting_record& setting);
void delete_setting(statement& row, const setting_record& setting);

}  // namespace sluice::sqlite
