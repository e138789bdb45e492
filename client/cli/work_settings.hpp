#pragma once

#include "client/worker.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace sluice::cli {

/// What `sluice work` was asked for.
struct work_settings {
    client::worker_options worker;
    std::vector<std::string> types;    ///< empty: all
    std::vector<std::string> command;  ///< the program, as typed, and its arguments
    /// Between SIGTERM and SIGKILL for a command that is stopped.
    std::chrono::milliseconds kill_after = std::chrono::seconds{5};
};

/// The absolute path of a program as a shell would find it; empty when there is none that may be
/// run.
std::string find_program(const std::string& name);

}  // namespace sluice::cli
