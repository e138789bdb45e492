#pragma once

#include "proto/error.hpp"

#include <string_view>

namespace date {
class time_zone;
}

namespace sluice::rules {

/// The zone of this name; null for UTC. `cron_schedule::parse` says which names are taken and what
/// the errors are. What it returns has been read from the disk and stays valid.
result<const date::time_zone*> find_cron_zone(std::string_view name);

}  // namespace sluice::rules
