#pragma once

#include "server/http/message.hpp"
#include "server/queue/backend.hpp"

namespace sluice::http {

/// A key is seen by whoever may see all queues that have jobs under it.
bool may_see(const request& r, const limit_info& info);

/// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (ojs-rate-limiting.md §10.4) for a key of rate
/// limits: how many jobs may start at once, how many of these may start now, and the Unix time from
/// which the next one may. Of a concurrency limit nobody knows the last one; it is the present
/// then.
void add_rate_limit_fields(response& answer, const limit_info& info, timestamp now);

}  // namespace sluice::http
