#include "server/store/sqlite/salvage_workflows.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"
#include "server/rules/workflow.hpp"
#include "server/store/sqlite/workflow_rows.hpp"

#include <stdexcept>

namespace sluice::sqlite {
namespace {

/// One whose jobs are all lost is shown for so long: as a failed one by default.
constexpr std::chrono::hours kept_for{24 * 14};

bool has_ended(rules::node_state state) {
    return state != rules::node_state::waiting && state != rules::node_state::released;
}

/// Throws std::invalid_argument when what the row says makes no sense.
void mend(workflow_record& record, const std::unordered_set<std::int64_t>& live) {
    if (record.seq <= 0 || sequence_of(record.id) != record.seq)
        throw std::invalid_argument("its id does not belong to it");
    auto progress = rules::workflow_progress::restore(record.plan, record.nodes, record.state);
    if (record.jobs != progress.size()) throw std::invalid_argument("it counts its jobs wrong");
    for (const auto* text : {&record.outline, &record.meta})
        if (!text->empty() && check_json(*text, limits::json_depth_max))
            throw std::invalid_argument("what it says of its jobs is not JSON");
    record.unfinished = 0;
    for (std::size_t i = 0; i < progress.size(); ++i) {
        const bool there = live.contains(record.seq + 1 + static_cast<std::int64_t>(i));
        if (there) ++record.unfinished;
        if (!there && !has_ended(progress.node(i))) progress.end_node(i, rules::node_outcome::lost);
    }
    record.nodes = progress.nodes();
    record.state = progress.state();
    if (record.state != workflow_state::running && !record.ended_at)
        record.ended_at = record.created_at;
}

}  // namespace

void salvage_workflows(connection& db, const std::unordered_set<std::int64_t>& live,
                       const std::function<void(workflow_write)>& keep,
                       const std::function<void(const std::string&)>& problem) {
    const auto tell = [&](const std::string& what) { problem("Workflows: " + what); };
    try {
        auto rows = db.prepare(select_workflow_sql("ORDER BY w.seq"));
        while (rows.step()) {
            try {
                workflow_write write;
                write.fresh = true;
                write.record = read_workflow(rows);
                mend(write.record, live);
                write.purge_at = purge_time_of_workflow(rows);
                if (write.record.unfinished == 0 && !write.purge_at)
                    write.purge_at = *write.record.ended_at + kept_for;
                keep(std::move(write));
            } catch (const std::exception& e) {
                tell(e.what());
            }
        }
    } catch (const database_error& e) {
        tell(e.what());
    }
}

}  // namespace sluice::sqlite
