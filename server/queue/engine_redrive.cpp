#include "server/queue/engine.hpp"

#include <algorithm>
#include <stdexcept>

/// Redrives: dead letters that are sent back in the background. What is read of the store is asked
/// for when jobs may be sent, and no more than these.
namespace sluice {
namespace {

/// One commit takes so many, and somebody else may want the reader.
constexpr std::size_t read_jobs_max = 256;
/// Read at once when a filter leaves out nearly all.
constexpr std::size_t sparse_read_jobs_max = 256;
/// Dead letters of other queues and types that the store passes by in one read.
constexpr std::size_t looks_max = 10'000;
/// Between two reads: fast ones send a few jobs together, and others want the reader too.
constexpr std::chrono::milliseconds step{10};
/// Nobody tells that the disk has room again.
constexpr std::chrono::seconds disk_pause{1};

error no_such_redrive() {
    return {errc::not_found, "There is no redrive of that id."};
}

}  // namespace

redrive_view engine::view_of(const redrive_entry& entry) const {
    redrive_view view{entry.record, redrive_wait::nothing, {}};
    if (is_over(entry.record.state)) return view;
    if (rules::left_to_send(entry.record) == 0) {
        view.waits_for = redrive_wait::canaries;
    } else if (draining_) {
        view.waits_for = redrive_wait::server;
    } else if (!entry.queue.empty()) {
        view.waits_for = entry.queue_wait;
        view.queue = entry.queue;
    } else if (disk_low_) {
        view.waits_for = redrive_wait::disk;
    }
    return view;
}

void engine::restore_redrive(redrive_record record) {
    auto& entry = redrives_.add(std::move(record));
    entry.pace.next = start_.steady;
    if (!is_over(entry.record.state)) arm_redrive(entry, start_.steady);
}

result<redrive_view> engine::begin_redrive(redrive_request request, instant now) {
    if (redrives_.active() >= limits::redrives_active_max)
        return error(errc::conflict,
                     "There are " + std::to_string(redrives_.active()) +
                         " redrives under way. Wait for one to end, or cancel one.");
    forget_old_redrives();
    const auto id = make_uuid(stamp(now), next_seq_++, static_cast<std::uint32_t>(random_()));
    auto& entry =
        redrives_.add(rules::begin_redrive(std::move(request), "rdr_" + to_string(id), stamp(now)));
    entry.pace.next = now.steady;
    // Its first read comes when this is committed: by then all that died before is on the disk.
    keep_redrive(entry);
    return view_of(entry);
}

void engine::forget_old_redrives() {
    auto& all = redrives_.all();
    for (auto it = all.begin(); it != all.end() && all.size() >= limits::redrives_max;) {
        const auto id = it->first;
        const bool over = is_over(it->second.record.state);
        ++it;
        if (!over) continue;
        set(setting_kind::redrive, id, {});
        redrives_.forget(id);
    }
}

result<redrive_view> engine::cancel_redrive(std::string_view id, instant now,
                                            const redrive_check& check) {
    auto* entry = redrives_.find(id);
    if (!entry) return no_such_redrive();
    if (check)
        if (auto refused = check(entry->record)) return *std::move(refused);
    if (!rules::cancel_redrive(entry->record, stamp(now))) {
        const std::string state(to_string(entry->record.state));
        return error(errc::conflict, "The redrive is over already: it is " + state + ".",
                     "\"current_state\":\"" + state + "\"");
    }
    keep_redrive(*entry);
    return view_of(*entry);
}

result<redrive_view> engine::redrive(std::string_view id) const {
    const auto* entry = redrives_.find(id);
    if (!entry) return no_such_redrive();
    return view_of(*entry);
}

std::vector<redrive_view> engine::redrives() const {
    std::vector<redrive_view> views;
    for (const auto& [id, entry] : redrives_.all()) views.push_back(view_of(entry));
    return views;
}

/// Every change passes through here, into the batch of the jobs that brought it about.
void engine::keep_redrive(redrive_entry& entry) {
    set(setting_kind::redrive, entry.record.id, encode_stored_redrive(entry.record));
    entry.batch = open_batch_;
    if (!is_over(entry.record.state)) return;
    if (entry.timer_at) steady_timers_.remove({*entry.timer_at, timer_kind::redrive, entry.number});
    entry.timer_at.reset();
    entry.queue.clear();
    redrives_.end(entry);
}

// -- when ----------------------------------------------------------------------------------------

void engine::arm_redrive(redrive_entry& entry, std::chrono::microseconds at) {
    if (entry.timer_at) steady_timers_.remove({*entry.timer_at, timer_kind::redrive, entry.number});
    entry.timer_at = at;
    steady_timers_.add({at, timer_kind::redrive, entry.number});
}

void engine::redrive_timer(std::int64_t number, instant now) {
    auto* entry = redrives_.of_number(number);
    if (!entry) return;
    entry->timer_at.reset();
    look_at_redrive(*entry, now);
}

/// Asks for the next dead letters, if some may be sent now. It waits for the commit of what it sent
/// before: so no more are under way than one batch holds, and the disk sets the pace when it is
/// slower than the rate.
void engine::look_at_redrive(redrive_entry& entry, instant now) {
    const auto& record = entry.record;
    const auto left = rules::left_to_send(record);
    if (left == 0 || entry.reading || entry.batch > committed_batch_ || draining_) return;
    if (!entry.queue.empty()) return;  // somebody tells when it takes jobs again
    if (disk_low_) return arm_redrive(entry, now.steady + disk_pause);
    const auto earliest = entry.read_at ? *entry.read_at + step : now.steady;
    const auto budget = std::min(left, rules::due(entry.pace, record.asked.rate, now.steady));
    if (budget == 0 || now.steady < earliest)
        return arm_redrive(entry, std::max(entry.pace.next, earliest));
    entry.read_at = now.steady;
    redrive_read read;
    read.id = record.id;
    read.query.dead_letter = true;
    read.query.looks_max = looks_max;
    read.query.queue = record.asked.filter.queue;
    if (!record.asked.filter.type.ends_with('*')) read.query.type = record.asked.filter.type;
    read.query.before_seq = record.cursor;
    read.query.limit = std::min<std::size_t>(
        std::max<std::uint64_t>(std::min(budget, room_for(entry)), entry.read_jobs), read_jobs_max);
    read.load = begin_load();
    entry.reading = true;
    redrive_reads_.push_back(std::move(read));
}

/// At least one: whether a queue is full is known of the queue of the next job alone.
std::uint64_t engine::room_for(const redrive_entry& entry) const {
    const auto& queue = entry.record.asked.filter.queue;
    return queue.empty() ? UINT64_MAX : std::max<std::uint64_t>(room(queue), 1);
}

void engine::redrives_committed(instant now) {
    if (redrives_.active() == 0) return;
    for (auto& [id, entry] : redrives_.all()) {
        if (entry.batch == 0 || entry.batch > committed_batch_) continue;
        entry.batch = 0;
        look_at_redrive(entry, now);
    }
}

/// What they may have waited for in this queue is over.
void engine::wake_redrives(std::string_view queue, redrive_wait why) {
    if (redrives_.active() == 0) return;
    for (auto& [id, entry] : redrives_.all()) {
        if (entry.queue != queue || entry.queue_wait != why) continue;
        entry.queue.clear();
        arm_redrive(entry, start_.steady);  // as soon as timers are looked at
    }
}

// -- what ----------------------------------------------------------------------------------------

void engine::admit_redrive(const redrive_read& read, job_page found, instant now) {
    auto* entry = read.load >= first_load_ ? redrives_.find(read.id) : nullptr;
    if (entry) {
        entry->reading = false;
        const bool sends = !is_over(entry->record.state) && !draining_ && !disk_low_;
        if (sends && send_from(*entry, found, now)) keep_redrive(*entry);
    }
    end_load(read.load);
    dispatch(now);
    if (entry) look_at_redrive(*entry, now);
}

/// Whether the next job's queue takes none now. The jobs after it wait too: they keep their order,
/// and nobody has to remember which were passed by.
bool engine::must_wait(redrive_entry& entry, std::string_view name) const {
    const auto* queue = queues_.find(name);
    const bool paused = queue && queue->paused;
    if (!paused && room(name) > 0) return false;
    entry.queue = name;
    entry.queue_wait = paused ? redrive_wait::queue_paused : redrive_wait::queue_full;
    return true;
}

/// A dead letter is tried anew, with all its attempts.
void engine::revive(resident_job& job, instant now) {
    auto& record = job.record;
    if (job.in_finished) {
        finished_.remove(record.seq);
        job.in_finished = false;
    }
    change_state(job, rules::job_event::revive);
    if (record.spec->type == webhook_job_type) deliveries_left_.add(limit_key_of(*record.spec));
    record.dead_letter = false;
    if (job.queue->dead_letters > 0) --job.queue->dead_letters;
    record.attempt = 0;
    record.interruptions = 0;
    record.failed_last = false;
    record.finished_at.reset();
    record.acked_at.reset();
    record.retry_delay.reset();
    record.ticket = new_ticket(job);
    if (workflows_.size() > 0) revive_workflow_job(job);
    job.place = job_place::live;
    job.ended_in = 0;
    touch(job, true);
    emit(job, "job.enqueued", stamp(now));
    join_line(job, now);
}

/// Sends what may be sent now. True when that has to be written.
bool engine::send_from(redrive_entry& entry, job_page& found, instant now) {
    auto& record = entry.record;
    const auto budget = std::min(rules::left_to_send(record),
                                 rules::due(entry.pace, record.asked.rate, now.steady));
    std::uint64_t sent = 0, skipped = 0;
    bool all = true;
    for (auto& read : found.jobs) {
        auto* job = jobs_.find(read.seq);
        const bool meant = rules::is_candidate(record, read);
        const bool there =
            !job || (job->place != job_place::nowhere && rules::is_candidate(record, job->record));
        // Sent, it would expire at once, and be no dead letter any more.
        const auto& expires = read.spec->expires_at;
        if (!meant || !there || (expires && *expires <= now.wall)) {
            skipped += meant ? 1 : 0;
            record.cursor = read.seq;
            continue;
        }
        all = sent < budget && !must_wait(entry, read.spec->queue);
        if (!all) {
            record.cursor = read.seq + 1;  // what was passed by is not looked at again
            break;
        }
        if (!job) {
            job = &make_resident(std::move(read), job_place::history);
            evict_later(*job);
        }
        const bool canary = record.state == redrive_state::canary;
        rules::note_sent(record, job->record, stamp(now));
        if (canary) redrives_.wait_for(job->record.seq, entry);
        revive(*job, now);
        ++sent;
    }
    record.skipped += skipped;
    rules::spend(entry.pace, record.asked.rate, sent, now.steady);
    const bool sparse = sent == 0 && all;
    entry.read_jobs =
        sparse ? std::min(std::max<std::size_t>(4 * found.jobs.size(), 4), sparse_read_jobs_max)
               : 0;
    if (all && found.next_before_seq) record.cursor = found.next_before_seq;
    if (all && !found.next_before_seq && !is_over(record.state)) {
        rules::note_exhausted(record, stamp(now));
        return true;
    }
    return sent > 0 || skipped > 0;
}

/// A job has ended that may be a canary. What follows from it is in the same batch.
void engine::end_canary(const resident_job& job, timestamp time) {
    auto* entry = redrives_.of_canary(job.record.seq);
    if (!entry || !rules::note_end(entry->record, job.record, time)) return;
    redrives_.wait_no_more(job.record.seq);
    keep_redrive(*entry);
}

}  // namespace sluice
