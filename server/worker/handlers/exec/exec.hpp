#pragma once

#include "server/worker/handler.hpp"
#include "server/worker/handlers/exec/exec_config.hpp"

#include <boost/asio/any_io_executor.hpp>

namespace sluice::worker {

/// The handler of `sluice.exec`, whose args are ["name", extra...], and of the types of each
/// command. The job goes to standard input; only its id, type and attempt are in the environment,
/// and only the extra arguments a row allows in the arguments.
///
/// Refused at the door: `forbidden` while there is no command, `validation_failed` for a name that
/// is not in the table or arguments its row does not allow. Throws when nothing can be started.
void add_exec_handlers(handler_registry& registry, boost::asio::any_io_executor executor,
                       exec_config config);

}  // namespace sluice::worker
