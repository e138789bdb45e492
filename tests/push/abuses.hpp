#pragma once

#include "tests/push/receiver.hpp"

#include <cstdint>
#include <vector>

namespace sluice::worker::push::test {

/// What happens to a client that knows no limits.
enum class naive_fault : std::uint8_t {
    ends_too,      ///< none: the connection is gone, for any client
    believes_it,   ///< it takes a status and calls it an answer
    takes_text,    ///< it takes for an answer what is none
    waits_on,      ///< it still waits when ours has given up
    reads_on,      ///< it has read more than ours would ever hold, and reads on
    has_location,  ///< it knows where to go next
};

/// A receiver that does harm, and what becomes of the job.
struct abuse {
    const char* name;
    script doing;
    const char* code;
    naive_fault control;
};

std::vector<abuse> abuses();

}  // namespace sluice::worker::push::test
