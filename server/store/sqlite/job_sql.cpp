#include "server/store/sqlite/job_parameters.hpp"
#include "server/store/sqlite/job_rows.hpp"

#include <cassert>
#include <span>

/// The SQL of all that is done to jobs.
namespace sluice::sqlite {
namespace {

struct column {
    std::string_view name;
    int number;
    std::string_view unless_run = {};  ///< its value for a job that never ran, if all have the same
    std::int64_t since = 1;            ///< the version of the schema that brought it
};

constexpr column changing[] = {
    {"ticket", p_ticket},
    {"state", p_state},
    {"due_at", p_due_at},
    {"attempt", p_attempt, "0"},
    {"interruptions", p_interruptions, "0"},
    {"failed_last", p_failed_last, "0"},
    {"durable_at", p_durable_at},
    {"available_at", p_available_at},
    {"started_at", p_started_at, "NULL"},
    {"finished_at", p_finished_at, "NULL"},
    {"acked_at", p_acked_at, "NULL"},
    {"lease_epoch", p_lease_epoch, "NULL"},
    {"lease_counter", p_lease_counter, "NULL"},
    {"lease_nonce", p_lease_nonce, "NULL"},
    {"outcome", p_outcome, "0"},
    {"worker", p_worker, "NULL"},
    {"lease_expires_at", p_lease_expires_at, "NULL"},
    {"retry_delay_ms", p_retry_delay, "NULL"},
    {"lease_length_ms", p_lease_length, "NULL", 2},
    {"run_left_ms", p_run_left, "NULL", 2},
    {"parent_results", p_parent_results, "NULL", 5},
    {"result", p_result, "NULL"},
    {"history", p_history, "NULL"},
};

constexpr column fixed[] = {
    {"priority", p_priority},
    {"queue", p_queue},
    {"type", p_type},
    {"expires_at", p_expires_at},
    {"client_id", p_client_id},
    {"id", p_id},
    {"received_at", p_received_at},
    {"spec", p_spec},
    {"args", p_args},
    {"unique_key", p_unique_key, {}, 4},
    {"limit_key", p_limit_key, {}, 6},
    {"fairness", p_fairness, {}, 8},
};

constexpr column only_history[] = {{"dead_letter", p_dead_letter}, {"purge_at", p_purge_at}};

std::string parameter_text(int number) {
    return "?" + std::to_string(number);
}

/// Appends ", a, b, c", each column made to text by `text`.
template <class Text>
void append_columns(std::string& sql, std::span<const column> columns, Text text) {
    for (const auto& c : columns) sql.append(", ").append(text(c));
}

std::string name_of(const column& c) {
    return std::string(c.name);
}
std::string parameter_of(const column& c) {
    return parameter_text(c.number);
}
std::string initial_of(const column& c) {
    return c.unless_run.empty() ? parameter_of(c) : std::string(c.unless_run);
}
std::string assignment_of(const column& c) {
    return name_of(c) + " = " + parameter_of(c);
}

template <class Text>
void append_all(std::string& sql, job_place place, Text changing_text, Text fixed_text) {
    append_columns(sql, changing, changing_text);
    append_columns(sql, fixed, fixed_text);
    if (place == job_place::history) append_columns(sql, only_history, changing_text);
}

std::string insert_into(job_place to) {
    // A conflict is our own bug and ends the batch; OR ROLLBACK spares a savepoint per statement.
    std::string sql = "INSERT OR ROLLBACK INTO " + std::string(table_name(to)) + "(seq";
    append_all(sql, to, name_of, name_of);
    return sql + ") ";
}

}  // namespace

std::string_view table_name(job_place place) {
    assert(place != job_place::nowhere);
    return place == job_place::live ? "jobs" : "history";
}

std::string insert_job_sql(job_place to) {
    std::string sql = insert_into(to) + "VALUES(" + parameter_text(p_seq);
    append_all(sql, to, parameter_of, parameter_of);
    return sql + ")";
}

std::string insert_new_job_sql() {
    std::string sql = insert_into(job_place::live) + "VALUES(" + parameter_text(p_seq);
    append_all(sql, job_place::live, initial_of, parameter_of);
    return sql + ")";
}

std::string update_job_sql(job_place at) {
    std::string assignments;
    append_columns(assignments, changing, assignment_of);
    if (at == job_place::history) {
        append_columns(assignments, only_history, assignment_of);
        assignments += ", run = NULL";  // the columns count again
    }
    return "UPDATE " + std::string(table_name(at)) + " SET " + assignments.substr(2) +
           " WHERE seq = " + parameter_text(p_seq);
}

std::string insert_ended_job_sql() {
    constexpr column written[] = {{"ticket", p_ticket},   {"state", p_state},
                                  {"attempt", p_attempt}, {"finished_at", p_finished_at},
                                  {"worker", p_worker},   {"parent_results", p_parent_results},
                                  {"result", p_result},   {"run", p_run}};
    std::string names, values;
    const std::span<const column> all[] = {written, fixed, only_history};
    for (const auto& columns : all) {
        append_columns(names, columns, name_of);
        append_columns(values, columns, parameter_of);
    }
    return "INSERT OR ROLLBACK INTO history(seq, interruptions, failed_last, outcome" + names +
           ") VALUES(" + parameter_text(p_seq) + ", 0, 0, 0" + values + ")";
}

std::string move_job_sql(job_place from, job_place to) {
    std::string sql = insert_into(to) + "SELECT seq";
    append_all(sql, to, parameter_of, name_of);
    return sql + " FROM " + std::string(table_name(from)) + " WHERE seq = " + parameter_text(p_seq);
}

std::string delete_job_sql(job_place from) {
    return "DELETE FROM " + std::string(table_name(from)) + " WHERE seq = ?1";
}

std::string delete_jobs_sql(job_place from) {
    return "DELETE FROM " + std::string(table_name(from)) + " WHERE seq >= ?1 AND seq <= ?2";
}

std::string select_job_sql(job_place from, std::int64_t version) {
    std::string sql = "SELECT j.seq";
    const auto qualified = [version](const column& col) {
        return col.since > version ? std::string("NULL") : "j." + name_of(col);
    };
    append_columns(sql, changing, qualified);
    append_columns(sql, fixed, qualified);
    sql += from == job_place::history ? ", j.dead_letter, j.purge_at" : ", 0, NULL";
    const bool runs = from == job_place::live && version >= 10;
    sql += ", q.name, t.name, ";
    if (runs)
        sql += "r.attempt, r.worker, r.run FROM ";
    else
        sql += version >= 10 ? "NULL, NULL, j.run FROM " : "NULL, NULL, NULL FROM ";
    sql += std::string(table_name(from)) +
           " j LEFT JOIN names q ON q.id = j.queue LEFT JOIN names t ON t.id = j.type ";
    return runs ? sql + "LEFT JOIN runs r ON r.seq = j.seq " : sql;
}

std::string_view state_sql(job_place place) {
    static_assert(static_cast<int>(job_state::active) == 3);
    return place == job_place::live ? "iif(r.seq IS NULL, j.state, 3)" : "j.state";
}

}  // namespace sluice::sqlite
