#include "server/queue/engine.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

/// The logs of jobs. Lines go into the open batch like everything else, but they change no job: a
/// run that talks costs no rewriting of its row.
namespace sluice {
namespace {

/// Log on its way to the disk at one time: what a batch may carry of it, so that those who wait for
/// the same commit do not wait long. Chosen, not tuned.
constexpr std::size_t log_backlog_max = std::size_t{1} << 20;

}  // namespace

bool engine::knows_log(const uuid& id) const {
    const auto* job = find(id);
    return job && job->log_known;
}

void engine::learn_log(const uuid& id, const log_end& end, std::uint64_t load) {
    auto* job = find(id);
    if (job && load >= first_load_ && !job->log_known) {
        job->log_known = true;
        if (end.lines > 0) job->log = std::make_unique<run_log>(run_log{.end = end});
    }
    end_load(load);
}

bool engine::log_has_room() const {
    return uncommitted_log_bytes() < log_backlog_max;
}

/// Room on a disk that is nearly full is for the ends of jobs. Notes of others leave room for those
/// of the log itself.
bool engine::takes_line(const run_log& log, log_stream stream) const {
    if (disk_low_) return false;
    const auto reserve = stream == log_stream::note ? log_note_reserve / 2 : 0;
    return log.end.bytes < config_.job_log_bytes + reserve;
}

/// However many runs find the log full, they do not make it grow for ever.
bool engine::takes_own_note(const run_log& log) const {
    return log.end.bytes < config_.job_log_bytes + log_note_reserve;
}

result<log_outcome> engine::append_log(append_log_request request, instant now) {
    auto held = running(request.job_id, request.lease, request.worker_id, now);
    if (!held) return held.error();
    auto& job = **held;
    assert(job.log_known);
    if (!job.log) job.log = std::make_unique<run_log>();
    auto& log = *job.log;
    const auto time = stamp(now);
    log_outcome made;
    // Whoever waited for room has it for all of the request, which is no longer than a body may be.
    const auto takes = [&](log_stream stream) {
        const bool room = request.wait_for_room || stream == log_stream::note || log_has_room();
        return room && takes_line(log, stream);
    };
    for (auto& line : request.lines) {
        if (!takes(line.stream)) {
            drop_lines(job, 1, time);
            ++made.receipt.dropped;
            continue;
        }
        if (takes(log_stream::log)) tell_dropped(job, time);
        put_line(job, line.stream, std::move(line.text), time - line.age);
        ++made.receipt.kept;
    }
    made.receipt.dropped += request.left_out;
    if (const auto lost = request.left_out + request.dropped; lost > 0) {
        drop_lines(job, lost, time);
        if (takes(log_stream::log)) tell_dropped(job, time);
    }
    made.receipt.last = log.end.lines;
    made.gate = log.batch > committed_batch_ ? log.batch : 0;
    return made;
}

void engine::put_line(resident_job& job, log_stream stream, std::string text, timestamp time) {
    auto& log = *job.log;
    const auto cost = log_cost(text);
    log.end.bytes += cost;
    open_log_bytes_ += cost;
    if (log.batch != open_batch_) {
        log.batch = open_batch_;
        open_logs_.push_back(job.record.seq);
    }
    log_write write;
    write.seq = job.record.seq;
    write.line = {++log.end.lines, time, job.record.attempt, stream, std::move(text)};
    write.bytes = log.end.bytes;
    logs_.push_back(std::move(write));
}

/// Counts them. That a log is full is said when it shows; how many lines that cost is known later.
void engine::drop_lines(resident_job& job, std::uint64_t count, timestamp time) {
    auto& log = *job.log;
    log.dropped += count;
    if (log.end.bytes < config_.job_log_bytes || !takes_own_note(log)) return;
    if (std::exchange(log.told_full, true)) return;
    put_line(job, log_stream::note, full_note(config_.job_log_bytes), time);
}

void engine::tell_dropped(resident_job& job, timestamp time) {
    if (!takes_own_note(*job.log)) return;
    if (const auto count = std::exchange(job.log->dropped, 0); count > 0)
        put_line(job, log_stream::note, dropped_note(count), time);
}

void engine::end_log_of_run(resident_job& job, timestamp time) {
    tell_dropped(job, time);
    job.log->told_full = false;
}

/// Lines of a job that goes with this batch, or went before it, go with the job.
void engine::take_logs(journal_batch& batch) {
    std::erase_if(logs_, [this](const log_write& write) {
        const auto* job = jobs_.find(write.seq);
        return !job || job->place == job_place::nowhere;
    });
    batch.logs = std::exchange(logs_, {});
    logs_under_way_ = std::exchange(open_logs_, {});
    uncommitted_log_bytes_ = std::exchange(open_log_bytes_, 0);
}

/// Before any job of the commit is let go of: their ids go with them.
void engine::name_logged() {
    logged_.clear();
    for (const auto seq : logs_under_way_)
        if (const auto* job = jobs_.find(seq)) logged_.push_back(job->record.spec->id);
}

void engine::logs_committed(instant now) {
    uncommitted_log_bytes_ = 0;
    for (const auto seq : std::exchange(logs_under_way_, {})) {
        auto* job = jobs_.find(seq);
        if (!job) continue;
        if (loads_.empty())
            keep_or_evict(*job, now);
        else
            evict_later(*job);
    }
}

}  // namespace sluice
