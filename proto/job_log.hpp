#pragma once

#include <cstdint>

namespace sluice {

/// Where a line of a job's log came from. The values are stored.
enum class log_stream : std::uint8_t {
    stdout_ = 0,
    stderr_ = 1,
    log = 2,  ///< said by the handler itself
};

}  // namespace sluice
