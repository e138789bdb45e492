#pragma once

#include "server/process/wire.hpp"

#include <sys/types.h>

#include <array>
#include <string>

namespace sluice::process {

/// Starts the command of a keeper, by vfork: nothing is copied. `fds` become 0 to 3, all numbered
/// above 3. Gives the process, or -1 with what went wrong.
pid_t launch(const command& what, const std::string& directory, const std::array<int, 4>& fds,
             message& fault);

}  // namespace sluice::process
