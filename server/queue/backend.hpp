#pragma once

#include "proto/cron.hpp"
#include "proto/error.hpp"
#include "proto/fair_pool.hpp"
#include "proto/job.hpp"
#include "proto/job_log.hpp"
#include "proto/queue_config.hpp"
#include "proto/redrive.hpp"
#include "proto/requests.hpp"
#include "proto/webhook.hpp"
#include "proto/workflow.hpp"
#include "server/observe/latency.hpp"
#include "server/observe/objective.hpp"
#include "server/queue/events.hpp"
#include "server/queue/explanation.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

/// The one seam between those who ask (HTTP, workers) and those who keep (the local engine on
/// SQLite, PostgreSQL).
///
/// Threads: every function is called on the backend's executor and completes there. Arguments are
/// taken by value; nothing of the caller's is referenced after the call returns, except a
/// stop_token's shared state. Durability: unless said otherwise, an answer is given only when all
/// it reports is durable (covered by an fsync or a COMMIT that returned). Errors a caller can cause
/// are values. `errc::store_failed` means the outcome is unknown; every other error means nothing
/// was changed.
namespace sluice {

namespace asio = boost::asio;

/// An `Idempotency-Key` and the SHA-256 of the body it came with.
struct idempotency_key {
    std::string key;
    std::array<std::uint8_t, 32> body_hash{};
};

struct push_request {
    std::vector<job_spec> jobs;  ///< stored all or none, in this order
    std::optional<idempotency_key> key;
    /// Asked on the executor before anything is stored, but only for jobs that are new: a repeat is
    /// answered with what was accepted before, whatever the rules are by now. Empty: nothing is
    /// asked.
    std::function<std::optional<error>(const std::vector<job_spec>&)> check;
    /// Whether the caller may hear of and replace jobs in this queue that its own are duplicates
    /// of. Empty: in any.
    std::function<bool(std::string_view queue)> may_touch;
    /// How long to wait for room in a full queue whose strategy is `block`, and who ends that.
    std::chrono::milliseconds block{0};
    /// Waits so also where the strategy is to refuse.
    bool insists = false;
    std::stop_token stop;
};

/// Jobs that have nothing to do with one another.
struct push_each_request {
    std::vector<job_spec> jobs;
    /// As in push_request, of one job.
    std::function<std::optional<error>(const job_spec&)> check;
    std::function<bool(std::string_view queue)> may_touch;
    /// Called on the executor as soon as it is decided what becomes of the jobs, before any is
    /// durable: who sends more now has it stored after these. `left`: the first of them waits for
    /// room in its queue, and the others for it; nothing has become of these.
    std::function<void(std::vector<job_spec> left)> accepted;
};

struct pushed_job {
    uuid id;
    job_state state = job_state::available;
    bool deduplicated = false;  ///< it was there before
    /// That it has reached, at least what was asked for.
    durability_class durability = durability_class::fsync;
};

struct push_each_answer {
    /// In the order of the request, without those that were left. Errors of each: those of push.
    std::vector<result<pushed_job>> jobs;
    std::vector<job_spec> left;           ///< as said to `accepted`, if nobody was there to hear it
    std::chrono::microseconds commit{0};  ///< time spent waiting for durability
};

struct push_answer {
    std::vector<job_record> jobs;  ///< as they were stored, in the order of the request
    bool replayed =
        false;  ///< the key was known: these are the jobs of the first request, as they are now
    /// Indexes into `jobs`, rising: those a unique job of the request is a duplicate of, as they
    /// are. Nothing was stored for these.
    std::vector<std::size_t> deduplicated;
    std::chrono::microseconds commit{0};  ///< time spent waiting for durability
    /// What all of them survive now; at least what was asked for.
    durability_class durability = durability_class::fsync;
    /// Of the fullest queue of the request, from the threshold of its warning on.
    std::optional<queue_pressure> pressure;
};

/// Answer to ack, nack, cancel, activate: the job as it is after the change.
struct change_answer {
    job_record job;
    bool repeated = false;         ///< the same answer was given before; nothing changed now
    std::vector<job_record> jobs;  ///< newly leased, when the request held a fetch
    std::chrono::microseconds commit{0};
};

struct delegate_request {
    uuid job_id;
    lease_token lease;
    std::string holder;  ///< the worker id it goes by from now on; not the in-server one
    std::optional<std::chrono::milliseconds> visibility_timeout;  ///< from now
};

struct beat_result {
    uuid job_id;
    std::optional<errc>
        problem;  ///< not_found, lease_lost, conflict (not active: `state` says what)
    job_state state = job_state::active;
    std::optional<timestamp> lease_expires_at;
    std::shared_ptr<const job_spec> spec;  ///< empty when not found
};

struct heartbeat_answer {
    worker_state directive = worker_state::running;
    /// How long the worker may be silent before it is taken for dead.
    std::chrono::milliseconds worker_silence{0};
    std::vector<beat_result> jobs;  ///< in the order of the request
};

/// What became of each of many answers, in their order.
struct answers_outcome {
    /// Their records are without results and what failed before.
    std::vector<result<change_answer>> acks, nacks;
    std::optional<result<heartbeat_answer>> heartbeat;  ///< when it named jobs
    std::vector<job_record> jobs;  ///< newly leased, when the request held a fetch
    std::chrono::microseconds commit{0};
};

struct queue_stats {
    std::string name;
    bool paused = false;
    std::array<std::uint64_t, job_state_count>
        jobs{};  ///< by state; terminal ones since the server started, and dead letters of before
    std::uint64_t dead_letters = 0;  ///< all of them, however old
    queue_config config;
};

/// What is known of one worker.
struct worker_info {
    std::string id;
    worker_state state = worker_state::running;      ///< as it says of itself
    worker_state directive = worker_state::running;  ///< what somebody told it to be
    bool beats = false;                 ///< it sends heartbeats; only such can fall silent
    std::optional<timestamp> heard_at;  ///< of its latest heartbeat
    std::uint64_t active = 0;           ///< jobs it holds
    /// These, in the order in which they were pushed; the first `worker_jobs_max` of them.
    std::vector<std::shared_ptr<const job_spec>> jobs;
};

/// Jobs that are named for one worker.
inline constexpr std::size_t worker_jobs_max = 1000;

/// Dead letters of one type in one queue.
struct dead_letter_group {
    std::string queue, type;
    std::uint64_t count = 0;
    timestamp oldest, newest;  ///< when their last runs ended
};

struct dead_letter_summary {
    std::vector<dead_letter_group> groups;  ///< in no order
    bool complete = true;  ///< false: there may be older ones than those that were looked at
};

struct backend_stats {
    std::uint64_t workers = 0;  ///< as many as `workers` tells of, those of this server aside
    /// Runs in the last 60 seconds, this one included, whose end is durable. Failed ones were
    /// given up by their worker or took too long; interruptions are neither.
    std::uint64_t runs_completed = 0;
    std::uint64_t runs_failed = 0;
    std::uint64_t webhooks_left_out = 0;  ///< deliveries there was no room for, since the start
    std::uint64_t redrives = 0;           ///< that are not over
};

/// What was handed out of one queue lately.
struct queue_starts {
    std::string name;
    std::uint64_t starts = 0;             ///< in about the last minute
    std::chrono::microseconds waited{0};  ///< by these jobs together, since they became available
    std::uint64_t active = 0;
    std::uint64_t available = 0;
};

struct pool_change {
    fair_pool pool;
    bool created = false;  ///< there was none of that name
};

/// What is known of one key of rate limits.
struct limit_info {
    std::string key;
    /// That of the job pushed last among those in memory since; null: none of them was.
    std::shared_ptr<const limit_rule> rule;
    std::uint64_t running = 0;
    std::uint64_t waiting = 0;              ///< available, whether there is room for them or not
    std::int64_t remaining = 0;             ///< starts that `rule->rate` would allow now
    std::optional<timestamp> available_at;  ///< when it allows the next one; absent: now
    /// When it will have had its rest, so that a whole burst may start.
    std::optional<timestamp> rested_at;
    std::optional<timestamp> held_until;  ///< as a worker asked; absent: by nobody
    std::optional<limit_override> given;  ///< by an operator, as far as it still holds
    /// Where there were jobs under this key; not all of them when `more_queues`.
    std::vector<std::shared_ptr<const std::string>> queues;
    bool more_queues = false;
};

struct limit_query {
    std::size_t offset = 0;
    std::size_t limit = 20;
    std::function<bool(const limit_info&)> visible;  ///< empty: all
};

struct limit_page {
    std::vector<limit_info> limits;  ///< by key
    std::uint64_t total = 0;
};

struct cron_change {
    cron_record cron;
    bool created = false;  ///< there was none of that name
};

struct workflow_request {
    workflow_definition definition;
    std::optional<idempotency_key> key;
    /// As in push_request: asked only for a workflow that is new.
    std::function<std::optional<error>(const workflow_definition&)> check;
};

struct workflow_answer {
    workflow_view workflow;
    bool replayed = false;  ///< the key was known: this is the first one, as it is now
    std::chrono::microseconds commit{0};
};

struct workflow_query {
    std::optional<workflow_state> state;
    std::size_t limit = 50;
    std::optional<std::int64_t> before_seq;  ///< continue a listing, newest first
};

struct workflow_page {
    std::vector<workflow_view> workflows;  ///< newest first, without their jobs
    std::optional<std::int64_t> next_before_seq;
};

struct job_query {
    std::optional<job_state> state;
    std::string queue;         ///< empty: all
    std::string type;          ///< empty: all
    bool dead_letter = false;  ///< only dead letters
    bool unfinished = false;   ///< only jobs that have not ended
    /// Dead letters looked at, whatever fits; 0: any number, and all of them are counted.
    std::size_t looks_max = 0;
    std::size_t limit = 50;
    std::optional<std::int64_t> before_seq;  ///< continue a listing, newest first
};

struct job_page {
    std::vector<job_record> jobs;  ///< newest first
    std::optional<std::int64_t> next_before_seq;
    std::uint64_t total = 0;  ///< of dead letters; 0 for other queries
};

/// How the server feels, for health and readiness.
struct backend_health {
    bool ready = true;
    std::string status = "ok";  ///< "ok", "degraded", "unhealthy"
    std::string reason;         ///< why not, for people
    std::string type = "sqlite";
    std::chrono::microseconds commit_latency{0};  ///< of the latest commit
    std::uint64_t jobs_pushed = 0;  ///< since the server started, as are the next three
    std::uint64_t jobs_granted = 0;
    std::uint64_t jobs_finished = 0;
    std::uint64_t commits = 0;
};

using webhook_check = std::function<std::optional<error>(const webhook_subscription& held)>;
using redrive_check = std::function<std::optional<error>(const redrive_record& held)>;
using queue_config_change = std::function<result<queue_config>(const queue_config& held)>;

class backend {
public:
    backend() = default;
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;
    virtual ~backend() = default;

