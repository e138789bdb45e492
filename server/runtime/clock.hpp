#pragma once

#include "proto/time.hpp"

namespace sluice {

/// Reads the wall clock and the steady clock. The composition root passes this to those who need
/// the time; tests pass a clock of their own.
instant system_instant();

}  // namespace sluice
