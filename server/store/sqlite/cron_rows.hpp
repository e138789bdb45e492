#pragma once

#include "proto/cron.hpp"
#include "server/store/sqlite/database.hpp"

/// Cron jobs as rows.
namespace sluice::sqlite {

extern const char* const put_cron_sql;
extern const char* const select_crons_sql;

void put_cron(statement& row, const cron_record& record);
/// A row of select_crons_sql. Throws database_error when it is damaged.
cron_record read_cron(const statement& row);

}  // namespace sluice::sqlite
