#pragma once

#include "proto/job.hpp"
#include "proto/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the client says and hears about redrives of dead letters, as values.
namespace sluice::client {

struct new_redrive {
    std::string queue;                      ///< empty: of any
    std::string type;                       ///< or a prefix such as "mail.*"; empty: of any
    std::string error_type;                 ///< of the latest failure; empty: any
    std::optional<double> rate;             ///< jobs in a second; absent: the server's default
    std::optional<std::uint64_t> canaries;  ///< so many go first, and must complete
    std::optional<std::uint64_t> max;       ///< so many in all
};

struct redrive_info {
    std::string id;
    std::string state;
    std::string queue, type;  ///< of its filter
    std::uint64_t sent = 0;
    std::uint64_t skipped = 0;
    std::uint64_t canaries = 0;  ///< that were asked for
    std::uint64_t canaries_completed = 0;
    double rate = 0;
    std::string waits_for;        ///< a reason, such as "queue_paused"; empty: it goes on
    std::string waits_for_queue;  ///< empty where the reason has none
    std::string stopped_by;       ///< id of the canary that stopped it
    std::string stopped_state;    ///< how that ended
    std::string stop_message;     ///< its error
    std::optional<timestamp> created_at;
    raw_json text;  ///< the whole redrive as the server sent it

    bool over() const { return state != "canary" && state != "running"; }
};

struct redrive_list {
    std::vector<redrive_info> redrives;
    raw_json text;
};

std::string encode(const new_redrive& redrive);

/// Each reads the body of one kind of answer; nothing when it is not what it must be.
std::optional<redrive_info> read_redrive(std::string_view body);
std::optional<redrive_list> read_redrives(std::string_view body);

}  // namespace sluice::client