    /// Stores jobs. A job with a unique rule is checked against those that are there in the same
    /// step that stores it; what it replaces is cancelled in the same commit. Errors: duplicate,
    /// invalid_request (a unique rule names members that are not there), in_flight, key_reused,
    /// overloaded, disk_low, shutting_down, store_failed, and what `request.check` says. Answered
    /// when the jobs have reached the strongest class of durability that one of them asks for; with
    /// `memory` that is at once, unless much waits for the disk.
    virtual asio::awaitable<result<push_answer>> push(push_request request) = 0;

    /// Stores jobs, each for itself, in this order, and answers when all have reached their class
    /// of durability. Calls that overlap keep their order if each is made when the one before was
    /// accepted. A full queue refuses none, unless its strategy makes room: what comes then is left
    /// (see above). Waits where `push` is refused as overloaded. Errors of the whole: store_failed.
    virtual asio::awaitable<result<push_each_answer>> push_each(push_each_request request) = 0;

    /// Errors: not_found, store_failed.
    virtual asio::awaitable<result<job_record>> info(uuid id) = 0;

    /// Why the job does not run, at this moment; `may_see` is asked on the executor. Errors:
    /// not_found, store_failed.
    virtual asio::awaitable<result<job_explanation>> explain(uuid id, queue_filter may_see) = 0;

