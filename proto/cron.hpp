#pragma once

#include "proto/error.hpp"
#include "proto/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Jobs that are made again and again at the times of a schedule (ojs-cron.md).
namespace sluice {

/// What happens when a cron job is due while a job it made has not ended. The values are stored.
enum class overlap_policy : std::uint8_t {
    skip = 0,             ///< no job is made
    allow = 1,            ///< one more is made
    cancel_previous = 2,  ///< the earlier ones are cancelled
    enqueue = 3,          ///< one is made, and stays pending until the earlier ones have ended
};
std::string_view to_string(overlap_policy policy);
std::optional<overlap_policy> parse_overlap_policy(std::string_view name);

/// What becomes of times that passed while nobody looked, such as when the server was down. The
/// values are stored.
enum class catch_up_policy : std::uint8_t {
    one = 0,   ///< one job, however many times were missed
    none = 1,  ///< nothing, unless the time is less than a minute ago
    all = 2,   ///< a job for each, up to limits::cron_catch_up_max
};
std::string_view to_string(catch_up_policy policy);
std::optional<catch_up_policy> parse_catch_up_policy(std::string_view name);

/// What was registered.
struct cron_definition {
    std::string name;
    std::string expression;  ///< as it was given, such as "0 9 * * MON-FRI" or "@daily"
    std::string timezone = "UTC";
    /// The job to make, as POST /jobs takes it; checked when it was registered. Relative times in
    /// it count from the moment the job is made.
    raw_json job;
    overlap_policy overlap = overlap_policy::skip;
    catch_up_policy catch_up = catch_up_policy::one;
    bool enabled = true;
    std::string description;

    friend bool operator==(const cron_definition&, const cron_definition&) = default;
};

/// A registration, and all that came of it.
struct cron_record {
    cron_definition definition;
    timestamp created_at;
    std::optional<timestamp> last_run_at;  ///< when a job was last made
    std::optional<timestamp> next_run_at;  ///< absent: disabled, or never again
    std::uint64_t run_count = 0;           ///< jobs made
    std::optional<uuid> last_job_id;
    /// Jobs it made that have not ended, oldest first, by seq. Not kept for `allow`.
    std::vector<std::int64_t> unfinished;
    /// Removed by its owner; stays only until the last of `unfinished` has ended.
    bool removed = false;

    friend bool operator==(const cron_record&, const cron_record&) = default;
};

/// One time of a schedule.
struct cron_occurrence {
    timestamp at;
    bool runs = true;      ///< a job is made
    bool missing = false;  ///< the clock leaps over a time of the schedule here
};

/// Body of POST /cron. Takes `expression` or `cron`, and `job_template` or the members of a job
/// beside the others. The expression and the time zone are not looked at. Errors: those of
/// decode_job, and invalid_request.
result<cron_definition> decode_cron(std::string_view body, timestamp now);

/// Body of PATCH /cron/{name}: `{"enabled":…}`.
result<bool> decode_cron_switch(std::string_view body);

/// Appends the registration as an object.
void append_cron(std::string& out, const cron_record& record);

}  // namespace sluice
