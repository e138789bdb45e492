#include "server/queue/engine.hpp"

#include <algorithm>
#include <unordered_set>

namespace sluice {
namespace {

/// A job that becomes available within this time is not worth a trip to the store.
constexpr std::chrono::seconds soon{60};

constexpr std::size_t soon_jobs_max = 100'000;

/// A larger job is read again when it is asked for, so that those above and the finished ones,
/// whose number is all that is counted, cost no more than so much each.
constexpr std::size_t kept_bytes_max = 16 * 1024;

/// Waiting jobs one read of the store brings in, at most.
constexpr std::size_t load_jobs_max = 256;

}  // namespace

resident_job& engine::make_resident(job_record record, job_place place) {
    resident_job job;
    job.stored = place;
    job.place = place;
    job.queue = &queue_named(record.spec->queue);
    job.lane = &lane_of(*job.queue, record.spec->type, limit_key_of(*record.spec));
    ++job.lane->jobs;
    job.record = std::move(record);
    job.log_known = job.record.attempts.empty();  // it never ran
    auto& known = jobs_.insert(std::move(job));
    unique_.add(known.record);
    see_rule(known);
    return known;
}

// -- loads ---------------------------------------------------------------------------------------

std::uint64_t engine::begin_load() {
    loads_.insert(next_load_);
    return next_load_++;
}

void engine::keep(const uuid& id) {
    if (auto* job = find(id)) evict_later(*job);
}

void engine::admit(std::optional<job_store::found_job> found, std::uint64_t load) {
    if (found && load >= first_load_ && !jobs_.find(found->record.seq))
        evict_later(make_resident(std::move(found->record), found->place));
    end_load(load);
}

void engine::end_load(std::uint64_t load) {
    loads_.erase(load);
}

bool engine::ended_before(std::uint64_t load) const {
    return loads_.empty() || *loads_.begin() >= load;
}

/// Looks at the job again once the loads under way have ended.
void engine::evict_later(resident_job& job) {
    job.kept_until = next_load_;
    evictions_.emplace_back(job.record.seq, next_load_);
}

void engine::evict_idle(instant now) {
    while (!evictions_.empty() && ended_before(evictions_.front().second)) {
        const auto [seq, load] = evictions_.front();
        evictions_.pop_front();
        auto* job = jobs_.find(seq);
        // One that is kept for longer has an entry further back.
        if (job && job->kept_until <= load) keep_or_evict(*job, now);
    }
    forget_unused();
    limits_.forget_idle(config_.idle_limits, now.steady);
}

std::vector<wanted_load> engine::take_wanted() {
    return std::exchange(wanted_, {});
}

void engine::admit_wanted(const wanted_load& wanted, std::vector<job_record> records,
                          std::vector<job_results> results, instant now) {
    if (wanted.load < first_load_) {
        end_load(wanted.load);
        return;
    }
    std::unordered_set<std::int64_t> missing(wanted.seqs.begin(), wanted.seqs.end());
    std::size_t bytes = 0;
    for (const auto& record : records) bytes += footprint(record);
    if (wanted.lane && !records.empty())
        wanted.lane->load_max = std::clamp<std::size_t>(
            config_.window_bytes / 16 * records.size() / bytes, 1, load_jobs_max);
    for (auto& record : records) {
        const auto seq = record.seq;
        missing.erase(seq);
        if (jobs_.find(seq)) continue;
        auto& job = make_resident(std::move(record), job_place::live);
        if (job.record.state == job_state::available)
            enter_window(job, footprint(job.record));
        else
            evict_later(job);
    }
    if (auto* lane = wanted.lane) {
        lane->loading = false;
        while (const auto front = lane->line.front()) {
            if (!missing.contains(front->seq) || jobs_.find(front->seq)) break;
            pop_line(*lane);
        }
        may_go(*lane);
        offers_.push_back(lane->queue);
    } else {
        for (auto& each : results) read_results_.insert_or_assign(each.seq, std::move(each));
        for (const auto seq : wanted.seqs) {
            if (jobs_.find(seq)) {
                due(seq, now);
                continue;
            }
            turns_.start_when_read.erase(seq);
            turns_.place_when_read.erase(seq);
            const auto end = turns_.end_when_read.extract(seq);
            if (end && end.mapped().drop) end_drop(end.mapped(), nullptr, now);
        }
        read_results_.clear();
    }
    end_load(wanted.load);
    for (auto* queue : std::exchange(blocked_offers_, {})) offers_.push_back(queue);
    dispatch(now);
    serve_load_waiters(now);
    if (turns_.any() || !offers_.empty()) dispatch(now);  // somebody's turn came in vain
    forget_unused();
}

/// Takers that could not be told what there is before a load was done.
void engine::serve_load_waiters(instant now) {
    for (const auto id : std::exchange(load_waiters_, {})) {
        const auto it = takers_.find(id);
        if (it == takers_.end()) continue;
        std::vector<given_lease> leases;
        const bool blocked = take(it->second.request, leases, now);
        if (leases.empty() && blocked) {
            load_waiters_.push_back(id);
            continue;
        }
        if (leases.empty() && it->second.deadline) continue;  // nothing yet; it waits on
        const auto gate = gate_of(leases);
        grants_.push_back({id, std::move(leases), gate});
        unpark(id);
    }
}

// -- batches -------------------------------------------------------------------------------------

std::uint64_t engine::gate() const {
    if (has_changes()) return open_batch_;
    return open_batch_ - 1 > committed_batch_ ? open_batch_ - 1 : 0;
}

std::uint64_t engine::gate(const uuid& id) const {
    const auto* job = jobs_.find(jobs_.seq_of(id));
    return job && job->batch > committed_batch_ ? job->batch : 0;
}

std::optional<timestamp> engine::purge_time(const resident_job& job) const {
    const auto& record = job.record;
    if (job.place != job_place::history || record.dead_letter || !record.finished_at)
        return std::nullopt;
    // There may be many deliveries to an endpoint that refuses all.
    const bool briefly =
        record.state == job_state::completed || record.spec->type == webhook_job_type;
    const auto end =
        *record.finished_at + (briefly ? config_.retention_completed : config_.retention_discarded);
    const auto* rule = record.spec->unique.get();
    // As long as it keeps others from being taken.
    if (rule && rule->period && rule->states.contains(record.state))
        return std::max(end, record.received_at + *rule->period);
    return end;
}

journal_batch engine::take_batch(instant now) {
    make_deliveries(now);
    journal_batch batch;
    batch.number = open_batch_++;
    batch.sync = std::exchange(sync_, false);
    batch.reset = std::exchange(reset_, false);
    batch.next_seq = next_seq_;
    batch.keys = keys_.take();
    for (auto& [key, value] : std::exchange(settings_, {}))
        batch.settings.push_back({key.first, key.second, std::move(value)});
    for (auto& [queue, paused] : std::exchange(pauses_, {}))
        batch.paused_queues.emplace_back(queue, paused);
    batch.crons = crons_.take_changes();
    batch.workflows = workflows_.take_changes([this](const workflow_record& record) {
        return *record.ended_at + (record.state == workflow_state::completed
                                       ? config_.retention_completed
                                       : config_.retention_discarded);
    });
    if (!batch.keys.empty() || !batch.paused_queues.empty()) batch.sync = true;
    if (!batch.paused_queues.empty() || !batch.settings.empty()) settings_batch_ = batch.number;
    under_way_synced_ = batch.sync;
    batch.jobs.reserve(changed_.size());
    for (const auto seq : changed_) {
        auto* job = jobs_.find(seq);
        if (!job || (job->stored == job_place::nowhere && job->place == job_place::nowhere))
            continue;
        auto& write = batch.jobs.emplace_back();  // in place: it is large
        write.from = job->stored;
        write.to = job->place;
        write.record = job->record;
        write.purge_at = purge_time(*job);
        // What is on disk says when the commit began; memory learns below when it was done.
        if (job->inserted_in == batch.number && batch.sync) write.record.durable_at = stamp(now);
        if (job->ended_in == batch.number) write.record.acked_at = stamp(now);
        job->stored = job->place;
    }
    take_logs(batch);
    throughput_.batch_taken();
    under_way_ = std::exchange(changed_, {});
    uncommitted_bytes_ = std::exchange(open_bytes_, 0);
    return batch;
}

std::vector<uuid> engine::committed(instant now) {
    committed_batch_ = open_batch_ - 1;
    if (under_way_synced_) synced_batch_ = committed_batch_;
    uncommitted_bytes_ = 0;
    throughput_.batch_committed(now.steady);
    std::vector<uuid> ended;
    const auto seqs = std::exchange(under_way_, {});
    for (const auto seq : seqs)
        if (auto* job = jobs_.find(seq)) stamp_committed(*job, now, ended);
    publish_events();
    name_logged();
    for (const auto seq : seqs) {
        auto* job = jobs_.find(seq);
        if (!job) continue;
        if (loads_.empty())
            keep_or_evict(*job, now);
        else
            evict_later(*job);
    }
    logs_committed(now);
    evict_idle(now);
    free_fair_levels(seqs.size());
    workflows_.committed(committed_batch_);
    release_held_nodes(now);
    redrives_committed(now);
    keys_.committed(committed_batch_, next_load_,
                    [this](std::uint64_t load) { return ended_before(load); });
    return ended;
}

/// The batch that was taken is durable at `time`: whoever was promised something gets it from now
/// on.
void engine::stamp_committed(resident_job& job, instant now, std::vector<uuid>& ended) {
    auto& record = job.record;
    const auto time = stamp(now);
    const auto done = [&](std::uint64_t& batch) {
        if (batch == 0 || batch > committed_batch_) return false;
        batch = 0;
        return true;
    };
    if (done(job.inserted_in)) {
        record_latency(job, latency_phase::enqueue, time - record.received_at, time);
        if (under_way_synced_) record.durable_at = time;
        // One that will be read back from the disk has there when it was received.
        const bool waits = record.state == job_state::available;
        if (record.available_at == record.received_at && (!waits || job.in_window))
            record.available_at = time;
        if (waits) objective_enter(job, now);
    }
    if (done(job.granted_in) && record.outcome == lease_outcome::open) {
        record.started_at = time;
        if (!record.attempts.empty()) record.attempts.back().started_at = time;
    }
    if (done(job.ended_in)) {
        record.acked_at = time;
        ended.push_back(record.spec->id);
    }
}

/// Decides whether a job without unwritten changes stays in memory.
void engine::keep_or_evict(resident_job& job, instant now) {
    const auto& record = job.record;
    if (job.batch > committed_batch_ || (job.log && job.log->batch > committed_batch_)) return;
    const bool small = footprint(record) <= kept_bytes_max;
    bool keep = false;
    switch (record.state) {
        case job_state::active:
            keep = true;
            break;
        case job_state::available:
            keep = job.in_window;
            break;
        case job_state::scheduled:
        case job_state::retryable:
            keep = small && record.due_at && *record.due_at - now.wall < soon &&
                   jobs_.size() < soon_jobs_max;
            break;
        case job_state::pending:
            break;
        case job_state::completed:
        case job_state::cancelled:
        case job_state::discarded:
            keep = small && job.place == job_place::history && config_.finished_cache > 0;
            break;
    }
    if (!keep) {
        erase_job(record.seq);
        return;
    }
    if (!is_terminal(record.state) || job.in_finished) return;
    job.in_finished = true;
    finished_.push_back(record.seq);
    while (finished_.size() > config_.finished_cache) {
        const auto oldest = finished_.front();
        auto* old = jobs_.find(oldest);
        if (old && (old->batch > committed_batch_ || !ended_before(old->kept_until))) break;
        finished_.pop_front();
        if (!old) continue;
        old->in_finished = false;
        erase_job(oldest);
    }
}

void engine::erase_job(std::int64_t seq) {
    if (auto* job = jobs_.find(seq)) {
        leave_window(*job);
        if (job->in_finished) std::erase(finished_, seq);
        unique_.remove(job->record);
        if (--job->lane->jobs == 0) may_go(*job->lane);
    }
    jobs_.erase(seq);
}

void engine::release_in_server(instant now) {
    for (const auto seq : jobs_.seqs()) {
        auto* job = jobs_.find(seq);
        if (job->record.state != job_state::active || job->record.worker_id != in_server_worker_id)
            continue;
        give_back(*job, rules::job_event::release, lease_outcome::released, now);
        rejoin_line(*job, now);
    }
}

void engine::return_grants(const std::vector<job_record>& jobs, instant now) {
    for (const auto& given : jobs) {
        leave_handler(given.lease);
        auto* job = find(given.spec->id);
        if (!job || job->record.lease != given.lease || job->record.state != job_state::active)
            continue;
        give_back(*job, rules::job_event::release, lease_outcome::released, now);
        rejoin_line(*job, now);
    }
    dispatch(now);
}

}  // namespace sluice