    /// Waits until the job is terminal or `wait` has passed or `stop` is requested; answers the job
    /// as it is then.
    virtual asio::awaitable<result<job_record>> wait(uuid id, std::chrono::milliseconds wait,
                                                     std::stop_token stop) = 0;

    /// Waits until `enough` says so of the job, `wait` has passed, `stop` is requested or the
    /// server begins to drain; answers the job as it is then. `enough` is asked on the executor,
    /// first at once and then after each event of the job and each report of its progress; of
    /// several in a row it may see the last one only. Errors: not_found, store_failed.
    virtual asio::awaitable<result<job_record>> watch(uuid id,
                                                      std::function<bool(const job_record&)> enough,
                                                      std::chrono::milliseconds wait,
                                                      std::stop_token stop) = 0;

    /// Errors: not_found, conflict (already terminal), store_failed.
    virtual asio::awaitable<result<change_answer>> cancel(uuid id) = 0;
    /// The same, if it is in this state; else conflict.
    virtual asio::awaitable<result<change_answer>> cancel_in(uuid id, job_state state) = 0;

    /// Pending to available. Errors: not_found, conflict, store_failed.
    virtual asio::awaitable<result<change_answer>> activate(uuid id) = 0;

    /// Leases available jobs to one worker. Waits up to `request.wait` for the first; an empty
    /// answer is no error and is also given when `stop` is requested or the server begins to drain.
    /// The grants survive a crash of the process, not a power cut.
    virtual asio::awaitable<result<std::vector<job_record>>> fetch(fetch_request request,
                                                                   std::stop_token stop) = 0;

