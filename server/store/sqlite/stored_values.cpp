#include "server/store/sqlite/stored_values.hpp"

#include "server/store/sqlite/database.hpp"

#include <algorithm>
#include <string>

namespace sluice::sqlite {

std::int64_t to_stored(timestamp time) {
    return time.time_since_epoch().count();
}

std::optional<std::int64_t> to_stored(const std::optional<timestamp>& time) {
    return time ? std::optional{to_stored(*time)} : std::nullopt;
}

timestamp to_timestamp(std::int64_t stored) {
    return timestamp{std::chrono::microseconds{stored}};
}

std::optional<timestamp> to_timestamp(const std::optional<std::int64_t>& stored) {
    return stored ? std::optional{to_timestamp(*stored)} : std::nullopt;
}

uuid read_uuid(std::span<const std::uint8_t> blob) {
    uuid id;
    if (blob.size() != id.bytes.size()) throw_damaged("a job's id has the wrong length");
    std::copy(blob.begin(), blob.end(), id.bytes.begin());
    return id;
}

job_state read_state(std::int64_t stored) {
    if (stored < 0 || stored >= std::int64_t{job_state_count})
        throw_damaged("a job's state is " + std::to_string(stored));
    return static_cast<job_state>(stored);
}

}  // namespace sluice::sqlite
