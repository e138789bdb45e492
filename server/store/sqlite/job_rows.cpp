#include "server/store/sqlite/job_rows.hpp"

#include "proto/codec.hpp"
#include "proto/fairness.hpp"
#include "proto/limit_rule.hpp"
#include "proto/unique.hpp"
#include "server/store/sqlite/job_parameters.hpp"
#include "server/store/sqlite/run_rows.hpp"

#include <algorithm>
#include <memory>

namespace sluice::sqlite {
namespace {

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

bool never_ran(const job_record& record, const row_texts& texts) {
    return record.attempt == 0 && record.interruptions == 0 && !record.failed_last &&
           !record.started_at && !record.finished_at && !record.acked_at && !record.lease &&
           record.outcome == lease_outcome::open && record.worker_id.empty() &&
           !record.lease_expires_at && !record.lease_length && !record.run_left &&
           !record.retry_delay && record.result.empty() && record.parent_results.empty() &&
           texts.history.empty();
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
    row.bind(p_durable_at, to_stored(record.durable_at));
    row.bind(p_available_at, to_stored(record.available_at));
}

void bind_progress(statement& row, const job_record& record, const row_texts& texts) {
    bind_place(row, record);
    row.bind(p_attempt, std::int64_t{record.attempt});
    row.bind(p_interruptions, std::int64_t{record.interruptions});
    row.bind(p_failed_last, std::int64_t{record.failed_last});
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
