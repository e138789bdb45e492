#include "server/store/sqlite/key_rows.hpp"

#include "server/store/sqlite/stored_values.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sluice::sqlite {

const char* const put_key_sql =
    "INSERT OR REPLACE INTO idempotency(key, hash, job_ids, expires_at) VALUES(?1, ?2, ?3, ?4)";

void put_key(statement& row, const key_record& key) {
    std::vector<std::uint8_t> ids;
    ids.reserve(key.job_ids.size() * sizeof(uuid));
    for (const auto& id : key.job_ids) ids.insert(ids.end(), id.bytes.begin(), id.bytes.end());
    row.bind(1, key.key.key);
    row.bind(2, std::span<const std::uint8_t>(key.key.body_hash));
    row.bind(3, std::span<const std::uint8_t>(ids));
    row.bind(4, to_stored(key.expires_at));
    row.run();
}

std::string select_key_sql(std::string_view rest) {
    std::string sql = "SELECT hash, job_ids, expires_at, key FROM idempotency ";
    return sql.append(rest);
}

key_record read_key(const statement& row) {
    key_record found;
    found.key.key = row.text(3);
    const auto hash = row.blob(0);
    if (hash.size() != found.key.body_hash.size())
        throw_damaged("a key's hash has the wrong length");
    std::copy(hash.begin(), hash.end(), found.key.body_hash.begin());
    const auto ids = row.blob(1);
    if (ids.size() % sizeof(uuid) != 0) throw_damaged("a key's job ids have the wrong length");
    for (std::size_t i = 0; i < ids.size(); i += sizeof(uuid))
        found.job_ids.push_back(read_uuid(ids.subspan(i, sizeof(uuid))));
    found.expires_at = to_timestamp(row.integer(2));
    return found;
}

}  // namespace sluice::sqlite
