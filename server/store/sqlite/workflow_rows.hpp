#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <string>
#include <string_view>

/// Rows of `workflows`, which never change, and of `workflow_progress`, which each step rewrites.
namespace sluice::sqlite {

extern const char* const insert_workflow_sql;
extern const char* const put_workflow_progress_sql;

void insert_workflow(statement& row, const workflow_record& record);
/// `write.record` decides; its fixed members play no part.
void put_workflow_progress(statement& row, const workflow_write& write);

/// Workflows with their progress; `rest` begins with WHERE or ORDER BY.
std::string select_workflow_sql(std::string_view rest);
/// Throws database_error.
workflow_record read_workflow(const statement& row);
std::optional<timestamp> purge_time_of_workflow(const statement& row);

}  // namespace sluice::sqlite
