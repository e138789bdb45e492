#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sluice::sqlite {

/// Hands over the lines of the logs of `jobs` (ascending), in order, as far as a damaged database
/// can be read. `problem` hears of each place that cannot.
void salvage_logs(connection& db, const std::vector<std::int64_t>& jobs,
                  const std::function<void(log_write)>& keep,
                  const std::function<void(const std::string&)>& problem);

}  // namespace sluice::sqlite
