#include "server/store/sqlite/salvage_settings.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/store/sqlite/setting_rows.hpp"

namespace sluice::sqlite {

void salvage_settings(connection& db, const std::function<void(setting_record)>& keep,
                      const std::function<void(const std::string&)>& problem) {
    const auto tell = [&](const std::string& what) { problem("Settings: " + what); };
    try {
        auto rows = db.prepare(select_settings_sql);
        while (rows.step()) {
            auto setting = read_setting(rows);
            if (check_json(setting.value, limits::json_depth_max))
                tell("that of " + setting.name + " is not JSON");
            else
                keep(std::move(setting));
        }
    } catch (const database_error& e) {
        tell(e.what());
    }
}

}  // namespace sluice::sqlite
