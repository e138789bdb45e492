#pragma once

#include "server/worker/handlers/exec/exec_config.hpp"

#include <toml++/toml.h>

#include <string>
#include <vector>

namespace sluice::config {

/// The section `[exec]` with its tables `[[exec.commands]]`, which only a file can hold: no
/// variable and no flag can add a command.
worker::exec_config read_exec(const toml::node& node, std::vector<std::string>& problems);

/// What is wrong with the commands here and now: names, programs that are not there, accounts that
/// cannot be taken.
void check_exec(const worker::exec_config& exec, std::vector<std::string>& problems);

}  // namespace sluice::config
