#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"
#include "server/http/message.hpp"
#include "server/queue/backend.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the handlers have in common: reading a request's parameters and writing parts of an answer.
namespace sluice::http {

/// 404 for a thing of `kind` ("job", "dead_letter_job", "queue"). The same words are said for what
/// does not exist, for a malformed id and for what the caller may not see.
error not_found(std::string_view kind, std::string_view id);

/// A store's "not found" knows no names; this gives it the id that was asked for.
error named(error e, std::string_view kind, std::string_view id);

/// 403: the token's patterns do not cover this queue.
error forbidden_queue(std::string_view queue);

/// Ids that begin with "sluice." name the server's own workers; a client that took one could answer
/// for their jobs.
std::optional<error> check_worker_id(std::string_view id);

/// 400 for a query parameter.
error bad_parameter(std::string_view name, std::string_view expected);

/// An unsigned decimal number in the query; `fallback` when absent. Larger ones are clamped to
/// `max`.
result<std::uint64_t> number_parameter(const request& r, std::string_view name,
                                       std::uint64_t fallback, std::uint64_t max);

/// "a,b" as its parts; empty ones are left out.
std::vector<std::string> list_parameter(const request& r, std::string_view name);

/// `wait=N` of a `Prefer` header (RFC 7240); absent when there is none. Errors: invalid_request,
/// for more than limits::wait_max.
result<std::optional<std::chrono::seconds>> preferred_wait(const request& r);
void add_preference_applied(response& answer, std::chrono::seconds wait);

/// `Server-Timing: parse;dur=…, commit;dur=…, total;dur=…` in milliseconds, from the last
/// byte of the request on.
void add_server_timing(response& answer, const request& r,
                       std::chrono::steady_clock::time_point parsed,
                       std::optional<std::chrono::microseconds> commit);

/// `{"job":{...}}`.
response job_answer(const job_record& job, int status = 200);

/// The job itself, as the admin paths have it.
response flat_job_answer(const job_record& job);

/// `"jobs":[{...},...]`, without braces.
void append_jobs(std::string& out, const std::vector<job_record>& jobs);
/// The same for jobs just leased to the caller.
void append_leased_jobs(std::string& out, const std::vector<job_record>& jobs);

/// Bytes an encoded job will take, roughly; to reserve room once.
std::size_t encoded_size(const job_record& job);
std::size_t encoded_size(const std::vector<job_record>& jobs);

}  // namespace sluice::http
