#pragma once

#include "proto/job.hpp"
#include "proto/job_log.hpp"
#include "proto/requests.hpp"
#include "server/queue/backend.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

/// What the engine hands to its owner, and what it keeps of those who wait.
namespace sluice {

struct handler_group;
struct ready_lane;

/// What the engine itself needs from the store: waiting jobs near the head of a line, or jobs
/// whose time has come. The owner reads them (`load_blocking`) and calls `admit_wanted`.
struct wanted_load {
    std::vector<std::int64_t> seqs;
    ready_lane* lane = nullptr;  ///< null: jobs that are due, or whose turn has come
    std::uint64_t load = 0;
    std::vector<std::int64_t> parents;  ///< jobs whose results are wanted as well
};

/// What a redrive needs from the store: the next dead letters. The owner lists them
/// (`list_blocking`) and calls `admit_redrive`.
struct redrive_read {
    std::string id;
    job_query query;
    std::uint64_t load = 0;
};

/// What becomes of a job at rest when it has been read.
struct unread_end {
    bool drop = false;        ///< for room in its queue; else it is cancelled
    std::string queue;        ///< of one to be dropped
    std::int64_t ticket = 0;  ///< its place in line when it was to be dropped
};

/// Jobs whose turn has come in the middle of things.
struct job_turns {
    std::vector<std::int64_t> to_start;  ///< pending ones
    std::vector<std::int64_t> to_cancel;
    /// The same, once they have been read.
    std::unordered_set<std::int64_t> start_when_read;
    std::unordered_map<std::int64_t, unread_end> end_when_read;
    /// Available ones whose place in line another one had when the server started: one of the two
    /// was to be dropped, and the process before ended first.
    std::unordered_set<std::int64_t> place_when_read;
    std::vector<std::int64_t> nodes_held;  ///< of workflows, until less waits for the disk

    bool any() const { return !to_start.empty() || !to_cancel.empty(); }
};

/// What a push came to. The jobs are as they were stored, before anybody took them.
struct push_outcome {
    std::vector<job_record> jobs;                      ///< in the order of the request
    std::vector<std::size_t> deduplicated;             ///< of those: which were there before
    std::optional<queue_pressure> pressure;            ///< of the fullest queue to be warned of
    durability_class asked = durability_class::fsync;  ///< the strongest class of its jobs
};

/// One lease given to a taker. The job may have gone on by the time the taker can be told.
struct given_lease {
    std::int64_t seq = 0;
    lease_token lease;
    std::uint64_t gate = 0;  ///< the batch that must be durable before the taker hears of it
};
/// That of the last of them.
inline std::uint64_t gate_of(const std::vector<given_lease>& leases) {
    std::uint64_t gate = 0;
    for (const auto& given : leases) gate = std::max(gate, given.gate);
    return gate;
}
struct fetch_outcome {
    std::vector<given_lease> leases;      ///< given at once
    std::uint64_t gate = 0;               ///< theirs
    std::optional<std::uint64_t> parked;  ///< the taker's number, when it waits
};

/// What a taker that waited is given.
struct grant {
    std::uint64_t taker = 0;
    std::vector<given_lease> leases;  ///< empty: the wait ended without a job
    std::uint64_t gate = 0;
};

struct log_outcome {
    log_receipt receipt;
    std::uint64_t gate = 0;  ///< the batch of its lines
};

/// A run of an in-server worker whose handler has not returned.
struct handler_run {
    handler_group* group = nullptr;
    std::int64_t seq = 0;  ///< of its job, which may be somebody else's by now
};

/// Names a lane: it may have gone by the time it is looked for.
struct lane_name {
    std::string queue, type;
    std::string limit_key = {};  ///< empty: the plain lane

    friend auto operator<=>(const lane_name&, const lane_name&) = default;
};

/// A fetch that waits.
struct taker {
    std::uint64_t id = 0;
    fetch_request request;
    std::optional<std::chrono::microseconds> deadline;  ///< absent: only until the loads are done
    bool quiet = false;  ///< its worker wants no jobs: it waits for nothing but the deadline
};

/// An event on its way to become a job.
struct webhook_delivery {
    std::string subscription;
    std::shared_ptr<const std::string> event;  ///< in its envelope
};

}  // namespace sluice
