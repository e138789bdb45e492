#include "server/store/sqlite/log_rows.hpp"

#include "proto/limits.hpp"
#include "server/store/sqlite/job_rows.hpp"

namespace sluice::sqlite {

void bind_log(statement& row, const log_write& write) {
    const auto& line = write.line;
    row.bind(1, write.seq);
    row.bind(2, static_cast<std::int64_t>(line.number));
    row.bind(3, to_stored(line.time));
    row.bind(4, std::int64_t{line.attempt});
    row.bind(5, static_cast<std::int64_t>(line.stream));
    row.bind(6, static_cast<std::int64_t>(write.bytes));
    row.bind(7, line.text);
}

std::string select_log_sql(std::string_view rest) {
    return "SELECT seq, number, time, attempt, stream, bytes, text FROM job_logs " +
           std::string(rest);
}

log_write read_log(const statement& row) {
    const auto number = row.integer(1);
    const auto attempt = row.integer(3);
    const auto stream = row.integer(4);
    const auto bytes = row.integer(5);
    const auto text = row.text(6);
    const bool possible = number > 0 && attempt >= 0 && attempt <= UINT32_MAX && stream >= 0 &&
                          stream <= static_cast<std::int64_t>(log_stream::note) && bytes >= 0 &&
                          text.size() <= limits::log_line_bytes_max &&
                          text.find('\0') == text.npos;  // as in a page of zeros
    if (!possible) throw_damaged("a line of a log cannot be what it says");
    log_write write;
    write.seq = row.integer(0);
    write.bytes = static_cast<std::uint64_t>(bytes);
    write.line = {static_cast<std::uint64_t>(number), to_timestamp(row.integer(2)),
                  static_cast<std::uint32_t>(attempt), static_cast<log_stream>(stream),
                  std::string(text)};
    return write;
}

}  // namespace sluice::sqlite
