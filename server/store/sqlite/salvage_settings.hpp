#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <functional>
#include <string>

namespace sluice::sqlite {

/// Hands over what operators set, as far as a damaged database can be read and the value is JSON.
/// `problem` hears of each that is not.
void salvage_settings(connection& db, const std::function<void(setting_record)>& keep,
                      const std::function<void(const std::string&)>& problem);

}  // namespace sluice::sqlite
