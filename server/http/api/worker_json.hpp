#pragma once

#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"

#include <vector>

/// Workers as people see them.
namespace sluice::http {

/// Leaves what the caller may see. A token that is bound to queues is told of their jobs and of
/// the workers that hold some; that others exist is not its business.
void keep_visible(const request& r, std::vector<worker_info>& workers);

/// The members of a worker, into an object that is open.
void append_worker(json_writer& out, const worker_info& worker);
/// The jobs it holds, as a member `jobs`.
void append_worker_jobs(json_writer& out, const worker_info& worker);

}  // namespace sluice::http
