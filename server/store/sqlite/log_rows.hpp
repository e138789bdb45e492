#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <string>
#include <string_view>

/// A line of a job's log as a row. The rows of one job lie side by side, in the order of their
/// numbers; each says what the log counts for up to it, so that its end is one look-up.
namespace sluice::sqlite {

inline constexpr std::string_view insert_log_sql =
    "INSERT INTO job_logs(seq, number, time, attempt, stream, bytes, text) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
inline constexpr std::string_view delete_log_sql = "DELETE FROM job_logs WHERE seq = ?1";
inline constexpr std::string_view log_end_sql =
    "SELECT number, bytes FROM job_logs WHERE seq = ?1 ORDER BY number DESC LIMIT 1";

void bind_log(statement& row, const log_write& write);

/// "SELECT ... FROM job_logs " and then `rest`.
std::string select_log_sql(std::string_view rest);
/// Reads the row `row` stands on. Throws database_error for one we cannot have written.
log_write read_log(const statement& row);

}  // namespace sluice::sqlite
