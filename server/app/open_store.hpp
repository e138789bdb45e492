#pragma once

#include "server/config/config.hpp"
#include "server/observe/log.hpp"
#include "server/queue/job_store.hpp"

#include <memory>
#include <string>

namespace sluice::app {

/// The journal in the configured directory. Throws store_error.
std::unique_ptr<job_store> open_store(const config::store_config& settings, logger& log);

/// Copies what can be read of the journal into `to` and prints what was saved and what was lost.
/// Gives the exit code: 0 when nothing was lost, 65 when something was. Throws store_error.
int salvage(const config::store_config& settings, const std::string& to);

}  // namespace sluice::app
