#include "server/store/sqlite/salvage_crons.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/store/sqlite/cron_rows.hpp"

namespace sluice::sqlite {

void salvage_crons(connection& db, const std::unordered_set<std::int64_t>& jobs,
                   const std::function<void(cron_record)>& keep,
                   const std::function<void(const std::string&)>& problem) {
    const auto tell = [&](const std::string& what) { problem("Cron jobs: " + what); };
    try {
        auto rows = db.prepare(select_crons_sql);
        while (rows.step()) {
            try {
                auto record = read_cron(rows);
                if (check_json(record.definition.job, limits::json_depth_max)) {
                    tell("the job of " + record.definition.name + " is not JSON");
                    continue;
                }
                std::erase_if(record.unfinished,
                              [&](std::int64_t seq) { return !jobs.contains(seq); });
                if (!record.removed || !record.unfinished.empty()) keep(std::move(record));
            } catch (const database_error& e) {
                tell(e.what());
            }
        }
    } catch (const database_error& e) {
        tell(e.what());
    }
}

}  // namespace sluice::sqlite
