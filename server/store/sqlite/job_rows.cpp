#include "server/store/sqlite/job_rows.hpp"

#include "proto/codec.hpp"
#include "proto/fairness.hpp"
#include "proto/limit_rule.hpp"
#include "proto/unique.hpp"
#include "server/store/sqlite/run_rows.hpp"

#include <algorithm>
#include <cassert>
#include <memory>

namespace sluice::sqlite {
namespace {

// A parameter's number, and one less than its column's in a SELECT.
enum parameter : int {
    p_seq = 1,
    p_ticket,
    p_state,
    p_due_at,
    p_attempt,
    p_interruptions,
    p_failed_last,
    p_durable_at,
    p_available_at,
    p_started_at,
    p_finished_at,
    p_acked_at,
    p_lease_epoch,
    p_lease_counter,
    p_lease_nonce,
    p_outcome,
    p_worker,
    p_lease_expires_at,
    p_retry_delay,
    p_lease_length,
    p_run_left,
    p_parent_results,
    p_result,
    p_history,
    // what never changes
    p_priority,
    p_queue,
    p_type,
    p_expires_at,
    p_client_id,
    p_id,
    p_received_at,
    p_spec,
    p_args,
    p_unique_key,
    p_limit_key,
    p_fairness,
    // only in history
    p_dead_letter,
    p_purge_at,
    p_run,
};

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
    {"durable_at", p_durable_at, "NULL"},
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

void refuse_zero_bytes(std::string_view text, std::int64_t seq) {
    // JSON has none; a damaged page may.
    if (text.find('\0') != text.npos) throw_damaged("job " + std::to_string(seq) + " holds zeros");
}

std::string checked_text(const statement& row, int column, std::int64_t seq) {
    const std::string_view text = row.text(column);
    refuse_zero_bytes(text, seq);
    return std::string(text);
}

std::optional<std::int64_t> to_stored(const std::optional<std::chrono::milliseconds>& duration) {
    return duration ? std::optional{duration->count()} : std::nullopt;
}

std::optional<std::chrono::milliseconds> to_duration(const std::optional<std::int64_t>& stored) {
    return stored ? std::optional<std::chrono::milliseconds>{*stored} : std::nullopt;
}

// Columns of select_job_sql: parameters in order, then the names.
constexpr int c(parameter p) {
    return p - 1;
}
constexpr int c_queue_name = p_purge_at;
constexpr int c_type_name = p_purge_at + 1;
constexpr int c_run = p_purge_at + 2;

/// The rule is in the text of the row, its key in a column.
void set_unique_key(job_spec& spec, const statement& row, std::int64_t seq) {
    if (!spec.unique) return;
    auto rule = *spec.unique;
    const auto key = row.blob(c(p_unique_key));
    if (key.size() != rule.key.size())
        throw_damaged("the unique key of job " + std::to_string(seq) + " has the wrong length");
    std::copy(key.begin(), key.end(), rule.key.begin());
    spec.unique = std::make_shared<const unique_rule>(std::move(rule));
}

std::shared_ptr<const job_spec> read_spec(const statement& row, statement& payload) {
    auto spec = std::make_shared<job_spec>();
    const std::int64_t seq = row.integer(c(p_seq));
    spec->id = read_uuid(row.blob(c(p_id)));
    spec->client_id = row.integer(c(p_client_id)) != 0;
    if (row.is_null(c_queue_name) || row.is_null(c_type_name))
        throw_damaged("job " + std::to_string(seq) + " names a queue or type that is missing");
    spec->queue = row.text(c_queue_name);
    spec->type = row.text(c_type_name);
    spec->priority = static_cast<int>(row.integer(c(p_priority)));
    if (row.is_null(c(p_args))) {
        const reset_at_exit done(payload);
        payload.bind(1, seq);
        if (!payload.step()) throw_damaged("job " + std::to_string(seq) + " has lost its payload");
        spec->args = checked_text(payload, 1, seq);
        decode_stored_spec(payload.text(0), *spec);
    } else {
        spec->args = checked_text(row, c(p_args), seq);
        decode_stored_spec(row.text(c(p_spec)), *spec);
    }
    set_unique_key(*spec, row, seq);
    return spec;
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

bool never_ran(const job_record& record, const row_texts& texts) {
    return record.attempt == 0 && record.interruptions == 0 && !record.failed_last &&
           !record.durable_at && !record.started_at && !record.finished_at && !record.acked_at &&
           !record.lease && record.outcome == lease_outcome::open && record.worker_id.empty() &&
           !record.lease_expires_at && !record.lease_length && !record.run_left &&
           !record.retry_delay && record.result.empty() && record.parent_results.empty() &&
           texts.history.empty();
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

row_texts encode_row_texts(const job_record& record, bool insert) {
    row_texts texts;
    texts.history = encode_stored_history(record);
    if (!insert) return texts;
    texts.spec = encode_stored_spec(*record.spec);
    if (record.spec->fairness) texts.fairness = fairness_text(*record.spec->fairness);
    texts.aside = texts.spec.size() + record.spec->args.size() > row_payload_max;
    return texts;
}

void bind_place(statement& row, const job_record& record) {
    row.bind(p_seq, record.seq);
    row.bind(p_ticket, record.ticket);
    row.bind(p_state, static_cast<std::int64_t>(record.state));
    row.bind(p_due_at, to_stored(record.due_at));
    row.bind(p_available_at, to_stored(record.available_at));
}

void bind_progress(statement& row, const job_record& record, const row_texts& texts) {
    bind_place(row, record);
    row.bind(p_attempt, std::int64_t{record.attempt});
    row.bind(p_interruptions, std::int64_t{record.interruptions});
    row.bind(p_failed_last, std::int64_t{record.failed_last});
    row.bind(p_durable_at, to_stored(record.durable_at));
    row.bind(p_started_at, to_stored(record.started_at));
    row.bind(p_finished_at, to_stored(record.finished_at));
    row.bind(p_acked_at, to_stored(record.acked_at));
    if (record.lease) {
        row.bind(p_lease_epoch, std::int64_t{record.lease.epoch});
        row.bind(p_lease_counter, static_cast<std::int64_t>(record.lease.counter));
        row.bind(p_lease_nonce, std::int64_t{record.lease.nonce});
    } else {
        for (const int p : {p_lease_epoch, p_lease_counter, p_lease_nonce}) row.bind_null(p);
    }
    row.bind(p_outcome, static_cast<std::int64_t>(record.outcome));
    row.bind_unless_empty(p_worker, record.worker_id);
    row.bind(p_lease_expires_at, to_stored(record.lease_expires_at));
    row.bind(p_retry_delay, to_stored(record.retry_delay));
    row.bind(p_lease_length, to_stored(record.lease_length));
    row.bind(p_run_left, to_stored(record.run_left));
    row.bind_unless_empty(p_parent_results, record.parent_results);
    row.bind_unless_empty(p_result, record.result);
    row.bind_unless_empty(p_history, texts.history);
}

void bind_identity(statement& row, const job_record& record, std::int64_t queue, std::int64_t type,
                   const row_texts& texts) {
    const job_spec& spec = *record.spec;
    row.bind(p_priority, std::int64_t{spec.priority});
    row.bind(p_queue, queue);
    row.bind(p_type, type);
    row.bind(p_expires_at, to_stored(spec.expires_at));
    row.bind(p_client_id, std::int64_t{spec.client_id});
    row.bind(p_id, std::span<const std::uint8_t>(spec.id.bytes));
    row.bind(p_received_at, to_stored(record.received_at));
    if (texts.aside) {
        row.bind_null(p_spec);
        row.bind_null(p_args);
    } else {
        row.bind_unless_empty(p_spec, texts.spec);
        row.bind(p_args, spec.args);
    }
    if (spec.unique)
        row.bind(p_unique_key, std::span<const std::uint8_t>(spec.unique->key));
    else
        row.bind_null(p_unique_key);
    row.bind_unless_empty(p_limit_key, limit_key_of(spec));
    row.bind_unless_empty(p_fairness, texts.fairness);
}

void bind_end(statement& row, const job_record& record, std::span<const std::uint8_t> run) {
    row.bind(p_seq, record.seq);
    row.bind(p_ticket, record.ticket);
    row.bind(p_state, static_cast<std::int64_t>(record.state));
    row.bind(p_attempt, std::int64_t{record.attempt});
    row.bind(p_finished_at, to_stored(record.finished_at));
    row.bind_unless_empty(p_worker, record.worker_id);
    row.bind_unless_empty(p_parent_results, record.parent_results);
    row.bind_unless_empty(p_result, record.result);
    row.bind(p_run, run);
}

void bind_history(statement& row, const job_write& write) {
    row.bind(p_dead_letter, std::int64_t{write.record.dead_letter});
    row.bind(p_purge_at, to_stored(write.purge_at));
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

job_record read_job(const statement& row, statement& payload) {
    job_record job;
    job.seq = row.integer(c(p_seq));
    job.ticket = row.integer(c(p_ticket));
    job.state = read_state(row.integer(c(p_state)));
    job.attempt = static_cast<std::uint32_t>(row.integer(c(p_attempt)));
    job.interruptions = static_cast<std::uint32_t>(row.integer(c(p_interruptions)));
    job.dead_letter = row.integer(c(p_dead_letter)) != 0;
    job.failed_last = row.integer(c(p_failed_last)) != 0;
    job.received_at = to_timestamp(row.integer(c(p_received_at)));
    job.durable_at = to_timestamp(row.optional_integer(c(p_durable_at)));
    job.available_at = to_timestamp(row.optional_integer(c(p_available_at)));
    job.started_at = to_timestamp(row.optional_integer(c(p_started_at)));
    job.finished_at = to_timestamp(row.optional_integer(c(p_finished_at)));
    job.acked_at = to_timestamp(row.optional_integer(c(p_acked_at)));
    job.due_at = to_timestamp(row.optional_integer(c(p_due_at)));
    job.lease.epoch = static_cast<std::uint32_t>(row.integer(c(p_lease_epoch)));
    job.lease.counter = static_cast<std::uint64_t>(row.integer(c(p_lease_counter)));
    job.lease.nonce = static_cast<std::uint32_t>(row.integer(c(p_lease_nonce)));
    const std::int64_t outcome = row.integer(c(p_outcome));
    if (outcome < 0 || outcome > static_cast<std::int64_t>(lease_outcome::cancelled))
        throw_damaged("job " + std::to_string(job.seq) + " has an unknown outcome");
    job.outcome = static_cast<lease_outcome>(outcome);
    job.worker_id = row.text(c(p_worker));
    job.lease_expires_at = to_timestamp(row.optional_integer(c(p_lease_expires_at)));
    job.retry_delay = to_duration(row.optional_integer(c(p_retry_delay)));
    job.lease_length = to_duration(row.optional_integer(c(p_lease_length)));
    job.run_left = to_duration(row.optional_integer(c(p_run_left)));
    job.parent_results = checked_text(row, c(p_parent_results), job.seq);
    job.result = checked_text(row, c(p_result), job.seq);
    try {
        decode_stored_history(row.text(c(p_history)), job);
        job.spec = read_spec(row, payload);
    } catch (const database_error&) {
        throw;
    } catch (const std::runtime_error& e) {
        throw_damaged("job " + std::to_string(job.seq) + ": " + e.what());
    }
    if (!row.is_null(c_run))
        apply_run(row, c_run, job);
    else if (!row.is_null(c_run + 2))
        apply_end(row.blob(c_run + 2), job);
    return job;
}

std::optional<timestamp> purge_time_of(const statement& row) {
    return to_timestamp(row.optional_integer(c(p_purge_at)));
}

std::array<std::pair<std::int64_t, bool>, 2> unresolved_names(const statement& row) {
    return {{{row.integer(c(p_queue)), row.is_null(c_queue_name)},
             {row.integer(c(p_type)), row.is_null(c_type_name)}}};
}

}  // namespace sluice::sqlite
