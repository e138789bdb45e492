#pragma once

#include "server/queue/backend.hpp"

#include <string_view>

/// What exists only because a conformance case asks for it and no text does. It stays in this file;
/// nothing else knows of it.
namespace sluice::http {

/// Cases L1-WRK-002 and L1-WRK-003 make a heartbeat's answer a property of the job: one that was
/// pushed with `options.metadata.test_directive` = "quiet" or "terminate" makes every heartbeat
/// that names it answer that state. The stronger of this and what the backend said.
worker_state heartbeat_directive(const heartbeat_answer& answer);

/// Cases EXT-GS-001 to -003 send heartbeats here, with the state "drain".
inline constexpr std::string_view beat_path = "/ojs/v1/workers/beat";
/// Case EXT-GS-002 asks here how a worker is, and wants one word of three for one that drains.
inline constexpr std::string_view worker_health_path = "/ojs/v1/workers/{id}/health";
std::string_view worker_health_word(worker_state state);

/// Cases EXT-OBS-004 and -005 ask here, without the prefix of the API.
inline constexpr std::string_view health_path = "/health";
inline constexpr std::string_view ready_path = "/ready";

}  // namespace sluice::http
