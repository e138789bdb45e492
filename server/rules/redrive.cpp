#include "server/rules/redrive.hpp"

#include "proto/json_text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::rules {
namespace {

/// A redrive is written with each batch that it sends.
constexpr std::size_t message_bytes_max = 1024;

bool all_are_sent(const redrive_record& redrive) {
    return redrive.exhausted || (redrive.asked.max && redrive.sent >= *redrive.asked.max);
}

void end(redrive_record& redrive, redrive_state state, timestamp now) {
    redrive.state = state;
    redrive.ended_at = now;
}

void go_on(redrive_record& redrive, timestamp now) {
    const bool all_sent = all_are_sent(redrive);
    if (redrive.state == redrive_state::canary) {
        const bool all_there = redrive.canaries.size() >= redrive.asked.canary || all_sent;
        if (!all_there || !std::ranges::all_of(redrive.canaries, &redrive_canary::completed))
            return;
        redrive.state = redrive_state::running;
    }
    if (redrive.state == redrive_state::running && all_sent)
        end(redrive, redrive_state::completed, now);
}

double interval_of(double rate) {
    return 1e6 / rate;
}

std::uint64_t burst_of(double rate) {
    return std::max<std::uint64_t>(static_cast<std::uint64_t>(rate / 10), 1);
}

std::chrono::microseconds length_of(double microseconds) {
    return std::chrono::microseconds{static_cast<std::int64_t>(std::ceil(microseconds))};
}

}  // namespace

redrive_record begin_redrive(redrive_request asked, std::string id, timestamp now) {
    redrive_record made;
    made.id = std::move(id);
    made.asked = std::move(asked);
    made.created_at = now;
    go_on(made, now);
    return made;
}

bool is_candidate(const redrive_record& redrive, const job_record& job) {
    return job.dead_letter && job.finished_at && *job.finished_at <= redrive.created_at &&
           (!redrive.cursor || job.seq < *redrive.cursor) && fits(redrive.asked.filter, job);
}

std::uint64_t left_to_send(const redrive_record& redrive) {
    if (is_over(redrive.state) || redrive.exhausted) return 0;
    const auto left = redrive.asked.max ? *redrive.asked.max - redrive.sent : UINT64_MAX;
    if (redrive.state == redrive_state::running) return left;
    return std::min<std::uint64_t>(left, redrive.asked.canary - redrive.canaries.size());
}

void note_sent(redrive_record& redrive, const job_record& job, timestamp now) {
    ++redrive.sent;
    redrive.cursor = job.seq;
    if (redrive.state == redrive_state::canary)
        redrive.canaries.push_back({job.spec->id, job.seq, false});
    go_on(redrive, now);
}

void note_exhausted(redrive_record& redrive, timestamp now) {
    redrive.exhausted = true;
    go_on(redrive, now);
}

bool note_end(redrive_record& redrive, const job_record& job, timestamp now) {
    if (redrive.state != redrive_state::canary) return false;
    const auto canary = std::ranges::find(redrive.canaries, job.seq, &redrive_canary::seq);
    if (canary == redrive.canaries.end() || canary->completed) return false;
    if (job.state == job_state::completed) {
        canary->completed = true;
        go_on(redrive, now);
        return true;
    }
    redrive_stop why{job.spec->id, job.state, {}, {}};
    if (job.failed_last && !job.failures.empty()) {
        why.error_type = job.failures.back().type;
        why.message = job.failures.back().message;
        cut_text(why.message, message_bytes_max);
    }
    redrive.stopped_by = std::move(why);
    end(redrive, redrive_state::stopped, now);
    return true;
}

bool cancel_redrive(redrive_record& redrive, timestamp now) {
    if (is_over(redrive.state)) return false;
    end(redrive, redrive_state::cancelled, now);
    return true;
}

std::uint64_t due(const send_pace& pace, double rate, std::chrono::microseconds now) {
    if (now < pace.next) return 0;
    const auto passed = static_cast<double>((now - pace.next).count());
    const auto burst = burst_of(rate);
    const auto count = std::floor(passed / interval_of(rate));
    return count >= static_cast<double>(burst) ? burst : static_cast<std::uint64_t>(count) + 1;
}

void spend(send_pace& pace, double rate, std::uint64_t count, std::chrono::microseconds now) {
    const auto interval = interval_of(rate);
    const auto slack = length_of(interval * static_cast<double>(burst_of(rate) - 1));
    pace.next = std::max(pace.next, now - slack) + length_of(interval * static_cast<double>(count));
}

}  // namespace sluice::rules
