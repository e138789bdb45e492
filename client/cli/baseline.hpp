#pragma once

#include "client/cli/live_view.hpp"
#include "client/cli/produce_options.hpp"

namespace sluice::cli {

/// The same work without a queue: makes all items at their intervals, then processes them one after
/// the other, in this thread, with real sleeps. The report's times are those at full length, also
/// when `time_scale` shortened the sleeps.
run_report run_baseline(const produce_options& options, live_view& view);

}  // namespace sluice::cli
