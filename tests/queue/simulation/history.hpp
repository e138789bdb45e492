#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What clients did and were told, in one run. A fact is here only if an answer with it was let go,
/// so whatever a crash may take back is not.
namespace sluice::test {

/// Events are numbered in the order they happened.
using moment = std::uint64_t;
inline constexpr moment never = std::numeric_limits<moment>::max();

enum class told : std::uint8_t {
    unknown,  ///< no answer came: it may have happened or not
    done,
    refused,  ///< it did not happen
};

/// The span from a call to its answer.
struct call {
    moment begun = 0;
    moment ended = never;
    told how = told::unknown;
    std::optional<errc> error;
};

struct pushed_job {
    std::string args;  ///< names the job: no two jobs are meant to have the same
    uuid id;           ///< from the answer, or as the producer chose it; zeros when not known
    std::string queue;
    std::string type;
    int priority = 0;
    std::optional<timestamp> not_before;
    bool plain = true;  ///< available from the start
    std::string fairness_key = {};
};

struct push_call : call {
    std::string key;
    std::vector<pushed_job> jobs;
    durability_class asked = durability_class::fsync;    ///< the strongest of its jobs
    durability_class reached = durability_class::fsync;  ///< as the answer said
};

/// A job that a fetch gave.
struct delivery : call {
    uuid id;
    std::string args;
    std::string worker;
    lease_token lease;
    std::uint32_t attempt = 0;
    std::uint32_t interruptions = 0;
    std::chrono::microseconds begun_at{0};  ///< steady clock, as are the next two
    std::chrono::microseconds ended_at{0};
    std::chrono::microseconds exclusive{0};  ///< how long nobody else may get it
};

enum class verb : std::uint8_t {
    ack,
    fail,
    give_back,
    beat,
    cancel,
    activate,
    revive,
    remove,
    log
};

/// Anything said about one job that exists.
struct job_call : call {
    verb what = verb::ack;
    uuid id;
    std::string args;
    std::optional<lease_token> lease;
    /// After a failure that is to be tried again: not before this on the steady clock.
    std::optional<std::chrono::microseconds> not_before;
    std::string line;   ///< of a log; no two are meant to be the same
    bool kept = false;  ///< it was answered that the line is kept
};

/// What somebody was told when asking for a job.
struct sighting {
    moment at = 0;
    uuid id;
    job_state state = job_state::available;
};

struct clock_reading {
    moment at = 0;
    timestamp wall;
};

struct stop_of_server {
    moment at = 0;
    bool power_lost = false;
    bool drained = false;  ///< only told its own workers to stop and took their jobs back
};

struct final_job {
    std::string args;
    uuid id;
    job_state state = job_state::available;
    std::vector<std::string> log = {};  ///< without notes
};

/// A job made by a schedule.
struct made_job {
    std::string cron;
    std::string at;  ///< the time of the schedule
    uuid id;
    job_state state = job_state::available;
};

struct pause_call : call {
    std::string queue;
    bool paused = false;
};

struct history {
    /// Whether a crash may have taken what this answer told of, by the class it named: nothing of a
    /// stronger one came after it and was answered before the crash.
    bool may_be_lost(const call& answered, durability_class reached) const;

    std::vector<push_call> pushes;
    std::vector<delivery> deliveries;
    std::vector<job_call> calls;
    std::vector<sighting> sightings;
    std::vector<clock_reading> clock;
    std::vector<moment> clock_jumps;
    std::vector<stop_of_server> stops;
    std::vector<uuid> taken_back;      ///< jobs granted to somebody who had gone meanwhile
    std::vector<std::string> beating;  ///< workers that ever sent a heartbeat
    std::vector<pause_call> pauses;
    std::vector<made_job> made;           ///< all of the store in the end
    std::vector<final_job> at_the_end;    ///< all other jobs once everything has calmed down
    std::map<std::string, int> redrives;  ///< those of the store in the end, by their state
    std::vector<std::string> miscounts;   ///< what the server counted wrong when asked at rest
};

/// Every broken promise in a sentence that begins with its rule, such as "C4 token order: ...".
std::vector<std::string> broken_promises(const history& h);
/// Those about logs alone; they are among the others.
std::vector<std::string> broken_log_promises(const history& h);

/// Those about schedules and pauses alone; they are among the others.
std::vector<std::string> broken_schedule_promises(const history& h);

/// The history line by line, for whoever looks for the cause.
std::vector<std::string> story(const history& h);

}  // namespace sluice::test
