#pragma once

#include "proto/cron.hpp"
#include "server/store/sqlite/database.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>

namespace sluice::sqlite {

/// Hands over the cron jobs, each with those of its unfinished jobs that are among `jobs`, as far
/// as a damaged database can be read. `problem` hears of each that cannot.
void salvage_crons(connection& db, const std::unordered_set<std::int64_t>& jobs,
                   const std::function<void(cron_record)>& keep,
                   const std::function<void(const std::string&)>& problem);

}  // namespace sluice::sqlite
