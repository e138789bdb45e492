#pragma once

#include "server/queue/backend.hpp"

/// What exists only because a conformance case asks for it and no text does. It stays in this file;
/// nothing else knows of it.
namespace sluice::http {

/// Cases L1-WRK-002 and L1-WRK-003 make a heartbeat's answer a property of the job: one that was
/// pushed with `options.metadata.test_directive` = "quiet" or "terminate" makes every heartbeat
/// that names it answer that state. The stronger of this and what the backend said.
worker_state heartbeat_directive(const heartbeat_answer& answer);

}  // namespace sluice::http