    /// Completes a job, and stores its follow-ups in the same commit. Errors: not_found, conflict,
    /// lease_lost, already_finished, store_failed; those of push when a follow-up cannot be stored:
    /// then the job runs on.
    virtual asio::awaitable<result<change_answer>> ack(ack_request request) = 0;

    /// Reports a failure, or gives a job back. Errors as for ack.
    virtual asio::awaitable<result<change_answer>> nack(nack_request request) = 0;

    /// Takes all these answers in one commit; each counts or is refused for itself. Errors of the
    /// whole: store_failed.
    virtual asio::awaitable<result<answers_outcome>> answer_many(answers_request request) = 0;

    /// Keeps how far a running job is, until its next attempt. Survives a crash of the process, not
    /// a power cut. Errors: not_found, conflict (not running), lease_lost, store_failed.
    virtual asio::awaitable<result<change_answer>> report_progress(progress_request request) = 0;

    /// Adds to the log of a running job. Its lines keep their order, and those of the run come
    /// after all that were there. Answered when they survive a crash of the process; a power cut
    /// can take them until anything that came later is durable, such as the answer to the end of
    /// the run. A full log and a disk that is nearly full take no further lines: they are counted,
    /// and a note says how many, at the end of the run at the latest. Sent again, lines are there
    /// twice. Errors: not_found, conflict (not running), lease_lost, store_failed.
    virtual asio::awaitable<result<log_receipt>> append_log(append_log_request request) = 0;

    /// The log of a job, oldest line first; only lines that survive a crash of the process. Waits
    /// up to `query.wait` for the first one; an empty answer is no error and is also given when the
    /// job has ended, `stop` is requested or the server begins to drain. Errors: not_found,
    /// store_failed.
    virtual asio::awaitable<result<log_page>> read_log(log_query query, std::stop_token stop) = 0;

    /// Leaves a job that an in-server worker holds to somebody outside, under the same lease. The
    /// run counts on as the outside holder's: it outlives this process and lapses like any other.
    /// Survives a crash of the process, not a power cut: after one the job runs anew. Errors as for
    /// ack; already_finished also when the outside holder answered sooner than this was said.
    virtual asio::awaitable<result<change_answer>> delegate(delegate_request request) = 0;

    /// `tell` is called on the executor, soon after, when a run of an in-server worker has lost its
    /// job otherwise than by its own answer: cancelled, out of its execution timeout, reset. Until
    /// the backend ends or the next call.
    virtual void on_run_lost(std::function<void(const lease_token&)> tell) = 0;

    /// The handler of an in-server run has returned, whatever became of its job meanwhile: from now
    /// on it counts no more against the limit of its type. An answer of an in-server worker says so
    /// too. Idempotent; changes no job.
    virtual void run_returned(const lease_token& lease) = 0;

    /// Renews leases from now on. Survives a crash of the process, not a power cut.
    virtual asio::awaitable<result<heartbeat_answer>> heartbeat(heartbeat_request request) = 0;

    /// Errors: not_found (no such dead letter), store_failed.
    virtual asio::awaitable<result<job_record>> retry_dead_letter(uuid id) = 0;
    virtual asio::awaitable<result<void>> delete_dead_letter(uuid id) = 0;
    /// Deletes a job that has ended, be it a dead letter or not. Errors: not_found, conflict (it
    /// has not ended, or its workflow has not), store_failed.
    virtual asio::awaitable<result<void>> delete_job(uuid id) = 0;

    /// How many there are of which type in which queue. Looks at the latest 100,000 of them.
    virtual asio::awaitable<result<dead_letter_summary>> dead_letters() = 0;

