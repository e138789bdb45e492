#include "server/store/sqlite/journal_writer.hpp"
#include "server/store/sqlite/stored_values.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

/// How jobs are deleted, and what retention deletes.
namespace sluice::sqlite {
namespace {

/// Lines of logs one step of retention deletes, but for those of its first job. Chosen, not tuned.
constexpr std::int64_t purge_lines_max = 10'000;

}  // namespace

void journal_writer::erase(job_place from, std::int64_t seq) {
    auto& s = at(from);
    if (from == job_place::live) end_run(seq);
    bool aside = false;
    {
        const reset_at_exit done(s.find_extras);
        s.find_extras.bind(1, seq);
        if (!s.find_extras.step()) {
            // Retention has been quicker.
            if (from == job_place::history) return;
            throw std::logic_error("job " + std::to_string(seq) + " is not in " +
                                   std::string(table_name(from)));
        }
        aside = s.find_extras.integer(2) != 0;
        if (s.find_extras.integer(0) != 0) {
            delete_client_id_.bind(1, s.find_extras.blob(1));
            delete_client_id_.run();
        }
    }
    if (aside) {
        delete_payload_.bind(1, seq);
        delete_payload_.run();
    }
    delete_log_.bind(1, seq);
    delete_log_.run();
    s.remove.bind(1, seq);
    s.remove.run();
}

void journal_writer::reset_all() {
    names_changed_ = true;
    names_.clear();
    runs_.clear();
    db_.execute(
        "DELETE FROM jobs; DELETE FROM history; DELETE FROM payloads; DELETE FROM client_ids;"
        "DELETE FROM names; DELETE FROM idempotency; DELETE FROM queues; DELETE FROM runs;"
        "DELETE FROM job_logs; DELETE FROM crons; DELETE FROM workflows;"
        "DELETE FROM workflow_progress; DELETE FROM settings");
}

job_store::purge_outcome journal_writer::purge(timestamp now, std::size_t max) {
    std::vector<std::int64_t> expired;
    std::int64_t lines = 0;
    bool cut = false;
    {
        const reset_at_exit done(find_expired_);
        find_expired_.bind(1, to_stored(now));
        find_expired_.bind(2, static_cast<std::int64_t>(max));
        while (!cut && find_expired_.step()) {
            const auto seq = find_expired_.integer(0);
            const reset_at_exit counted(log_end_);
            log_end_.bind(1, seq);
            if (log_end_.step()) lines += log_end_.integer(0);
            cut = lines > purge_lines_max && !expired.empty();
            if (!cut) expired.push_back(seq);
        }
    }
    // What else expires has a share of its own, however many jobs there are.
    const auto others_max = std::max(max - expired.size(), max / 4);
    const auto keys_max = static_cast<std::int64_t>(others_max);
    const auto keys_due = db_.query_integer("SELECT min(expires_at) FROM idempotency");
    const bool purge_keys = keys_max > 0 && keys_due != 0 && keys_due <= to_stored(now);
    const auto workflows = expired_workflows(now, others_max);
    if (expired.empty() && workflows.empty() && !purge_keys) return {};
    std::size_t gone = expired.size() + workflows.size();
    bool more =
        cut || expired.size() >= max || workflows.size() >= std::max<std::size_t>(others_max, 1);
    // Unsynced: after a power cut the same rows expire again.
    in_transaction(false, [&] {
        for (const auto seq : expired) erase(job_place::history, seq);
        for (const auto seq : workflows) {
            for (auto* row : {&delete_workflow_, &delete_progress_}) {
                row->bind(1, seq);
                row->run();
            }
        }
        if (!purge_keys) return;
        delete_keys_.bind(1, to_stored(now));
        delete_keys_.bind(2, keys_max);
        delete_keys_.run();
        const auto keys = db_.changes();
        gone += static_cast<std::size_t>(keys);
        more = more || keys >= keys_max;
    });
    return {gone, more};
}

std::vector<std::int64_t> journal_writer::expired_workflows(timestamp now, std::size_t max) {
    std::vector<std::int64_t> expired;
    const reset_at_exit done(find_expired_workflows_);
    find_expired_workflows_.bind(1, to_stored(now));
    find_expired_workflows_.bind(2, static_cast<std::int64_t>(max));
    while (find_expired_workflows_.step()) expired.push_back(find_expired_workflows_.integer(0));
    return expired;
}

}  // namespace sluice::sqlite
