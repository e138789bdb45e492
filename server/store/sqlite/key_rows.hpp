#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <string>
#include <string_view>

/// Rows of `idempotency`.
namespace sluice::sqlite {

extern const char* const put_key_sql;
void put_key(statement& row, const key_record& key);

/// "SELECT ... FROM idempotency " and then `rest`.
std::string select_key_sql(std::string_view rest);
/// Throws database_error.
key_record read_key(const statement& row);

}  // namespace sluice::sqlite
