#include "server/queue/engine.hpp"

#include "proto/type_pattern.hpp"
#include "server/rules/fairness.hpp"

#include <algorithm>
#include <string>
#include <utility>

/// Why a job does not run, and what would start it.
namespace sluice {
namespace {

/// A worker that asked in this time is taken to be there.
constexpr std::chrono::minutes workers_remembered{2};  // a fetch waits for up to one
constexpr std::size_t parents_named_max = 10;
/// Of a line that is all in pieces no more is counted.
constexpr std::size_t looks_max = 10'000;

bool lately(const std::optional<std::chrono::microseconds>& at, instant now) {
    return at && now.steady - *at < workers_remembered;
}

std::string number(std::uint64_t value, std::string_view one, std::string_view many) {
    return std::to_string(value) + ' ' + std::string(value == 1 ? one : many);
}

}  // namespace

result<job_explanation> engine::explain(const uuid& id, instant now, const queue_filter& may_see) {
    const auto* job = find(id);
    if (!job) return error(errc::not_found);
    const auto& record = job->record;
    job_explanation made;
    made.job = record;
    auto& reasons = made.reasons;
    switch (record.state) {
        case job_state::completed:
            reasons.push_back({"ended", "It has completed and will not run again.", {}});
            break;
        case job_state::cancelled:
            reasons.push_back({"ended", "It was cancelled and will not run.", {}});
            break;
        case job_state::discarded:
            if (record.dead_letter)
                reasons.push_back({"dead_letter",
                                   "It is a dead letter; it runs again when somebody sends it back "
                                   "(POST /ojs/v1/dead-letter/{id}/retry).",
                                   {}});
            else
                reasons.push_back({"ended", "It was discarded and will not run again.", {}});
            break;
        case job_state::active:
            reasons.push_back({"running",
                               "It runs with worker '" + record.worker_id +
                                   "'; it runs again if that is not heard before its lease ends.",
                               record.lease_expires_at});
            break;
        case job_state::pending:
            reasons.push_back(why_pending(*job, may_see));
            break;
        case job_state::scheduled:
            if (snoozed_.contains(record.seq))
                reasons.push_back({"snoozed", "A worker gave it back for later.", record.due_at});
            else
                reasons.push_back({"scheduled", "Its time has not come.", record.due_at});
            break;
        case job_state::retryable:
            reasons.push_back({"backoff",
                               "Attempt " + std::to_string(record.attempt) + " of " +
                                   std::to_string(record.spec->retry.max_attempts) +
                                   " failed; the next one comes by its retry policy.",
                               record.due_at});
            break;
        case job_state::available:
            explain_line(*job, made, may_see, now);
            break;
    }
    return made;
}

job_reason engine::why_pending(const resident_job& job, const queue_filter& may_see) {
    const auto seq = job.record.seq;
    if (const auto* entry = workflows_.of_job(seq)) {
        if (may_see)  // its jobs may be in any queue
            return {"waits_for_jobs", "It waits for other jobs of its workflow.", {}};
        std::uint64_t open = 0;
        std::string names;
        const auto name = [&](std::size_t node) {
            if (entry->progress.node(node) == rules::node_state::completed) return;
            if (++open > parents_named_max) return;
            names += (names.empty() ? "" : ", ") + to_string(workflow_job_id(entry->record, node));
        };
        const auto node = entry->node_of(seq);
        if (node >= entry->progress.node_count())
            for (std::size_t i = 0; i < entry->progress.node_count(); ++i) name(i);
        else
            for (const auto& edge : entry->progress.parents(node)) name(edge.parent);
        return {"waits_for_jobs",
                "It waits for " + number(open, "job", "jobs") + " of the workflow " +
                    to_string(entry->record.id) + ": " + names +
                    (open > parents_named_max ? ", ..." : "") + '.',
                {}};
    }
    if (const auto* entry = crons_.of_job(seq)) {
        const auto* before = jobs_.find(entry->record.unfinished.front());
        return {"waits_for_cron_job",
                "The job before it of the cron job '" + entry->record.definition.name +
                    "' has not ended" +
                    (before ? ": " + to_string(before->record.spec->id) : std::string()) + '.',
                {}};
    }
    return {"not_activated",
            "It was pushed as pending; POST /ojs/v1/jobs/{id}/activate starts it.",
            {}};
}

/// Whether a remote worker waits for such a job, or has asked for one lately.
bool engine::asked_from_outside(const resident_job& job, instant now) const {
    const auto& queue = *job.queue;
    const auto& plain = *job.lane->plain;
    if (!queue.takers.empty() || !plain.takers.empty() || lately(queue.asked_at, now)) return true;
    bool asked = false;
    visit_patterns(*plain.type, [&](std::string_view pattern) {
        const auto known = queue.pattern_takers.find(pattern);
        asked = asked || (known != queue.pattern_takers.end() && !known->second.empty());
        for (const auto& [type, at] : queue.asked_types)
            asked = asked || (type == pattern && lately(at, now));
        return asked;
    });
    return asked;
}

/// The same of workers of this server.
bool engine::asked_inside(const resident_job& job, instant now) const {
    const auto& queue = *job.queue;
    if (!job.lane->plain->share) return false;
    if (!queue.handled_takers.empty() || lately(queue.handlers_asked_at, now)) return true;
    return !queue.own_pool && (!any_queue_takers_.empty() || lately(handlers_asked_at_, now));
}

/// Of an available job: all that holds it, and its place.
void engine::explain_line(const resident_job& job, job_explanation& made,
                          const queue_filter& may_see, instant now) {
    const auto& queue = *job.queue;
    const auto& record = job.record;
    auto& reasons = made.reasons;
    if (draining_)
        reasons.push_back({"server_draining", "The server stops; the next one hands it out.", {}});
    if (queue.paused)
        reasons.push_back({"queue_paused",
                           "The queue '" + *queue.name +
                               "' is paused; it starts when that is "
                               "resumed.",
                           {}});
    if (queue.full())
        reasons.push_back({"queue_concurrency",
                           "As many jobs of the queue '" + *queue.name + "' run as may (" +
                               std::to_string(*queue.config->concurrency) +
                               "); it starts when one has ended.",
                           {}});
    explain_limits(job, made, may_see, now);
    const bool inside = asked_inside(job, now);
    if (!asked_from_outside(job, now)) {
        if (!inside)
            reasons.push_back({"no_worker",
                               "No worker has asked for jobs of type '" + *job.lane->type +
                                   "' in the queue '" + *queue.name + "' lately.",
                               {}});
        else if (job.lane->plain->share->group->full())
            reasons.push_back({"handler_concurrency",
                               "As many jobs of its handler run as may; it starts when one has "
                               "ended.",
                               {}});
    }
    std::size_t looks = looks_max;
    std::uint64_t ahead = 0;
    const auto priority = record.spec->priority;
    const auto time = rules::fair_shifted(record.ticket, job.lane->shift(priority));
    const auto count = [&](const ready_lane& lane) {
        const auto in_line = lane.line.ahead_of(priority, time - lane.shift(priority), looks);
        // What is left in line of jobs that were cancelled does not wait.
        const auto others = lane.waiting - (&lane == job.lane ? 1 : 0);
        ahead += std::min(in_line, others);
        if (looks > 0) --looks;
    };
    for (const auto& [type, plain] : queue.lanes) {
        count(*plain);
        for (const auto& [key, lane] : plain->limited) {
            count(*lane);
            if (looks == 0) break;
        }
        if (looks == 0) break;
    }
    if (looks > 0) made.position = ahead;
    if (ahead > 0)
        reasons.push_back({"in_line",
                           (looks > 0 ? "" : "More than ") + number(ahead, "job", "jobs") +
                               " of its queue go before it.",
                           {}});
    if (reasons.empty())
        reasons.push_back({"about_to_start", "Nothing holds it: the next fetch gets it.", {}});
}

}  // namespace sluice
