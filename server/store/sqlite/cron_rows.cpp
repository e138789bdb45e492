#include "server/store/sqlite/cron_rows.hpp"

#include "server/store/sqlite/stored_values.hpp"

#include <algorithm>
#include <vector>

namespace sluice::sqlite {
namespace {

constexpr std::size_t seq_bytes = 8;

std::vector<std::uint8_t> pack(const std::vector<std::int64_t>& seqs) {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(seqs.size() * seq_bytes);
    for (const auto seq : seqs)
        for (std::size_t i = 0; i < seq_bytes; ++i)
            bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(seq) >> (8 * i)));
    return bytes;
}

std::vector<std::int64_t> unpack(std::span<const std::uint8_t> bytes) {
    if (bytes.size() % seq_bytes != 0) throw_damaged("a cron job's list of jobs is cut short");
    std::vector<std::int64_t> seqs;
    for (std::size_t at = 0; at < bytes.size(); at += seq_bytes) {
        std::uint64_t seq = 0;
        for (std::size_t i = seq_bytes; i-- > 0;) seq = seq << 8 | bytes[at + i];
        seqs.push_back(static_cast<std::int64_t>(seq));
    }
    return seqs;
}

template <class Policy>
Policy read_policy(std::int64_t value, Policy last) {
    if (value < 0 || value > static_cast<std::int64_t>(last))
        throw_damaged("a cron job has a policy that does not exist");
    return static_cast<Policy>(value);
}

}  // namespace

const char* const put_cron_sql =
    "INSERT OR REPLACE INTO crons(name, expression, timezone, job, overlap, catch_up, enabled, "
    "description, created_at, last_run_at, next_run_at, run_count, last_job, unfinished, removed) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const char* const select_crons_sql =
    "SELECT name, expression, timezone, job, overlap, catch_up, enabled, description, created_at, "
    "last_run_at, next_run_at, run_count, last_job, unfinished, removed FROM crons ORDER BY name";

void put_cron(statement& row, const cron_record& record) {
    const auto& given = record.definition;
    const auto unfinished = pack(record.unfinished);
    row.bind(1, given.name);
    row.bind(2, given.expression);
    row.bind(3, given.timezone);
    row.bind(4, given.job);
    row.bind(5, static_cast<std::int64_t>(given.overlap));
    row.bind(6, static_cast<std::int64_t>(given.catch_up));
    row.bind(7, std::int64_t{given.enabled});
    row.bind_unless_empty(8, given.description);
    row.bind(9, to_stored(record.created_at));
    row.bind(10, to_stored(record.last_run_at));
    row.bind(11, to_stored(record.next_run_at));
    row.bind(12, static_cast<std::int64_t>(record.run_count));
    if (record.last_job_id)
        row.bind(13, std::span<const std::uint8_t>(record.last_job_id->bytes));
    else
        row.bind_null(13);
    if (unfinished.empty())
        row.bind_null(14);
    else
        row.bind(14, std::span<const std::uint8_t>(unfinished));
    row.bind(15, std::int64_t{record.removed});
    row.run();
}

cron_record read_cron(const statement& row) {
    cron_record record;
    auto& given = record.definition;
    given.name = row.text(0);
    given.expression = row.text(1);
    given.timezone = row.text(2);
    given.job = row.text(3);
    given.overlap = read_policy(row.integer(4), overlap_policy::enqueue);
    given.catch_up = read_policy(row.integer(5), catch_up_policy::all);
    given.enabled = row.integer(6) != 0;
    given.description = row.text(7);
    record.created_at = to_timestamp(row.integer(8));
    record.last_run_at = to_timestamp(row.optional_integer(9));
    record.next_run_at = to_timestamp(row.optional_integer(10));
    record.run_count = static_cast<std::uint64_t>(row.integer(11));
    if (const auto id = row.blob(12); !id.empty()) record.last_job_id = read_uuid(id);
    record.unfinished = unpack(row.blob(13));
    record.removed = row.integer(14) != 0;
    return record;
}

}  // namespace sluice::sqlite
