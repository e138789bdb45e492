#pragma once

#include "server/observe/log.hpp"
#include "server/worker/handler.hpp"
#include "server/worker/handlers/exec/exec_config.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace sluice::worker {

/// The handler of `sluice.exec`, whose args are ["name", extra...], and of the types of each
/// command. The job goes to standard input; only its id, type and attempt are in the environment,
/// and only the extra arguments a row allows in the arguments.
///
/// A row at its limit holds no worker: its further jobs are snoozed, each to a turn of its own. So
/// is a job whose command cannot be started for a shortage of this machine, which is logged.
///
/// Refused at the door: `forbidden` while there is no command, `validation_failed` for a name that
/// is not in the table or arguments its row does not allow. Throws when nothing can be started.
/// `log` must outlive the registry.
void add_exec_handlers(handler_registry& registry, boost::asio::any_io_executor executor,
                       exec_config config, logger& log);

}  // namespace sluice::worker
