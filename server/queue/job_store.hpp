#pragma once

#include "proto/cron.hpp"
#include "proto/job.hpp"
#include "proto/job_log.hpp"
#include "proto/unique.hpp"
#include "proto/workflow.hpp"
#include "server/queue/backend.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the local backend needs of a disk. Everything here blocks; `commit_blocking` and
/// `make_room_blocking` are called from one commit thread, the reads from one reader thread, `open`
/// and `restore_blocking` before either runs. Reads see exactly the batches whose commit has
/// returned.
namespace sluice {

/// Where a job stands on disk. Live jobs are the hot set and are scanned at start; history is never
/// scanned.
enum class job_place : std::uint8_t { nowhere, live, history };

/// One job's journey in a batch: it stood at `from` before, it stands at `to` after, and `record`
/// is what to keep. nowhere→live inserts, live→live updates (the spec never changes), live→history
/// and nowhere→history finish, history→live revives a dead letter, history→nowhere deletes.
struct job_write {
    job_place from = job_place::nowhere;
    job_place to = job_place::nowhere;
    job_record record;
    std::optional<timestamp>
        purge_at;  ///< for history: when retention may delete it; never if absent
};

struct key_record {
    idempotency_key key;
    std::vector<uuid> job_ids;
    timestamp expires_at;
};

/// Where the log of a job ends.
struct log_end {
    std::uint64_t lines = 0;  ///< number of its latest line
    std::uint64_t bytes = 0;  ///< what all of them count for (log_cost)
};

/// One more line in the log of a job that is stored, or is stored by the same batch.
struct log_write {
    std::int64_t seq = 0;  ///< of the job
    log_line line;
    std::uint64_t bytes = 0;  ///< of the log, this line included
};

/// A cron job as it is to be kept; nothing: it is to go.
struct cron_write {
    std::string name;
    std::optional<cron_record> record;
};

/// What operators set, apart from pauses. The values are stored.
enum class setting_kind : std::uint8_t {
    queue = 0,    ///< of a queue: see encode_queue_config
    limit = 1,    ///< of a key of rate limits: see encode_limit_override
    webhook = 2,  ///< a subscription, by its id: see encode_stored_webhook
    pool = 3,     ///< see encode_fair_pool
    redrive = 4,  ///< by its id: see encode_stored_redrive
};

struct setting_record {
    setting_kind kind = setting_kind::queue;
    std::string name;
    std::string value;  ///< in a write empty: it is set no more

    friend bool operator==(const setting_record&, const setting_record&) = default;
};

/// A workflow as it is kept. Its jobs have the sequence numbers that follow its own, callbacks
/// last.
struct workflow_record {
    std::int64_t seq = 0;
    uuid id;
    workflow_type type = workflow_type::chain;
    std::string name;
    raw_json meta;
    std::size_t jobs = 0;  ///< callbacks included
    timestamp created_at;
    std::string plan;  ///< see rules::workflow_progress
    raw_json outline;  ///< of each job: [ref, type, queue]
    // what its steps change
    workflow_state state = workflow_state::running;
    std::size_t unfinished = 0;         ///< jobs that have not ended
    std::optional<timestamp> ended_at;  ///< set with a state that is not running
    std::string nodes;                  ///< see rules::workflow_progress

    friend bool operator==(const workflow_record&, const workflow_record&) = default;
};

struct workflow_write {
    workflow_record record;  ///< without plan and outline, unless `fresh`
    bool fresh = false;      ///< it is not stored yet
    std::optional<timestamp> purge_at;
};

/// What a job leaves to those after it in a workflow.
struct job_results {
    std::int64_t seq = 0;
    raw_json result;
    raw_json parent_results;
};

/// All that one commit makes durable, all or nothing.
struct journal_batch {
    std::uint64_t number = 0;  ///< rises by one with each batch since the store was opened
    bool sync =
        true;  ///< false: written, survives the process; may be lost with the power (grants, beats)
    std::vector<job_write> jobs;
    std::vector<log_write> logs;  ///< go with their jobs when those are deleted
    std::vector<key_record> keys;
    std::vector<std::pair<std::string, bool>> paused_queues;  ///< queue, paused
    std::vector<setting_record> settings;
    std::vector<cron_write> crons;
    std::vector<workflow_write> workflows;
    bool reset = false;  ///< empty everything first
    /// Larger than every number given so far, as seq or as ticket; those of fair queues aside.
    std::int64_t next_seq = 0;
};

enum class commit_status : std::uint8_t {
    ok,
    no_space,  ///< nothing of the batch was written; it may be tried again when there is room
    failed,    ///< a write or sync failed; what is on disk is unknown; the store takes no further
               ///< batch
};

struct commit_outcome {
    commit_status status = commit_status::ok;
    bool disk_low = false;  ///< free space is below the soft mark
    std::string message;    ///< for the log when not ok; names the file
};

/// A store may hold any number of dead letters, and others wait for the reader meanwhile.
inline constexpr std::size_t dead_letters_summed_max = 100'000;

/// What restore tells of a live job that is not active. The views are valid during the call only.
struct waiting_job {
    std::int64_t seq = 0;
    std::int64_t ticket = 0;
    job_state state = job_state::available;
    int priority = 0;
    std::optional<timestamp> due_at;
    std::optional<timestamp> expires_at;
    std::string_view queue;
    std::string_view type;
    std::optional<uuid> client_id;  ///< set when the producer chose the id
    std::string_view limit_key;     ///< empty: it has no limit
    std::string_view fairness_key;  ///< empty: it has none
    std::int64_t fairness_weight = 1;
    std::int64_t cost = 1;
};

struct restore_sink {
    std::function<void(const waiting_job&)> waiting;
    std::function<void(job_record)> active;
    std::function<void(std::string_view queue, bool paused)> queue;
    std::function<void(setting_record)> setting;
    std::function<void(std::string_view queue, std::uint64_t count)> dead_letters;
    std::function<void(cron_record)> cron;
    std::function<void(workflow_record)> workflow;  ///< those with unfinished jobs
};

struct restore_summary {
    std::uint32_t epoch = 0;    ///< boot epoch: bumped and synced by this open
    std::int64_t next_seq = 1;  ///< larger than every seq, and every `next_seq` of a batch
    bool closed = true;         ///< it was closed in order by whoever had it before, or is new
};

class job_store {
public:
    job_store() = default;
    job_store(const job_store&) = delete;
    job_store& operator=(const job_store&) = delete;
    virtual ~job_store() = default;

