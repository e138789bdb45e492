#pragma once

#include "server/queue/backend.hpp"
#include "server/worker/active_run.hpp"

namespace sluice::worker {

/// Keeps what runs say in the logs of their jobs. `store` must outlive the sink.
///
/// Nothing waits for it to be written: the last words of a run join the batch that its end is in.
/// While too much log is on its way to the disk a run that goes on waits with its next words, and
/// those of one that has ended are dropped and counted. A job that is no longer the run's does not
/// want them.
log_sink keep_in(backend& store);

}  // namespace sluice::worker
