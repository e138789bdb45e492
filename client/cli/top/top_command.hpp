#pragma once

#include "client/cli/context.hpp"
#include "client/cli/top/top_settings.hpp"

namespace sluice::cli {

/// Shows the queues until it is stopped, or for one interval. A server that goes away is waited
/// for, but not one that was never reached.
exit_code show_top(const context& ctx, const top_settings& settings);

}  // namespace sluice::cli