    /// Scans the live jobs. Called once, before anything else. Throws store_error.
    virtual restore_summary restore_blocking(const restore_sink& sink) = 0;

    virtual commit_outcome commit_blocking(const journal_batch& batch) = 0;

    /// After no_space: frees what was held in reserve. True if that gave any room.
    virtual bool make_room_blocking() = 0;

    /// Live jobs by seq, in the order asked for; those not live are left out.
    virtual std::vector<job_record> load_blocking(std::span<const std::int64_t> seqs) = 0;

    struct found_job {
        job_place place = job_place::live;
        job_record record;
    };
    /// Live or finished job by id.
    virtual std::optional<found_job> find_blocking(const uuid& id) = 0;
    /// Jobs with this unique key in this state, live or finished, newest first: up to `max` of
    /// those with a lower number than `before_seq`.
    virtual std::vector<found_job> find_unique_blocking(const unique_key& key, job_state state,
                                                        std::int64_t before_seq,
                                                        std::size_t max) = 0;
    virtual std::optional<key_record> find_key_blocking(std::string_view key) = 0;
    /// Of jobs, live or finished, in the order asked for. One that is gone left nothing.
    virtual std::vector<job_results> load_results_blocking(std::span<const std::int64_t> seqs) = 0;
    virtual std::optional<workflow_record> find_workflow_blocking(const uuid& id) = 0;
    /// Newest first, up to `query.limit`.
    virtual std::vector<workflow_record> list_workflows_blocking(const workflow_query& query) = 0;
    /// Where the log of a job ends: zeros when it has none.
    virtual log_end log_end_blocking(std::int64_t seq) = 0;
    /// Lines with a number above `after`, in order: up to `lines_max`, and none after more than
    /// limits::log_page_bytes_max.
    virtual std::vector<log_line> read_log_blocking(std::int64_t seq, std::uint64_t after,
                                                    std::size_t lines_max) = 0;
    virtual job_page list_blocking(const job_query& query) = 0;
    /// Counts the latest `max` dead letters.
    virtual dead_letter_summary sum_dead_letters_blocking(std::size_t max) = 0;

    /// Up to `max` dead letters whose last run ended before `time`, those that came first first.
    virtual std::vector<job_record> old_dead_letters_blocking(timestamp time, std::size_t max) = 0;

    /// Reads the free space anew. True when below the soft mark.
    virtual bool disk_low_blocking() = 0;

    struct purge_outcome {
        std::size_t gone = 0;  ///< rows of history and keys
        bool more = false;     ///< there may be more that has expired
    };
    /// Deletes up to `max` expired rows of history and keys in its own transaction (on the commit
    /// thread), fewer where long logs go with them: commits wait for it.
    virtual purge_outcome purge_blocking(timestamp now, std::size_t max) = 0;

    /// Writes the high-water mark, checkpoints and closes. The destructor closes without.
    virtual void close_blocking() = 0;
};

/// The store cannot be opened or is damaged. `exit_code` is the sysexits value the process should
/// end with (65 damaged, 73 cannot create, 74 input/output, 75 locked by another process, 78 newer
/// schema).
class store_error : public std::runtime_error {
public:
    store_error(int exit_code, const std::string& what)
        : std::runtime_error(what), exit_code_(exit_code) {}
    int exit_code() const { return exit_code_; }

private:
    int exit_code_;
};

}  // namespace sluice
