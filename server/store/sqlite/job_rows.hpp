#pragma once

#include "proto/job.hpp"
#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/schema.hpp"
#include "server/store/sqlite/stored_values.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// A job as a row, both ways. `jobs` and `history` have the same columns but for two.
namespace sluice::sqlite {

/// A spec and args that take more than this together are kept beside the row. Larger rows would be
/// written anew with each change of the job's state; smaller ones would cost a second tree.
inline constexpr std::size_t row_payload_max = 1024;

/// The SQL of all that is done to jobs. Parameters carry the same number wherever they occur.
std::string insert_job_sql(job_place to);
/// The same for a live job that never ran, with half the parameters: that is nearly every insert.
/// 1.4 µs instead of 1.6 µs a job in batches of 1,000 (bench_store_commit).
std::string insert_new_job_sql();
std::string update_job_sql(job_place at);
/// A job that ends, with `bind_end` instead of `bind_progress`.
std::string insert_ended_job_sql();
/// Copies the row to the other table, with what has changed.
std::string move_job_sql(job_place from, job_place to);
std::string delete_job_sql(job_place from);
/// The same for all from one number to another.
std::string delete_jobs_sql(job_place from);

/// The texts a row is made of; they must live until the statement is reset.
struct row_texts {
    std::string spec;
    std::string fairness;
    std::string history;
    bool aside = false;  ///< spec and args go to `payloads`
};
/// `insert` is true for a row that is new.
row_texts encode_row_texts(const job_record& record, bool insert);

/// Whether `insert_new_job_sql` says all there is to say of this job.
bool never_ran(const job_record& record, const row_texts& texts);

/// Binds where a job stands: what of `bind_progress` a job that never ran has.
void bind_place(statement& row, const job_record& record);
/// Binds what a change of state may touch.
void bind_progress(statement& row, const job_record& record, const row_texts& texts);
/// The same for insert_ended_job_sql; `run` is that of encode_end and must live until the reset.
void bind_end(statement& row, const job_record& record, std::span<const std::uint8_t> run);
/// Binds what never changes.
void bind_identity(statement& row, const job_record& record, std::int64_t queue, std::int64_t type,
                   const row_texts& texts);
void bind_history(statement& row, const job_write& write);

/// "SELECT ... FROM table" with names resolved; append a WHERE on `j.seq`. What the given version
/// of the schema does not have is NULL.
std::string select_job_sql(job_place from, std::int64_t version = schema_version);
/// The state of a job `j` in such a SELECT.
std::string_view state_sql(job_place place);
inline constexpr std::string_view select_payload_sql =
    "SELECT spec, args FROM payloads WHERE seq = ?1";

/// Reads the row `row` stands on; `payload` fetches what is kept beside it. Throws database_error
/// for a row we cannot have written.
job_record read_job(const statement& row, statement& payload);

std::optional<timestamp> purge_time_of(const statement& row);
/// The ids of the queue's and the type's names, and whether each is missing.
std::array<std::pair<std::int64_t, bool>, 2> unresolved_names(const statement& row);

std::string_view table_name(job_place place);

}  // namespace sluice::sqlite
