#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>

namespace sluice::sqlite {

/// Hands over the workflows, as far as a damaged database can be read. A job that has not ended and
/// is not among the `live` ones has failed. `problem` hears of each that cannot be read.
void salvage_workflows(connection& db, const std::unordered_set<std::int64_t>& live,
                       const std::function<void(workflow_write)>& keep,
                       const std::function<void(const std::string&)>& problem);

}  // namespace sluice::sqlite
