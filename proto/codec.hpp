#pragma once

#include "proto/job.hpp"
#include "proto/json_text.hpp"
#include "proto/requests.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The wire, both ways. Decoders validate everything and take untrusted text; encoders append to a
/// string.
namespace sluice {

/// Body of POST /jobs, or one element of a batch. `now` resolves "+PT2S" and decides nothing else.
/// Errors: invalid_payload (not JSON, too deep), invalid_request (missing, wrong type, out of
/// range, duplicate member), validation_failed (retry policy).
result<job_spec> decode_job(std::string_view body, timestamp now);

/// Body of POST /jobs/batch: `{"jobs":[...]}`. The error's details name the index of the first bad
/// job.
result<std::vector<job_spec>> decode_batch(std::string_view body, timestamp now);

/// An empty body is allowed for none of these.
result<fetch_request> decode_fetch(std::string_view body);
result<ack_request> decode_ack(std::string_view body, timestamp now);
result<nack_request> decode_nack(std::string_view body);
/// Errors also: those of `decode_job` for a follow-up. The first that is wrong is named by its
/// place, as in "ack[3].job_id".
result<answers_request> decode_answers(std::string_view body, timestamp now);
/// Without the job's id, which is in the path.
result<progress_request> decode_progress(std::string_view body);
result<heartbeat_request> decode_heartbeat(std::string_view body);

/// Appends the whole job as an object, as `job` holds it in answers.
void append_job(std::string& out, const job_record& job);

/// The same with what only the holder of the lease may see: `lease`, `lease_expires_at`.
void append_leased_job(std::string& out, const job_record& job);

/// `{"error":{code,message,retryable,details,request_id,...}}`.
std::string encode_error(const error& e, std::string_view request_id);

/// What a store keeps of a spec beside id, type, queue, priority and args: a compact JSON object of
/// all that differs from the defaults; empty when nothing does. `decode_stored_spec` fills such
/// members in again; it throws std::runtime_error for text `encode_stored_spec` did not write.
std::string encode_stored_spec(const job_spec& spec);
void decode_stored_spec(std::string_view text, job_spec& spec);

/// The same for failures and attempts of a record; empty when there are none. What a store keeps
/// beside it (attempt, worker, times and outcome of the latest run) must be in `record` already.
std::string encode_stored_history(const job_record& record);
void decode_stored_history(std::string_view text, job_record& record);

}  // namespace sluice
