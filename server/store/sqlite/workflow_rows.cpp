#include "server/store/sqlite/workflow_rows.hpp"

#include "server/store/sqlite/stored_values.hpp"

namespace sluice::sqlite {
namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string text_of(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Enum>
Enum read_enum(std::int64_t value, Enum last) {
    if (value < 0 || value > static_cast<std::int64_t>(last))
        throw_damaged("a workflow has a type or state that does not exist");
    return static_cast<Enum>(value);
}

}  // namespace

const char* const insert_workflow_sql =
    "INSERT OR ROLLBACK INTO workflows(seq, id, type, name, meta, jobs, created_at, plan, outline) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const char* const put_workflow_progress_sql =
    "INSERT OR REPLACE INTO workflow_progress(seq, state, unfinished, ended_at, purge_at, nodes) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6)";

void insert_workflow(statement& row, const workflow_record& record) {
    row.bind(1, record.seq);
    row.bind(2, std::span<const std::uint8_t>(record.id.bytes));
    row.bind(3, static_cast<std::int64_t>(record.type));
    row.bind_unless_empty(4, record.name);
    row.bind_unless_empty(5, record.meta);
    row.bind(6, static_cast<std::int64_t>(record.jobs));
    row.bind(7, to_stored(record.created_at));
    row.bind(8, bytes_of(record.plan));
    row.bind(9, record.outline);
    row.run();
}

void put_workflow_progress(statement& row, const workflow_write& write) {
    const auto& record = write.record;
    row.bind(1, record.seq);
    row.bind(2, static_cast<std::int64_t>(record.state));
    row.bind(3, static_cast<std::int64_t>(record.unfinished));
    row.bind(4, to_stored(record.ended_at));
    row.bind(5, to_stored(write.purge_at));
    row.bind(6, bytes_of(record.nodes));
    row.run();
}

std::string select_workflow_sql(std::string_view rest) {
    std::string sql =
        "SELECT w.seq, w.id, w.type, w.name, w.meta, w.jobs, w.created_at, w.plan, w.outline, "
        "p.state, p.unfinished, p.ended_at, p.nodes, p.purge_at "
        "FROM workflows w JOIN workflow_progress p ON p.seq = w.seq ";
    return sql.append(rest);
}

workflow_record read_workflow(const statement& row) {
    workflow_record record;
    record.seq = row.integer(0);
    record.id = read_uuid(row.blob(1));
    record.type = read_enum(row.integer(2), workflow_type::dag);
    record.name = row.text(3);
    record.meta = row.text(4);
    record.jobs = static_cast<std::size_t>(row.integer(5));
    record.created_at = to_timestamp(row.integer(6));
    record.plan = text_of(row.blob(7));
    record.outline = row.text(8);
    record.state = read_enum(row.integer(9), workflow_state::cancelled);
    record.unfinished = static_cast<std::size_t>(row.integer(10));
    record.ended_at = to_timestamp(row.optional_integer(11));
    record.nodes = text_of(row.blob(12));
    return record;
}

std::optional<timestamp> purge_time_of_workflow(const statement& row) {
    return to_timestamp(row.optional_integer(13));
}

}  // namespace sluice::sqlite
