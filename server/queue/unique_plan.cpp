#include "server/queue/unique_plan.hpp"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <unordered_set>

namespace sluice {
namespace {

struct key_hash {
    std::size_t operator()(const unique_key& key) const {
        std::size_t hash = 0;  // its bytes are as good as random already
        for (std::size_t i = 0; i < sizeof hash; ++i) hash = hash << 8 | key[i];
        return hash;
    }
};

error duplicate_of(const job_record& job, std::size_t index, std::size_t jobs) {
    error made(errc::duplicate, "A job with the same unique key exists already.",
               "\"existing_job_id\":\"" + to_string(job.spec->id) + "\",\"existing_job_state\":\"" +
                   std::string(to_string(job.state)) + "\",\"uniqueness_key\":\"" +
                   to_string(job.spec->unique->key) + "\"");
    if (jobs > 1) {
        const auto number = std::to_string(index);
        made.message.insert(0, "Job " + number + ": ");
        made.details.insert(0, "\"index\":" + number + ",");
    }
    return made;
}

error duplicate_elsewhere() {
    return {errc::duplicate,
            "A job with the same unique key exists in a queue that this token may not touch."};
}

error duplicate_within(std::size_t index, std::size_t earlier) {
    return {errc::duplicate,
            "Job " + std::to_string(index) + " has the same unique key as job " +
                std::to_string(earlier) + " of the same request.",
            "\"index\":" + std::to_string(index)};
}

bool replaces(const unique_rule& rule) {
    return rule.on_conflict == conflict_policy::replace ||
           rule.on_conflict == conflict_policy::replace_except_schedule;
}

class push_planner {
public:
    push_planner(const push_request& request, const unique_table& uniques, const job_table& jobs,
                 std::int64_t ending, instant now, timestamp stamp)
        : request_(request),
          uniques_(uniques),
          jobs_(jobs),
          ending_(ending),
          now_(now),
          stamp_(stamp) {}

    result<std::vector<push_plan>> run() {
        const auto& jobs = request_.jobs;
        std::vector<push_plan> plans(jobs.size());
        std::unordered_multimap<unique_key, std::size_t, key_hash> earlier;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (!jobs[i].unique) continue;
            const auto& rule = *jobs[i].unique;
            auto& plan = plans[i];
            if (auto refused = against_known(i, plan)) return *std::move(refused);
            const auto [from, to] = earlier.equal_range(rule.key);
            for (auto it = from; it != to && !plan.same && !plan.same_new; ++it) {
                const auto at = it->second;
                const auto state = first_state(jobs[at], plans[at].schedule, now_);
                if (plans[at].replaced_soon || !rule.states.contains(state)) continue;
                if (rule.on_conflict == conflict_policy::reject) return duplicate_within(i, at);
                if (!replaces(rule)) {
                    plan.same_new = at;
                    continue;
                }
                plans[at].replaced_soon = true;
                plan.replaced_new.push_back(at);
                if (state == job_state::scheduled && !plan.schedule)
                    plan.schedule = plans[at].schedule ? plans[at].schedule : jobs[at].scheduled_at;
            }
            if (rule.on_conflict != conflict_policy::replace_except_schedule) plan.schedule.reset();
            if (!plan.same && !plan.same_new) earlier.emplace(rule.key, i);
        }
        return plans;
    }

private:
    /// The resident jobs a new one would be a duplicate of, newest first.
    std::vector<std::int64_t> conflicts_of(const unique_rule& rule) const {
        std::vector<std::int64_t> found;
        for (std::size_t i = 0; i < job_state_count; ++i) {
            const auto state = static_cast<job_state>(i);
            if (!rule.states.contains(state)) continue;
            uniques_.each(rule.key, state, [&](std::int64_t seq) {
                const auto* job = jobs_.find(seq);
                // Those behind it are older still.
                if (rule.period && job->record.received_at + *rule.period <= stamp_) return false;
                if (job->place != job_place::nowhere && seq != ending_) found.push_back(seq);
                return true;
            });
        }
        if (completes_with(rule)) found.push_back(ending_);
        std::sort(found.begin(), found.end(), std::greater<>());
        return found;
    }

    /// Whether the job that completes with the push counts as a completed one.
    bool completes_with(const unique_rule& rule) const {
        const auto* job = ending_ ? jobs_.find(ending_) : nullptr;
        if (!job || !rule.states.contains(job_state::completed)) return false;
        const auto* own = job->record.spec->unique.get();
        const bool late = rule.period && job->record.received_at + *rule.period <= stamp_;
        return own && own->key == rule.key && !late;
    }

    /// What the jobs that are there make of a new one. Errors: duplicate.
    std::optional<error> against_known(std::size_t index, push_plan& plan) {
        const auto& rule = *request_.jobs[index].unique;
        for (const auto seq : conflicts_of(rule)) {
            if (gone_.contains(seq)) continue;
            const auto& job = jobs_.find(seq)->record;
            if (request_.may_touch && !request_.may_touch(job.spec->queue))
                return duplicate_elsewhere();
            if (rule.on_conflict == conflict_policy::reject)
                return duplicate_of(job, index, request_.jobs.size());
            if (!replaces(rule)) {
                plan.same = seq;
                return std::nullopt;
            }
            if (is_terminal(job.state) || seq == ending_)
                continue;  // it has ended; the new one follows it
            gone_.insert(seq);
            plan.replaced.push_back(seq);
            if (job.state == job_state::scheduled && !plan.schedule) plan.schedule = job.due_at;
        }
        return std::nullopt;
    }

    const push_request& request_;
    const unique_table& uniques_;
    const job_table& jobs_;
    std::int64_t ending_;  ///< 0: none
    instant now_;
    timestamp stamp_;
    std::unordered_set<std::int64_t> gone_;  ///< to be cancelled by earlier ones of the push
};

}  // namespace

std::vector<unique_lookup> unique_lookups(const std::vector<job_spec>& jobs) {
    std::vector<unique_lookup> lookups;
    for (const auto& spec : jobs) {
        if (!spec.unique) continue;
        for (std::size_t i = 0; i < job_state_count; ++i) {
            const auto state = static_cast<job_state>(i);
            if (spec.unique->states.contains(state)) lookups.push_back({spec.unique->key, state});
        }
    }
    return lookups;
}

result<std::vector<push_plan>> plan_push(const push_request& request, const unique_table& uniques,
                                         const job_table& jobs, std::int64_t ending, instant now,
                                         timestamp stamp) {
    return push_planner(request, uniques, jobs, ending, now, stamp).run();
}

job_state first_state(const job_spec& spec, std::optional<timestamp> schedule, instant now) {
    if (spec.pending) return job_state::pending;
    if (!schedule) schedule = spec.scheduled_at;
    return schedule && *schedule > now.wall ? job_state::scheduled : job_state::available;
}

}  // namespace sluice
