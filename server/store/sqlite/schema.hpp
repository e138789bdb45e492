#pragma once

#include "server/store/sqlite/database.hpp"

namespace sluice::sqlite {

inline constexpr std::int64_t schema_version = 10;
inline constexpr std::int64_t application_id = 0x536c7563;  ///< "Sluc", as file(1) shows it

/// Sets up a database that holds nothing yet, up to write-ahead mode. Goes on where an earlier call
/// was cut off.
void create_database(connection& db);

/// Brings an older schema up to date, in one transaction. Does nothing to a current one.
void migrate(connection& db, std::int64_t version);

}  // namespace sluice::sqlite
