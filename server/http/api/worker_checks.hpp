#pragma once

#include "proto/requests.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"

#include <optional>
#include <vector>

/// What a worker may ask for: the checks that its requests have in common.
namespace sluice::http {

/// Names of workers and queues.
std::optional<error> check_fetch(const request& r, const fetch_request& fetch);

/// Looks up the queues of the pool that the fetch names. There is none for a token that may not
/// use all of them.
asio::awaitable<std::optional<error>> resolve_pool(services_ptr services, const request& r,
                                                   fetch_request& fetch);

/// The same for the fetch that goes with an answer. A pool that is gone has no jobs: the answer
/// counts all the same, and the next plain fetch is told.
asio::awaitable<void> resolve_pool_after(services_ptr services, const request& r,
                                         std::optional<fetch_request>& fetch);

/// Ack and nack alike: the worker's name and the fetch that may come with them.
template <class Body>
std::optional<error> check_answer(const request& r, const Body& body) {
    if (auto reserved = check_worker_id(body.worker_id)) return reserved;
    if (body.fetch) return check_fetch(r, *body.fetch);
    return std::nullopt;
}

/// Follow-ups are new jobs: the token must be good for these, and their handlers must not refuse
/// them.
std::optional<error> check_follow_ups(const api_services& services, const request& r,
                                      const std::vector<job_spec>& jobs);

/// What such a token's follow-ups may learn of and replace. `r` outlives the ack.
inline void bound_to_queues(ack_request& ack, const request& r) {
    if (r.queue_patterns.empty() || ack.enqueue.empty()) return;
    ack.may_touch = [&r](std::string_view queue) { return queue_allowed(r, queue); };
}

/// Whether a token that is bound to queues may touch this job. One that may not is told that there
/// is no such job.
asio::awaitable<bool> may_touch(services_ptr services, const request& r, uuid id);

}  // namespace sluice::http
