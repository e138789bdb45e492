#pragma once

#include "server/process/command.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace sluice::worker {

/// One row of the table of commands. Only the configuration file can add one.
struct exec_command {
    std::string name;
    process::command what;
    std::vector<std::string> types;  ///< patterns of job types that run it, beside sluice.exec
    std::size_t concurrency = 0;     ///< runs of it at one time; 0: only the bound of the pool
    std::optional<std::chrono::milliseconds> timeout;  ///< of one run; then it has failed
    std::size_t extra_args_max = 0;  ///< a job of sluice.exec may add so many arguments
};

struct exec_config {
    /// Commands may be run by whoever reaches the loopback address. For development.
    bool insecure_no_auth = false;
    std::string temp_directory;  ///< where working directories are made; empty: $TMPDIR or /tmp
    std::vector<exec_command> commands;
};

}  // namespace sluice::worker
