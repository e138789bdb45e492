#include "server/queue/engine.hpp"

#include <unordered_set>

namespace sluice {

/// `follow_up`: it goes with the end of a job, which is heard to the last.
std::optional<error> engine::refuse_push(const push_request& request, bool follow_up) const {
    if (draining_ && !follow_up) return error(errc::shutting_down, "The server is shutting down.");
    if (disk_low_) return error(errc::disk_low, "The disk is nearly full; no new jobs are taken.");
    if (overloaded()) return error(errc::overloaded, "Too many jobs wait to be written to disk.");
    std::unordered_set<uuid> given;
    for (const auto& spec : request.jobs) {
        if (!spec.client_id) continue;
        const bool taken = jobs_.find(jobs_.seq_of(spec.id)) && find(spec.id);
        if (taken || !given.insert(spec.id).second)
            return error(errc::duplicate,
                         "A job with id " + to_string(spec.id) + " exists already.",
                         "\"existing_job_id\":\"" + to_string(spec.id) + "\"");
    }
    return std::nullopt;
}

result<push_outcome> engine::push(push_request request, instant now) {
    auto planned = plan(std::move(request), nullptr, now);
    if (!planned) return planned.error();
    auto made = carry_out(*std::move(planned), now);
    dispatch(now);
    return made;
}

/// Whether all of it may be stored. `ending`: the job whose completion it goes with, if any; what
/// is planned counts it as completed.
result<engine::planned_push> engine::plan(push_request request, const resident_job* ending,
                                          instant now) {
    if (auto refused = refuse_push(request, ending != nullptr)) {
        if (refused->code == errc::duplicate) strengthen_known(request.jobs);
        return *std::move(refused);
    }
    auto plans =
        plan_push(request, unique_, jobs_, ending ? ending->record.seq : 0, now, stamp(now));
    if (!plans) {
        if (plans.error().code == errc::duplicate) strengthen_known(request.jobs);
        return plans.error();
    }
    if (auto limited = refuse_limited(request.jobs, *plans, ending, now))
        return *std::move(limited);
    auto grown = growth_of(request, *plans);
    if (ending && !grown.empty()) take_off(grown, *ending);
    auto over = grown;
    const std::string_view type = grown.empty() ? std::string_view() : request.jobs.front().type;
    if (auto full = find_room(over, type, now)) return *std::move(full);
    return planned_push{std::move(request), *std::move(plans), std::move(grown), std::move(over)};
}

push_outcome engine::carry_out(planned_push planned, instant now) {
    auto& request = planned.request;
    push_outcome made;
    made.asked = asked_of(request.jobs);
    std::vector<std::int64_t> seqs;
    const auto since = next_seq_;
    for (std::size_t i = 0; i < planned.plans.size(); ++i) {
        auto& plan = planned.plans[i];
        auto& spec = request.jobs[i];
        if (plan.same || plan.same_new) {
            seqs.push_back(plan.same ? *plan.same : seqs[*plan.same_new]);
            made.deduplicated.push_back(i);
            if (made.asked == durability_class::fsync) strengthen(*jobs_.find(seqs.back()));
            continue;
        }
        for (const auto at : plan.replaced_new) plan.replaced.push_back(seqs[at]);
        for (const auto seq : plan.replaced) cancel_job(*jobs_.find(seq), now);
        if (plan.schedule) {
            spec.scheduled_at = plan.schedule;
            spec.scheduled_at_text.clear();
        }
        seqs.push_back(store_new(std::move(spec), now).record.seq);
    }
    settle_room(planned.over, since, now);
    made.pressure = pressure_of(planned.grown);
    made.jobs.reserve(seqs.size());
    for (const auto seq : seqs) made.jobs.push_back(jobs_.find(seq)->record);
    if (request.key) {
        key_record record;
        record.key = std::move(*request.key);
        for (const auto& job : made.jobs) record.job_ids.push_back(job.spec->id);
        record.expires_at = now.wall + config_.idempotency_window;
        keys_.add(std::move(record), open_batch_);
    }
    return made;
}

std::optional<unique_lookup> engine::admit_unique(unique_lookup lookup,
                                                  std::vector<job_store::found_job> found,
                                                  std::uint64_t load) {
    if (load < first_load_ || found.empty()) return std::nullopt;
    lookup.before_seq = found.back().record.seq;
    bool only_known = found.size() == unique_lookup::jobs_max;
    for (auto& each : found) {
        auto* known = jobs_.find(each.record.seq);
        only_known = only_known && known;
        evict_later(known ? *known : make_resident(std::move(each.record), each.place));
    }
    if (!only_known) return std::nullopt;
    return lookup;
}

/// Makes one job resident and puts it into the open batch.
resident_job& engine::store_new(job_spec spec, instant now) {
    const auto seq = next_seq_++;
    if (!spec.client_id && !spec.workflow)
        spec.id = make_uuid(stamp(now), seq, static_cast<std::uint32_t>(random_()));
    resident_job fresh;
    fresh.place = job_place::live;
    fresh.inserted_in = open_batch_;
    fresh.queue = &queue_named(spec.queue);
    fresh.lane = &lane_of(*fresh.queue, spec.type, limit_key_of(spec));
    auto& record = fresh.record;
    record.seq = seq;
    record.ticket = seq;
    record.received_at = stamp(now);
    record.state = first_state(spec, std::nullopt, now);
    if (record.state == job_state::scheduled) record.due_at = spec.scheduled_at;
    record.spec = std::make_shared<const job_spec>(std::move(spec));

    auto& job = jobs_.insert(std::move(fresh));
    unique_.add(job.record);
    see_rule(job);
    ++job.lane->jobs;
    if (job.record.state == job_state::available) ++job.lane->waiting;
    ++job.queue->jobs[static_cast<std::size_t>(job.record.state)];
    const bool weak = durability_of(*job.record.spec) != durability_class::fsync;
    if (weak) weak_batch_ = open_batch_;
    touch(job, !weak);
    emit(job, "job.enqueued", job.record.received_at);
    if (job.record.due_at)
        wall_timers_.add({job.record.due_at->time_since_epoch(), timer_kind::due, seq});
    if (job.record.spec->expires_at)
        wall_timers_.add({job.record.spec->expires_at->time_since_epoch(), timer_kind::due, seq});
    if (job.record.state != job_state::available) return job;
    if (job.queue->fair || job.record.spec->fairness) job.record.ticket = new_ticket(job);
    join_line(job, now);
    return job;
}

}  // namespace sluice
