#include "server/queue/engine.hpp"

#include "proto/codec.hpp"
#include "proto/json_text.hpp"

namespace sluice {
namespace {

/// When the server takes no jobs, or has too many to write, a registration that is due asks again
/// after this.
constexpr std::chrono::seconds refused_pause{5};

/// A clock that is set back by less runs on until it is where it was; nothing fires twice. One that
/// is set back by more was wrong, and so are the times that were reckoned by it. Vixie cron draws
/// the line there too.
constexpr std::chrono::hours correction_min{3};

error no_such_cron() {
    return {errc::not_found, "There is no cron job of that name."};
}

/// Puts what the specification asks for into the job's `meta` (ojs-cron.md §6.3).
void mark_job(job_spec& spec, const std::string& name, timestamp scheduled) {
    std::string meta = "{";
    if (!spec.meta.empty()) meta.append(spec.meta, 1, spec.meta.rfind('}') - 1);
    if (meta.find_first_not_of(" \t\r\n", 1) != std::string::npos) meta += ',';
    meta.append("\"cron_name\":\"").append(name).append("\",\"cron_triggered_at\":\"");
    append_timestamp(meta, scheduled);
    meta += "\"}";
    spec.meta = std::move(meta);
}

}  // namespace

void engine::restore_cron(cron_record record) {
    auto schedule =
        rules::cron_schedule::parse(record.definition.expression, record.definition.timezone);
    // A zone that the system's database no longer has: kept, and shown without a next time.
    if (!schedule) record.next_run_at.reset();
    const bool readable = schedule.has_value();
    if (!readable) schedule = rules::cron_schedule::parse("@yearly", "UTC");
    // Its zone is back.
    if (readable && record.definition.enabled && !record.removed && !record.next_run_at)
        record.next_run_at = schedule->next_run(start_.wall);
    auto& entry = crons_.put(std::move(record), std::move(*schedule));
    realign(entry, start_.wall);
    arm_cron(entry);
    const auto& unfinished = entry.record.unfinished;
    if (entry.record.definition.overlap != overlap_policy::cancel_previous) return;
    // One at rest may have been read for its end when the process did.
    for (std::size_t i = 0; i + 1 < unfinished.size(); ++i)
        turns_.to_cancel.push_back(unfinished[i]);
}

void engine::arm_cron(cron_entry& entry) {
    if (entry.armed_for)
        wall_timers_.remove({entry.armed_for->time_since_epoch(), timer_kind::cron, entry.number});
    entry.armed_for = entry.record.next_run_at;
    if (entry.armed_for)
        wall_timers_.add({entry.armed_for->time_since_epoch(), timer_kind::cron, entry.number});
}

/// True when the next time was reckoned by a clock that was wrong.
bool engine::realign(cron_entry& entry, timestamp now) {
    auto& next = entry.record.next_run_at;
    if (!next || *next - now < correction_min) return false;
    const auto expected = entry.schedule.next_run(now);
    if (!expected || *next - *expected < correction_min) return false;
    next = expected;
    crons_.touch(entry);
    return true;
}

void engine::realign_crons(instant now) {
    const bool corrected = now.wall + correction_min <= wall_seen_;
    wall_seen_ = now.wall;
    if (!corrected) return;
    for (const auto& [name, entry] : crons_)
        if (realign(*entry, now.wall)) arm_cron(*entry);
}

result<cron_change> engine::set_cron(cron_definition definition, instant now) {
    auto schedule = rules::cron_schedule::parse(definition.expression, definition.timezone);
    if (!schedule) return schedule.error();
    auto* known = crons_.find(definition.name);
    const bool fresh = known == nullptr || known->record.removed;
    if (known == nullptr && crons_.size() >= config_.crons_max)
        return error(errc::validation_failed, "There are " + std::to_string(crons_.size()) +
                                                  " cron jobs already; no more are taken.");
    // Whoever deleted it had jobs that another queue's owner must not get hold of by the name.
    if (known && known->record.removed) {
        const auto spec = decode_job(definition.job, now.wall);
        if (!spec || spec->queue != *known->queue)
            return error(errc::conflict,
                         "Jobs of a deleted cron job of this name, in another queue, have not "
                         "ended.");
    }
    cron_record record;
    if (known) record.unfinished = known->record.unfinished;
    bool keeps_time = false;
    if (!fresh) {
        const auto& before = known->record.definition;
        keeps_time = before.expression == definition.expression &&
                     before.timezone == definition.timezone && known->record.next_run_at;
        record = known->record;
    } else {
        record.created_at = stamp(now);
    }
    if (!definition.enabled)
        record.next_run_at.reset();
    else if (!keeps_time)
        record.next_run_at = schedule->next_run(now.wall);
    record.definition = std::move(definition);
    auto& entry = crons_.put(std::move(record), std::move(*schedule));
    arm_cron(entry);
    crons_.touch(entry);
    sync_ = true;
    return cron_change{entry.record, fresh};
}

result<cron_record> engine::enable_cron(std::string_view name, bool enabled, instant now) {
    auto* entry = crons_.find(name);
    if (!entry || entry->record.removed) return no_such_cron();
    auto& record = entry->record;
    if (record.definition.enabled != enabled) {
        std::optional<timestamp> next;
        if (enabled) {
            // Its zone may have gone from the machine since.
            const auto schedule = rules::cron_schedule::parse(record.definition.expression,
                                                              record.definition.timezone);
            if (!schedule) return schedule.error();
            next = schedule->next_run(now.wall);
        }
        record.definition.enabled = enabled;
        record.next_run_at = next;
        arm_cron(*entry);
        crons_.touch(*entry);
        sync_ = true;
    }
    return record;
}

result<cron_record> engine::remove_cron(std::string_view name) {
    auto* entry = crons_.find(name);
    if (!entry || entry->record.removed) return no_such_cron();
    entry->record.next_run_at.reset();
    arm_cron(*entry);
    auto gone = entry->record;
    sync_ = true;
    if (entry->record.unfinished.empty()) {
        crons_.erase(*entry);
    } else {
        entry->record.removed = true;  // its jobs still wait for one another
        crons_.touch(*entry);
    }
    return gone;
}

std::vector<cron_record> engine::crons() const {
    std::vector<cron_record> all;
    for (const auto& [name, entry] : crons_)
        if (!entry->record.removed) all.push_back(entry->record);
    return all;
}

result<cron_record> engine::cron(std::string_view name) const {
    const auto* entry = crons_.find(name);
    if (!entry || entry->record.removed) return no_such_cron();
    return entry->record;
}

result<std::vector<cron_occurrence>> engine::preview_cron(std::string_view name, std::size_t count,
                                                          instant now) const {
    const auto* entry = crons_.find(name);
    if (!entry || entry->record.removed) return no_such_cron();
    const auto& given = entry->record.definition;
    const auto schedule = rules::cron_schedule::parse(given.expression, given.timezone);
    if (!schedule) return schedule.error();
    std::vector<cron_occurrence> times;
    // What it waits for is its own; an interval counts from there.
    auto first = entry->record.next_run_at;
    if (!first) first = schedule->next_run(now.wall);
    if (!first || count == 0) return times;
    times.push_back({*first});
    while (times.size() < count) {
        const auto step = schedule->next(times.back().at);
        if (!step) break;
        times.push_back({step->at, step->runs, step->missing});
    }
    return times;
}

/// A registration whose time has come: the jobs, the times they were made and the next time are one
/// batch.
void engine::cron_timer(std::int64_t number, instant now) {
    auto* entry = crons_.find(number);
    if (!entry || draining_) return;
    auto& record = entry->record;
    entry->armed_for.reset();
    if (!record.next_run_at) return;
    if (*record.next_run_at > now.wall) return arm_cron(*entry);  // the clock was set back
    if (disk_low_ || uncommitted_bytes() > config_.uncommitted_bytes_max) {
        entry->armed_for = now.wall + refused_pause;
        wall_timers_.add({entry->armed_for->time_since_epoch(), timer_kind::cron, number});
        return;
    }
    const auto plan =
        plan_cron(entry->schedule, record.definition.catch_up, *record.next_run_at, now.wall);
    for (const auto at : plan.missing) emit_cron(*entry, "cron.skipped", "dst_skip", at, {}, now);
    if (plan.runs.empty())
        emit_cron(*entry, "cron.skipped", "missed", *record.next_run_at, {}, now);
    for (const auto at : plan.runs) run_cron(*entry, at, now);
    record.next_run_at = plan.next;
    arm_cron(*entry);
    crons_.touch(*entry);
    sync_ = true;
}

void engine::run_cron(cron_entry& entry, timestamp scheduled, instant now) {
    auto& record = entry.record;
    const auto& given = record.definition;
    const bool overlaps = given.overlap != overlap_policy::allow && !record.unfinished.empty();
    const bool too_many = record.unfinished.size() >= limits::cron_unfinished_max;
    if (overlaps && (given.overlap == overlap_policy::skip || too_many)) {
        // The latest one is the one that has not ended, unless the policy was another before.
        const auto* job = jobs_.find(record.unfinished.front());
        emit_cron(entry, "cron.skipped", "overlap_skip", scheduled,
                  job ? std::optional(job->record.spec->id) : record.last_job_id, now);
        return;
    }
    auto spec = decode_job(given.job, now.wall);
    if (!spec) return emit_cron(entry, "cron.skipped", "invalid", scheduled, {}, now);
    const bool replaces = overlaps && given.overlap == overlap_policy::cancel_previous;
    auto room = growth_of(entry, *spec, replaces);
    if (find_room(room, spec->type, now))
        return emit_cron(entry, "cron.skipped", "queue_full", scheduled, {}, now);
    if (replaces)
        for (const auto seq : std::vector(record.unfinished)) cancel_made(seq, now);
    if (overlaps && given.overlap == overlap_policy::enqueue) spec->pending = true;
    spec->unique.reset();  // refused since; an older registration may have one
    mark_job(*spec, given.name, scheduled);
    const auto& made = store_new(std::move(*spec), now).record;
    if (given.overlap != overlap_policy::allow) crons_.add_unfinished(entry, made.seq);
    settle_room(room, made.seq, now);  // it may be the very job that has to go
    ++record.run_count;
    record.last_run_at = stamp(now);
    record.last_job_id = made.spec->id;
    emit_cron(entry, "cron.triggered", {}, scheduled, made.spec->id, now);
}

/// Cancels a job whose turn to run is never to come; reads it first when it is at rest.
void engine::cancel_made(std::int64_t seq, instant now) {
    auto* job = jobs_.find(seq);
    if (job) {
        if (!is_terminal(job->record.state)) cancel_job(*job, now);
        return;
    }
    turns_.end_when_read.emplace(seq, unread_end{});
    due_loads_.push_back(seq);
}

/// The job has been read and is to end now.
void engine::end_read(resident_job& job, instant now) {
    const auto end = turns_.end_when_read.extract(job.record.seq).mapped();
    const auto& record = job.record;
    const bool same_place = record.state == job_state::available && record.ticket == end.ticket;
    if (end.drop)
        end_drop(end, same_place ? &job : nullptr, now);
    else if (!is_terminal(record.state))
        cancel_job(job, now);
}

/// A job has ended: the one that waits for it may start.
void engine::end_cron_job(std::int64_t seq) {
    const bool first = crons_.is_first(seq);
    auto* entry = crons_.end_unfinished(seq);
    if (!entry) return;
    const auto& left = entry->record.unfinished;
    if (!left.empty() && first) turns_.to_start.push_back(left.front());
    if (left.empty() && entry->record.removed) crons_.erase(*entry);
}

/// What jobs that have ended made way for, or took the reason to run from. Apart, for they end in
/// the middle of things.
void engine::start_turns(instant now) {
    std::vector<std::int64_t> nodes;
    while (turns_.any()) {
        for (const auto seq : std::exchange(turns_.to_cancel, {})) cancel_made(seq, now);
        for (const auto seq : std::exchange(turns_.to_start, {})) {
            if (auto* job = jobs_.find(seq)) {
                start_made(*job, now);
            } else if (workflows_.of_job(seq)) {
                nodes.push_back(seq);
            } else {
                turns_.start_when_read.insert(seq);
                due_loads_.push_back(seq);
            }
        }
    }
    ask_for_nodes(std::move(nodes));
    request_due_loads();
}

/// A pending job starts if its turn has come.
void engine::start_made(resident_job& job, instant now) {
    if (job.record.state != job_state::pending) return;
    if (const auto* entry = workflows_.of_job(job.record.seq)) return start_node(*entry, job, now);
    if (crons_.is_first(job.record.seq)) let_go(job, now);
}

void engine::emit_cron(const cron_entry& entry, std::string_view type, std::string_view reason,
                       timestamp scheduled, std::optional<uuid> job, instant now) {
    auto told = std::make_shared<cron_event>();
    told->name = entry.record.definition.name;
    told->expression = entry.record.definition.expression;
    told->timezone = entry.record.definition.timezone;
    told->reason = reason;
    told->scheduled_at = scheduled;
    told->run_count = entry.record.run_count;
    logged_event event;
    event.batch = open_batch_;
    event.type = type;
    event.time = stamp(now);
    event.queue = entry.queue;
    event.job_type = entry.type;
    if (job) event.job_id = *job;
    event.cron = std::move(told);
    crons_.touch(entry);
    tell(std::move(event));
}

}  // namespace sluice
