#pragma once

#include "client/work_messages.hpp"
#include "server/process/command.hpp"
#include "server/process/shortage_pause.hpp"

namespace sluice::cli {

/// What the end of a command makes of its job. `pause` says when one comes back that could not be
/// started for a shortage of this machine: that is no failure of the job and spends no attempt.
client::job_outcome outcome_of(process::report ended, process::shortage_pause& pause,
                               process::shortage_pause::time_point now);

}  // namespace sluice::cli