    /// Sends dead letters back in the background, newest job first: the canaries, and once all of
    /// these have completed the others, at the rate. Only jobs that are dead letters now are sent,
    /// each once at most. Each is sent as by retry_dead_letter, in one commit with the redrive's
    /// own counts; the end of a canary and what follows from it are one commit as well. It survives
    /// a restart, and waits while the queue of the next job is paused or full, the disk is nearly
    /// full or the server drains. Errors: conflict (too many are not over), store_failed.
    virtual asio::awaitable<result<redrive_view>> begin_redrive(redrive_request request) = 0;
    /// Nothing more is sent from now on. `check` as for webhooks. Errors: not_found, conflict (it
    /// is over), store_failed.
    virtual asio::awaitable<result<redrive_view>> cancel_redrive(std::string id,
                                                                 redrive_check check) = 0;
    /// Errors: not_found, store_failed.
    virtual asio::awaitable<result<redrive_view>> redrive(std::string id) = 0;
    /// The latest limits::redrives_max, oldest first; of those that are over the oldest are
    /// forgotten.
    virtual asio::awaitable<result<std::vector<redrive_view>>> redrives() = 0;

    virtual asio::awaitable<result<job_page>> list(job_query query) = 0;
    virtual asio::awaitable<result<std::vector<queue_stats>>> queues() = 0;
    /// How long the jobs of a queue took, lately and since the server started. Errors: not_found
    /// (no such queue), store_failed.
    virtual asio::awaitable<result<queue_latency>> latency(latency_query query) = 0;
    /// The same since the start, counted, of each pair of queue and type that is kept apart.
    virtual asio::awaitable<result<std::vector<latency_counts>>> latency_counted() = 0;
    /// Of each queue with an objective for the start of its jobs, in no order.
    virtual asio::awaitable<result<std::vector<objective_status>>> objectives() = 0;
    /// Nobody is given a job of a paused queue; it takes jobs, and those that run go on. A queue
    /// nobody has heard of is made known.
    virtual asio::awaitable<result<queue_stats>> pause_queue(std::string name, bool paused) = 0;

    /// Workers that hold jobs or have sent a heartbeat lately, by id; only the one of that id when
    /// `only` says so, and none when it is not known. Those of this server are one, under
    /// `in_server_worker_id`, while they hold jobs.
    virtual asio::awaitable<result<std::vector<worker_info>>> workers(
        std::optional<std::string> only) = 0;
    /// Tells a worker to be quiet, or to go on: from now on it is given no jobs, and its heartbeats
    /// are answered so. Forgotten together with the worker, and with this process. Errors:
    /// not_found, conflict (it sends no heartbeats), store_failed.
    virtual asio::awaitable<result<worker_info>> quiet_worker(std::string id, bool quiet) = 0;
    /// One key of rate limits; known as soon as a job with it was pushed. Errors: not_found,
    /// store_failed.
    virtual asio::awaitable<result<limit_info>> rate_limit(std::string key) = 0;
    virtual asio::awaitable<result<limit_page>> rate_limits(limit_query query) = 0;
    /// What holds for the jobs of a key from now on, in place of their own rules; absent: these.
    /// Durable. Errors: store_failed.
    virtual asio::awaitable<result<limit_info>> override_limit(
        std::string key, std::optional<limit_override> given) = 0;
    /// Sets what holds for a queue from now on, whether it has had jobs or not: what `change` makes
    /// of what holds until then. It is called on the executor; its error changes nothing. Durable.
    /// Errors: store_failed, and those of `change`.
    virtual asio::awaitable<result<queue_stats>> configure_queue(std::string name,
                                                                 queue_config_change change) = 0;
    /// Costs next to nothing.
    virtual backend_stats stats() const = 0;

    /// A pool, or another rule for the one of that name; whoever waits in it is answered with
    /// nothing. Durable; whose turn it is, is not. Errors: validation_failed (too many),
    /// store_failed.
    virtual asio::awaitable<result<pool_change>> set_pool(std::string name, fair_pool pool) = 0;
    /// Errors of these: not_found, store_failed.
    virtual asio::awaitable<result<fair_pool>> remove_pool(std::string name) = 0;
    /// For a fetch in it: a rule that was just set may not be durable yet. `pools` tells only what
    /// is.
    virtual asio::awaitable<result<fair_pool>> pool(std::string name) = 0;
    virtual asio::awaitable<result<std::vector<std::pair<std::string, fair_pool>>>>
    pools() = 0;  ///< by name
    /// What was handed out of each queue lately, by name.
    virtual asio::awaitable<result<std::vector<queue_starts>>> starts() = 0;

