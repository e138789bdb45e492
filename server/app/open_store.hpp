#pragma once

#include "server/config/config.hpp"
#include "server/observe/log.hpp"
#include "server/queue/job_store.hpp"

#include <memory>

namespace sluice::app {

/// The journal in the configured directory. Throws store_error. With `salvage` a damaged journal is
/// first made readable again, and what was lost goes to the log.
std::unique_ptr<job_store> open_store(const config::store_config& settings, bool salvage,
                                      logger& log);

}  // namespace sluice::app
