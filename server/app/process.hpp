#pragma once

#include "server/observe/log.hpp"

/// What concerns the process as a whole, before the first thread starts.
namespace sluice::app {

/// Files and directories we make are ours alone; a write to a closed socket, or to a file that
/// may not grow, is an error, not a death; as many descriptors as we may have; no core dump with
/// secrets when started as root.
void prepare_process(logger& log);

}  // namespace sluice::app
