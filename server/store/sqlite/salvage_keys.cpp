#include "server/store/sqlite/salvage_keys.hpp"

#include "server/store/sqlite/key_rows.hpp"

#include <unordered_set>
#include <utility>

namespace sluice::sqlite {

void salvage_keys(connection& db, const std::function<void(key_record)>& keep,
                  const std::function<void(const std::string&)>& problem) {
    std::unordered_set<std::string> seen;
    // From both ends, as far as each goes.
    for (const char* order : {"ORDER BY key", "ORDER BY key DESC"}) {
        try {
            auto rows = db.prepare(select_key_sql(order));
            while (rows.step()) {
                auto key = read_key(rows);
                if (seen.insert(key.key.key).second) keep(std::move(key));
            }
            return;
        } catch (const database_error& e) {
            problem(std::string("Idempotency keys: ") + e.what());
        }
    }
}

}  // namespace sluice::sqlite
