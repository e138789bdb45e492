#pragma once

#include "proto/state.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

/// The life of a job, in one place. Nothing else decides what state follows;
/// `docs/job-lifecycle.md` holds the same table for people, and a test compares the two.
namespace sluice::rules {

/// What can happen to a stored job.
enum class job_event : std::uint8_t {
    activate,      ///< a pending job is let go
    postpone,      ///< a pending job is let go before its scheduled time
    due,           ///< its time, or the end of its back-off, has come
    fetch,         ///< leased to a worker; spends an attempt
    ack,           ///< the worker is done
    fail_retry,    ///< the run failed and the policy allows another
    fail_discard,  ///< the run failed for good
    requeue,       ///< given back by the worker; the attempt stays spent
    release,       ///< given back by the worker; the attempt is returned
    snooze,        ///< given back until later; the attempt is returned
    lapse,         ///< interrupted: visibility timeout, dead worker, restart of the server
    poison,        ///< interrupted too often
    cancel,        ///< somebody called it off
    expire,        ///< `expires_at` passed before a run began
    revive,        ///< a dead letter is tried anew
    reclaim,       ///< its latest holder is heard after a lapse, before anybody else took it
};

inline constexpr std::size_t job_event_count = 16;

constexpr std::string_view to_string(job_event event) {
    constexpr std::array<std::string_view, job_event_count> names{
        "activate",     "postpone", "due",     "fetch",  "ack",   "fail_retry",
        "fail_discard", "requeue",  "release", "snooze", "lapse", "poison",
        "cancel",       "expire",   "revive",  "reclaim"};
    return names[static_cast<std::size_t>(event)];
}

/// The state that follows, or nothing when `event` is not allowed in `from`.
///
/// Whether a discarded job is a dead letter, and so may be revived, is not part of its state: the
/// caller checks that.
constexpr std::optional<job_state> next_state(job_state from, job_event event) {
    switch (from) {  // no default: the compiler names a forgotten state
        case job_state::pending:
            if (event == job_event::activate) return job_state::available;
            if (event == job_event::postpone) return job_state::scheduled;
            if (event == job_event::cancel) return job_state::cancelled;
            if (event == job_event::expire) return job_state::discarded;
            return std::nullopt;
        case job_state::scheduled:
        case job_state::retryable:
            if (event == job_event::due) return job_state::available;
            if (event == job_event::cancel) return job_state::cancelled;
            if (event == job_event::expire) return job_state::discarded;
            return std::nullopt;
        case job_state::available:
            if (event == job_event::fetch) return job_state::active;
            if (event == job_event::reclaim) return job_state::active;
            if (event == job_event::cancel) return job_state::cancelled;
            if (event == job_event::expire) return job_state::discarded;
            return std::nullopt;
        case job_state::active:
            if (event == job_event::ack) return job_state::completed;
            if (event == job_event::fail_retry) return job_state::retryable;
            if (event == job_event::fail_discard) return job_state::discarded;
            if (event == job_event::requeue) return job_state::available;
            if (event == job_event::release) return job_state::available;
            if (event == job_event::snooze) return job_state::scheduled;
            if (event == job_event::lapse) return job_state::available;
            if (event == job_event::poison) return job_state::discarded;
            if (event == job_event::cancel) return job_state::cancelled;
            return std::nullopt;
        case job_state::discarded:
            if (event == job_event::revive) return job_state::available;
            return std::nullopt;
        case job_state::completed:
        case job_state::cancelled:
            return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace sluice::rules