    /// Subscriptions to events. From now on each event that one wants leaves a job of type
    /// `webhook_job_type` in `webhook_queue`, which is durable together with what the event tells;
    /// with the disk nearly full, or no room in the backlog, it is counted and left out. Events of
    /// deliveries themselves are not delivered. Errors: validation_failed (too many), store_failed.
    virtual asio::awaitable<result<webhook_subscription>> add_webhook(
        webhook_subscription subscription) = 0;
    /// Errors of the rest: not_found, store_failed.
    /// `check` is asked on the executor, of the subscription as it is right before the change; its
    /// error is the answer, and nothing happens. Empty: nothing is asked. So with the other two.
    virtual asio::awaitable<result<webhook_subscription>> change_webhook(std::string id,
                                                                         webhook_change change,
                                                                         webhook_check check) = 0;
    virtual asio::awaitable<result<webhook_subscription>> remove_webhook(std::string id,
                                                                         webhook_check check) = 0;
    virtual asio::awaitable<result<webhook_subscription>> webhook(std::string id) = 0;
    virtual asio::awaitable<result<std::vector<webhook_subscription>>>
    webhooks() = 0;  ///< oldest first
    /// Has one event of type `webhook_test_type` delivered, tried once; answers the job. Errors
    /// also: overloaded, disk_low, shutting_down.
    virtual asio::awaitable<result<job_record>> test_webhook(std::string id,
                                                             webhook_check check) = 0;

    /// Registers a cron job, or changes the one of that name; one whose schedule stays keeps its
    /// next time. A job it makes, the time it was made and the next time are durable together.
    /// Errors: invalid_request (expression, time zone), validation_failed (too many), conflict (one
    /// of that name was deleted whose jobs, in another queue, have not ended), store_failed.
    virtual asio::awaitable<result<cron_change>> set_cron(cron_definition definition) = 0;
    /// Errors of the rest: not_found, store_failed, and invalid_request of the first and the last
    /// when the machine no longer knows the time zone.
    virtual asio::awaitable<result<cron_record>> enable_cron(std::string name, bool enabled) = 0;
    /// Jobs it has made stay, and wait for one another as before.
    virtual asio::awaitable<result<cron_record>> remove_cron(std::string name) = 0;
    virtual asio::awaitable<result<cron_record>> cron(std::string name) = 0;
    virtual asio::awaitable<result<std::vector<cron_record>>> crons() = 0;  ///< by name
    /// The next times of its schedule.
    virtual asio::awaitable<result<std::vector<cron_occurrence>>> preview_cron(
        std::string name, std::size_t count) = 0;

    /// Stores a workflow and all its jobs, those that wait for others as pending. What becomes of
    /// it is written with the end of the job that brings it about. Errors: those of push that are
    /// not about unique jobs or ids; overloaded also when there are too many unfinished ones.
    virtual asio::awaitable<result<workflow_answer>> push_workflow(workflow_request request) = 0;
    /// Errors: not_found, store_failed.
    virtual asio::awaitable<result<workflow_view>> workflow(uuid id) = 0;
    /// Jobs that run may come to their end, all others are cancelled. Errors: not_found, conflict
    /// (it has ended), store_failed.
    virtual asio::awaitable<result<workflow_view>> cancel_workflow(uuid id) = 0;
    virtual asio::awaitable<result<workflow_page>> workflows(workflow_query query) = 0;

    virtual asio::awaitable<result<event_page>> events(event_query query, std::stop_token stop) = 0;

    /// Empties everything: jobs, history, keys, workers. For conformance runs.
    virtual asio::awaitable<result<void>> reset() = 0;

    virtual backend_health health() const = 0;

    /// From now on no grants; waiting fetches, waits and events return what they have; heartbeats
    /// answer `quiet`; push is refused with shutting_down. Idempotent.
    virtual void begin_drain() = 0;

    /// Gives every job that an in-server worker still holds back without spending an attempt, makes
    /// all durable and stops the threads. Call after begin_drain and after the in-server workers
    /// have stopped.
    virtual asio::awaitable<void> shut_down() = 0;
};

/// Worker id under which in-server workers hold leases. Such leases end with the process. Ids that
/// begin with "sluice." are refused from clients.
inline constexpr std::string_view in_server_worker_id = "sluice.server";

}  // namespace sluice
