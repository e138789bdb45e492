#pragma once

/// The numbers of what statements about jobs bind and give; for job_rows.cpp and job_sql.cpp.
namespace sluice::sqlite {

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

}  // namespace sluice::sqlite
