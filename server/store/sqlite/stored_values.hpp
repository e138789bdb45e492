#pragma once

#include "proto/state.hpp"
#include "proto/time.hpp"
#include "proto/uuid.hpp"

#include <cstdint>
#include <optional>
#include <span>

/// Values as columns hold them: times as microseconds since 1970, ids as their bytes. Readers throw
/// database_error for what was never written.
namespace sluice::sqlite {

std::optional<std::int64_t> to_stored(const std::optional<timestamp>& time);
std::int64_t to_stored(timestamp time);
timestamp to_timestamp(std::int64_t stored);
std::optional<timestamp> to_timestamp(const std::optional<std::int64_t>& stored);
uuid read_uuid(std::span<const std::uint8_t> blob);
job_state read_state(std::int64_t stored);

}  // namespace sluice::sqlite
