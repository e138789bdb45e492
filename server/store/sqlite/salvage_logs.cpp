#include "server/store/sqlite/salvage_logs.hpp"

#include "server/store/sqlite/log_rows.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace sluice::sqlite {
namespace {

class log_walk {
public:
    log_walk(connection& db, const std::vector<std::int64_t>& jobs,
             const std::function<void(log_write)>& keep)
        : rows_(db.prepare(select_log_sql("WHERE seq > ?1 ORDER BY seq, number"))),
          jobs_(jobs),
          keep_(keep) {}

    /// Goes on behind job `after` until the end or a place that cannot be read: that throws.
    void go_on(std::int64_t after) {
        const reset_at_exit done(rows_);
        reached_ = {after, 0};
        rows_.bind(1, after);
        while (rows_.step()) {
            auto write = read_log(rows_);
            const std::pair place{write.seq, write.line.number};
            if (place <= reached_) throw_damaged("the lines of a log are out of order");
            reached_ = place;
            if (std::binary_search(jobs_.begin(), jobs_.end(), write.seq)) keep_(std::move(write));
        }
    }

    /// The job after which to go on when `go_on(after)` failed; nothing when there is none.
    std::optional<std::int64_t> next(std::int64_t after) const {
        if (reached_.first > after) return reached_.first;  // the rest of its lines is given up
        const auto job = std::upper_bound(jobs_.begin(), jobs_.end(), after);
        if (job == jobs_.end()) return std::nullopt;
        return *job - 1 > after ? *job - 1 : *job;
    }

private:
    statement rows_;
    const std::vector<std::int64_t>& jobs_;
    const std::function<void(log_write)>& keep_;
    std::pair<std::int64_t, std::uint64_t> reached_;
};

}  // namespace

void salvage_logs(connection& db, const std::vector<std::int64_t>& jobs,
                  const std::function<void(log_write)>& keep,
                  const std::function<void(const std::string&)>& problem) {
    try {
        // A database of version 1 has no logs.
        if (db.query_integer("SELECT count(*) FROM main.sqlite_schema WHERE name = 'job_logs'") ==
            0)
            return;
        log_walk walk(db, jobs, keep);
        for (std::optional<std::int64_t> after = 0; after;) {
            try {
                return walk.go_on(*after);
            } catch (const database_error& e) {
                problem("Logs after job " + std::to_string(*after) + ": " + e.what());
                after = walk.next(*after);
            }
        }
    } catch (const database_error& e) {
        problem(std::string("Nothing of the logs can be read: ") + e.what());
    }
}

}  // namespace sluice::sqlite
