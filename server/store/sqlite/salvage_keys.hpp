#pragma once

#include "server/queue/job_store.hpp"
#include "server/store/sqlite/database.hpp"

#include <functional>
#include <string>

namespace sluice::sqlite {

/// Hands over the idempotency keys, as far as a damaged database can be read. `problem` hears of
/// what cannot.
void salvage_keys(connection& db, const std::function<void(key_record)>& keep,
                  const std::function<void(const std::string&)>& problem);

}  // namespace sluice::sqlite
