#pragma once

#include <exception>

namespace sluice {

/// Throws out of the context's run() what a spawned coroutine ended with.
inline void rethrow(std::exception_ptr fault) {
    if (fault) std::rethrow_exception(fault);
}

}  // namespace sluice
