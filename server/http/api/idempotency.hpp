#pragma once

#include "proto/error.hpp"
#include "server/http/message.hpp"
#include "server/queue/backend.hpp"

#include <optional>

namespace sluice::http {

/// The request's `Idempotency-Key` with the hash of its body; nothing without that header.
///
/// The key is taken raw or as a quoted string (draft-ietf-httpapi-idempotency-key-header); both
/// forms mean the same key. Errors: invalid_request for one that is empty, too long, or given
/// twice.
result<std::optional<idempotency_key>> read_idempotency_key(const request& r);

}  // namespace sluice::http
