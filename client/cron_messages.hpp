#pragma once

#include "client/messages.hpp"
#include "proto/cron.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the client says and hears about cron jobs, as values.
namespace sluice::client {

struct new_cron {
    std::string name;
    std::string expression;
    std::string timezone = "UTC";
    new_job job;
    overlap_policy overlap = overlap_policy::skip;
    catch_up_policy catch_up = catch_up_policy::one;
    bool enabled = true;
    std::string description;
};

struct cron_info {
    std::string name;
    std::string expression;
    std::string timezone;
    std::string overlap;
    std::string catch_up;
    std::string description;
    bool enabled = false;
    std::uint64_t run_count = 0;
    std::string last_job_id;  ///< empty: no job was made yet
    std::optional<timestamp> created_at;
    std::optional<timestamp> last_run_at;
    std::optional<timestamp> next_run_at;  ///< absent: disabled, or never again
    raw_json job;                          ///< what each job is made from
    raw_json text;                         ///< the whole registration as the server sent it
};

struct cron_list {
    std::vector<cron_info> crons;
    raw_json text;
};

/// One time of a schedule.
struct cron_time {
    std::optional<timestamp> at;
    bool runs = false;
    std::string skipped;  ///< why a time of the schedule is passed by here, such as "dst_skip"
    raw_json text;
};

struct cron_preview {
    std::string name;
    std::string expression;
    std::string timezone;
    std::vector<cron_time> times;
    raw_json text;
};

std::string encode(const new_cron& cron);
std::string encode_cron_switch(bool enabled);

/// Each reads the body of one kind of answer; nothing when it is not what it must be.
std::optional<cron_info> read_cron(std::string_view body);
std::optional<cron_list> read_crons(std::string_view body);
std::optional<cron_preview> read_cron_preview(std::string_view body);

}  // namespace sluice::client
