#include "server/store/sqlite/setting_rows.hpp"

#include <string>

namespace sluice::sqlite {
namespace {

void bind_name(statement& row, const setting_record& setting) {
    row.bind(1, static_cast<std::int64_t>(setting.kind));
    row.bind(2, setting.name);
}

}  // namespace

setting_record read_setting(const statement& row) {
    return {static_cast<setting_kind>(row.integer(0)), std::string(row.text(1)),
            std::string(row.text(2))};
}

void put_setting(statement& row, const setting_record& setting) {
    bind_name(row, setting);
    row.bind(3, setting.value);
    row.run();
}

void delete_setting(statement& row, const setting_record& setting) {
    bind_name(row, setting);
    row.run();
}

}  // namespace sluice::sqlite
