#pragma once

#include "proto/limits.hpp"
#include "proto/queue_config.hpp"
#include "proto/requests.hpp"
#include "server/queue/backend.hpp"
#include "server/queue/engine_state.hpp"
#include "server/queue/unique_plan.hpp"
#include "server/rules/retry.hpp"
#include "server/rules/transitions.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice {

/// The local queue as a value machine: commands go in with the time; answers, journal batches and
/// grants come out. The same inputs give the same outputs. No I/O, no clock, no locks; one thread.
///
/// The engine is speculative: it changes its memory at once and numbers the batch that will make
/// the change durable. The owner must hold back every answer until `gate()` (or the gate in the
/// answer) has been committed, and must stop for good when a commit fails; then nobody ever sees a
/// state that a crash could take back.
///
/// A job is either resident (the engine's copy is the truth) or at rest (the store's is), never
/// both. Commands on a job at rest need it loaded first: `resident(id)`, then `begin_load`, a read
/// of the store, `admit`. A job stays until every load that began before its latest change was
/// committed has ended, so a copy read from the store can be out of date only for a job that is
/// resident meanwhile, and `admit` drops it then. Loads that begin later do not keep it: memory is
/// let go of although some load is always under way.
class engine : private engine_state {
public:
    engine(engine_config config, std::uint64_t seed, instant now);

    // -- restore: before any command; queues, cron jobs and workflows before the jobs ------------
    void restore_waiting(const waiting_job& job);
    void restore_queue(std::string_view name, bool paused);
    void restore_setting(const setting_record& setting);
    void restore_dead_letters(std::string_view queue, std::uint64_t count);
    void restore_cron(cron_record record);
    void restore_workflow(workflow_record record);
    void boot(const restore_summary& summary);
    void restore_active(job_record record, instant now);

    // -- residency -------------------------------------------------------------------------------
    bool resident(const uuid& id) const { return find(id) != nullptr; }
    /// Returns the number of the load, to be passed to `admit` or `end_load`.
    std::uint64_t begin_load();
    /// Keeps a resident job until the loads under way have ended: for a command that waits for
    /// others. Call after its begin_load.
    void keep(const uuid& id);
    /// Ends a load. `found` is what the store gave; ignored when the job is resident by now or
    /// everything was reset meanwhile.
    void admit(std::optional<job_store::found_job> found, std::uint64_t load);
    /// Ends a load without a record, such as that of an idempotency key.
    void end_load(std::uint64_t load);

    std::vector<wanted_load> take_wanted();
    /// `results`: of all `wanted.parents`.
    void admit_wanted(const wanted_load& wanted, std::vector<job_record> records,
                      std::vector<job_results> results, instant now);

    // -- commands --------------------------------------------------------------------------------
    key_table::state find_key(const idempotency_key& key, instant now) const {
        return keys_.find(key, now.wall, committed_batch_);
    }

    /// What one lookup found; `load` began before the read and ends after the push. Returns the
    /// next lookup when all it found was resident, so that older ones may count as well.
    std::optional<unique_lookup> admit_unique(unique_lookup lookup,
                                              std::vector<job_store::found_job> found,
                                              std::uint64_t load);
    /// All of `unique_lookups(request.jobs)` must have been admitted.
    result<push_outcome> push(push_request request, instant now);

    fetch_outcome fetch(const fetch_request& request, instant now);
    /// A taker that waits no more. Grants it was given meanwhile still come out of take_grants.
    /// False when it had been answered already.
    bool abandon(std::uint64_t waiting);

    /// Errors also: those of push, of its follow-ups; then nothing of it has happened. What these
    /// may be duplicates of must have been admitted.
    result<change_answer> ack(const ack_request& request, instant now);
    result<change_answer> nack(const nack_request& request, instant now);
    /// `only`: in this state, else conflict.
    result<change_answer> cancel(const uuid& id, instant now, std::optional<job_state> only = {});
    result<change_answer> activate(const uuid& id, instant now);
    result<job_record> retry_dead_letter(const uuid& id, instant now);
    result<void> delete_dead_letter(const uuid& id, instant now);
    result<void> delete_job(const uuid& id, instant now);
    result<change_answer> report_progress(const progress_request& request, instant now);
    result<change_answer> delegate(const delegate_request& request, instant now);
    result<heartbeat_answer> heartbeat(const heartbeat_request& request, instant now);

    /// Whether `append_log` may be called for this resident job: where its log ends is known. If
    /// not, read that from the store between `begin_load` and `learn_log`.
    bool knows_log(const uuid& id) const;
    void learn_log(const uuid& id, const log_end& end, std::uint64_t load);
    /// While it is false more log is on its way to the disk than should be.
    bool log_has_room() const;
    result<log_outcome> append_log(append_log_request request, instant now);
    /// Jobs with lines in the batch that was committed last.
    const std::vector<uuid>& logged() const { return logged_; }

    /// Why the job does not run. Errors: not_found.
    /// `may_see`: of other queues, and what is shared with these, no more is told than that it is
    /// so.
    result<job_explanation> explain(const uuid& id, instant now, const queue_filter& may_see = {});
    result<job_record> info(const uuid& id) const;
    /// The same without a copy: null when it is not known here, else valid until the next call.
    const job_record* peek(const uuid& id) const;
    std::vector<queue_stats> queues() const;
    /// Nobody is given a job of a paused queue; it takes jobs, and those that run go on. Makes the
    /// queue known.
    queue_stats pause_queue(std::string_view name, bool paused, instant now);

    std::vector<worker_info> workers(const std::optional<std::string>& only) const;
    result<worker_info> quiet_worker(const std::string& id, bool quiet);
    backend_stats stats(instant now) const;
    /// Errors: not_found (no such queue).
    result<queue_latency> latency(const latency_query& query, instant now) const;
    std::vector<latency_counts> latency_counted() const { return latency_.counts(); }
    std::vector<objective_status> objectives(instant now) const;
    /// Runs that ended since the last call and took long, as the configuration has it; of a flood
    /// the first few.
    std::vector<slow_run> take_slow_runs() { return slow_runs_.take(); }
    result<limit_info> rate_limit(std::string_view key, instant now) const;
    limit_page rate_limits(const limit_query& query, instant now) const;
    limit_info override_limit(std::string_view key, std::optional<limit_override> given,
                              instant now);
    queue_stats configure_queue(std::string_view name, const queue_config& config, instant now);
    queue_config config_of(std::string_view queue) const;
    /// How many jobs the queue takes now.
    std::uint64_t room(std::string_view queue) const;
    /// Whether so many jobs have only to wait for room in this queue.
    bool may_wait(std::string_view queue, std::uint64_t count, bool insists = false) const;
    /// The first of these queues that has no room for so many jobs and wants producers to wait.
    std::optional<std::string> blocked_at(const std::map<std::string, std::uint64_t>& counts,
                                          bool insists = false) const;
    /// Queues where that may have become more since the last call.
    std::set<std::string> take_roomy() { return std::exchange(roomy_, {}); }

    result<pool_change> set_pool(std::string_view name, fair_pool pool);
    result<fair_pool> remove_pool(std::string_view name);
    result<fair_pool> pool(std::string_view name) const;
    std::vector<std::pair<std::string, fair_pool>> pools() const;
    std::vector<queue_starts> starts(instant now) const;

    result<webhook_subscription> add_webhook(webhook_subscription subscription, instant now);
    result<webhook_subscription> change_webhook(std::string_view id, webhook_change change,
                                                instant now, const webhook_check& check = {});
    result<webhook_subscription> remove_webhook(std::string_view id,
                                                const webhook_check& check = {});
    result<webhook_subscription> webhook(std::string_view id) const;
    std::vector<webhook_subscription> webhooks() const;
    result<job_record> test_webhook(std::string_view id, instant now,
                                    const webhook_check& check = {});

    result<redrive_view> begin_redrive(redrive_request request, instant now);
    result<redrive_view> cancel_redrive(std::string_view id, instant now,
                                        const redrive_check& check = {});
    result<redrive_view> redrive(std::string_view id) const;
    std::vector<redrive_view> redrives() const;
    /// Dead letters that redrives wait for since the last call. Each must be answered.
    std::vector<redrive_read> take_redrive_reads() { return std::exchange(redrive_reads_, {}); }
    void admit_redrive(const redrive_read& read, job_page found, instant now);

    /// Cron jobs fire in `run_timers`.
    result<cron_change> set_cron(cron_definition definition, instant now);
    result<cron_record> enable_cron(std::string_view name, bool enabled, instant now);
    result<cron_record> remove_cron(std::string_view name);
    result<cron_record> cron(std::string_view name) const;
    std::vector<cron_record> crons() const;
    result<std::vector<cron_occurrence>> preview_cron(std::string_view name, std::size_t count,
                                                      instant now) const;

    result<workflow_record> push_workflow(workflow_definition definition,
                                          std::optional<idempotency_key> key, instant now);
    /// Both know only those with unfinished jobs; the others are at rest. Errors: not_found, and
    /// of the second conflict (it has ended).
    result<workflow_record> workflow(const uuid& id) const;
    result<workflow_record> cancel_workflow(const uuid& id, instant now);
    /// Nodes whose jobs run.
    std::vector<std::size_t> active_nodes(const workflow_record& record) const;
    void reset(instant now);

    /// Expires leases, wakes scheduled jobs and ends long polls whose time has come.
    void run_timers(instant now);
    /// When run_timers is due by either clock; nothing where no timer is set.
    struct next_times {
        std::optional<std::chrono::microseconds> steady, wall;
        friend bool operator==(const next_times&, const next_times&) = default;
    };
    next_times next_timers() const;
    /// How long from `now` until run_timers is due; nothing when no timer is set.
    std::optional<std::chrono::microseconds> next_timer(instant now) const;

    void begin_drain();
    bool draining() const { return draining_; }
    void set_disk_low(bool low) { disk_low_ = low; }
    bool disk_low() const { return disk_low_; }

    // -- journal ---------------------------------------------------------------------------------
    /// The batch an answer given now must wait for. 0: none.
    std::uint64_t gate() const;
    /// The batch that holds the latest change of this job, if it is not committed yet.
    std::uint64_t gate(const uuid& id) const;
    /// What the jobs of a push have reached whose batch this is. 0: they were there before it.
    durability_class reached(std::uint64_t batch) const;
    /// Whether enough waits for the disk that nobody should be answered before it.
    bool overloaded() const { return uncommitted_bytes() > config_.uncommitted_bytes_max; }
    bool crowded() const { return uncommitted_bytes() > config_.uncommitted_bytes_max / 4; }
    /// The batch of a reset that is not durable yet; 0: there is none. What the store gives before
    /// that is void, although a load of it began after the reset.
    std::uint64_t reset_gate() const { return reset_batch_ > committed_batch_ ? reset_batch_ : 0; }
    bool has_changes() const {
        return !changed_.empty() || keys_.has_open() || !pauses_.empty() || !settings_.empty() ||
               crons_.has_changes() || workflows_.has_changes() || !logs_.empty() ||
               !deliveries_.empty() || reset_;
    }
    /// Closes the open batch. At most one batch may be under way.
    journal_batch take_batch(instant now);
    /// The batch under way is durable. Stamps its jobs and lets go of what need not stay.
    /// Returns the ids of the jobs that ended in it.
    std::vector<uuid> committed(instant now);

    std::vector<grant> take_grants() { return std::exchange(grants_, {}); }
    /// Records of granted jobs for the answer, as they are now; without those whose lease has ended
    /// meanwhile.
    std::vector<job_record> granted(const std::vector<given_lease>& leases) const;
    /// The same at the moment the taker gets them: from here on the run counts, not from the commit
    /// that allowed it. Not a change of its own; the next one carries it to disk.
    std::vector<job_record> hand_over(const std::vector<given_lease>& leases, instant now);
    /// Lets go of jobs that were loaded for a command which is done.
    void evict_idle(instant now);

    /// Gives back, without spending an attempt, what in-server workers still hold.
    void release_in_server(instant now);

    /// The handler of an in-server run has returned, whatever became of its job: from now on it
    /// counts no more against its limit. False when that was known or changes nothing for others.
    bool run_returned(const lease_token& lease, instant now);

    /// In-server runs that lost their job since the last call, other than by their own answer.
    std::vector<lease_token> take_lost_runs() { return std::exchange(lost_runs_, {}); }

    /// Gives grants back that could not be delivered.
    void return_grants(const std::vector<job_record>& jobs, instant now);

    std::uint64_t committed_batch() const { return committed_batch_; }
    event_log& events() { return events_; }
    /// The engine's own clock: the wall clock at its start plus the steady time since. All stamps
    /// come from it.
    timestamp stamp(instant now) const;
    const engine_config& config() const { return config_; }
    /// Of jobs; logs have a bound of their own.
    std::size_t uncommitted_bytes() const { return open_bytes_ + uncommitted_bytes_; }
    std::size_t uncommitted_log_bytes() const { return open_log_bytes_ + uncommitted_log_bytes_; }
    /// False for a worker that said it is quiet or about to end: it is given nothing.
    bool wants_jobs(const std::string& worker_id) const;
    /// Lines that are kept, over all queues.
    std::size_t lane_count() const;
    /// Queues that are kept, those that were only asked for included.
    std::size_t queue_count() const { return queues_.size(); }
    std::size_t resident_count() const { return jobs_.size(); }
    std::size_t workflow_count() const { return workflows_.size(); }
    /// Fairness keys that are kept: over all queues, and of those that had many a while ago.
    std::size_t fairness_key_count() const;
    std::uint64_t granted_total() const { return lease_counter_; }

private:
    // engine.cpp
    resident_job* find(const uuid& id);
    const resident_job* find(const uuid& id) const;
    queue_state& queue_named(std::string_view name);
    ready_lane& lane_of(queue_state& queue, std::string_view type, std::string_view limit_key = {});
    void may_go(const ready_lane& lane);
    void forget_lane(ready_lane& lane);
    void forget_unused();
    void touch(resident_job& job, bool sync);
    void change_state(resident_job& job, rules::job_event event);
    logged_event event_of(const resident_job& job, std::string_view type, timestamp time) const;
    void emit(const resident_job& job, std::string_view type, timestamp time);
    void publish_events();
    void set_lease_timer(resident_job& job, std::chrono::microseconds at);
    void clear_lease_timer(resident_job& job);
    void end_attempt(resident_job& job, lease_outcome outcome, timestamp time);
    void finish(resident_job& job, timestamp time);
    change_answer answer(const resident_job& job, bool repeated) const;

    // engine_latency.cpp
    void record_latency(const resident_job& job, latency_phase phase,
                        std::chrono::microseconds value, timestamp time);
    static timestamp due_time(const job_record& record, std::chrono::microseconds wall_ahead);
    void record_start(resident_job& job, instant now);
    void record_end(const resident_job& job, timestamp time);
    void note_slow(const resident_job& job, timestamp time);

    // engine_objective.cpp
    void put_objective(queue_state& queue, instant now);
    void arm_objective(queue_state& queue, instant now);
    void objective_timer(std::int64_t number, instant now);
    std::uint64_t fresh_in(const queue_state& queue) const;
    void objective_enter(const resident_job& job, instant now);
    void objective_start(const resident_job& job, instant now);
    void emit_objective(const queue_state& queue, std::string_view type, instant now);

    // engine_push.cpp
    std::optional<error> refuse_push(const push_request& request, bool follow_up = false) const;
    struct planned_push;  // below
    result<planned_push> plan(push_request request, const resident_job* ending, instant now);
    push_outcome carry_out(planned_push planned, instant now);
    resident_job& store_new(job_spec spec, instant now);

    // engine_durability.cpp
    durability_class durability_of(const job_spec& spec) const;
    durability_class asked_of(const std::vector<job_spec>& jobs) const;
    void strengthen(resident_job& job);
    void strengthen_known(const std::vector<job_spec>& jobs);

    // engine_bound.cpp
    /// What a command adds to a queue.
    struct queue_growth {
        std::int64_t count = 0;    ///< jobs; those they take the place of are taken off
        std::int64_t leaving = 0;  ///< of the latter: available ones, which make no further room
    };
    using growth = std::map<std::string, queue_growth>;  ///< by queue
    growth growth_of(const cron_entry& entry, const job_spec& spec, bool replaces) const;
    struct planned_push {
        push_request request;
        std::vector<push_plan> plans;
        growth grown;  ///< by what it adds
        growth over;   ///< by what has to be dropped for it
    };
    growth growth_of(const push_request& request, const std::vector<push_plan>& plans) const;
    growth growth_of(const workflow_definition& definition) const;
    void take_off(growth& more, const resident_job& job) const;
    std::optional<error> find_room(growth& more, std::string_view type, instant now);
    void settle_room(const growth& dropped, std::int64_t since, instant now);
    std::optional<queue_pressure> pressure_of(const growth& grown) const;
    void follow_depth(queue_state& queue, timestamp time);
    static ready_lane* oldest_lane(const queue_state& queue);
    void drop_oldest(queue_state& queue, std::size_t count, instant now,
                     std::int64_t since = INT64_MAX);
    bool drop_entry(ready_lane& lane, const ready_entry& entry, instant now);
    void drop_from_fair(queue_state& queue, std::size_t count, std::int64_t since, instant now);
    void drop_for_room(resident_job& job, instant now);
    void end_drop(const unread_end& end, resident_job* job, instant now);
    void emit_pressure(const queue_state& queue, std::string_view event_type,
                       std::string_view job_type, timestamp time, std::optional<uuid> job = {});

    // engine_setting.cpp
    void set(setting_kind kind, std::string_view name, std::string value);
    void put_config(queue_state& queue, const queue_config& config, instant now);

    // engine_line.cpp
    void join_line(resident_job& job, instant now);
    void take_place(const resident_job& job);
    void pop_line(ready_lane& lane);
    void leave_line(ready_lane& lane, const ready_entry& entry);
    void enter_window(resident_job& job, std::size_t bytes);
    void leave_window(resident_job& job);
    static ready_lane* best_lane(const queue_state& queue, const fetch_request& request);
    void want_head(ready_lane& lane);
    resident_job* take_next(queue_state& queue, const fetch_request& request, bool& blocked,
                            instant now);

    // engine_limit.cpp
    std::optional<error> refuse_limited(const std::vector<job_spec>& jobs,
                                        const std::vector<push_plan>& plans,
                                        const resident_job* ending, instant now) const;
    void see_rule(const resident_job& job);
    bool has_place(const resident_job& job, instant now) const;
    void explain_limits(const resident_job& job, job_explanation& made, const queue_filter& may_see,
                        instant now) const;
    bool may_start(ready_lane& lane, resident_job& job, instant now);
    void hold_limit(const resident_job& job, timestamp until, instant now);
    void emit_limit(const resident_job& job, std::string_view type, limit_event event,
                    std::uint64_t batch, instant now);
    void close_lane(ready_lane& lane);
    void reopen_lane(ready_lane& lane);
    void reopen_lanes(limit_state& limit);
    void follow_limit(const resident_job& job, job_state from);
    void wake_limit(limit_state& limit, std::chrono::microseconds at);
    void limit_timer(std::int64_t number);
    void discard(resident_job& job, std::string_view code, std::string_view message, instant now);
    limit_info info_of(const limit_state& limit, instant now) const;

    // engine_group.cpp
    limit_state* group_of(const limit_rule& rule);
    std::optional<std::size_t> group_limit(const limit_rule& rule, instant now) const;
    bool group_is_full(const limit_rule& rule, instant now, std::size_t freed = 0) const;
    void see_group(const resident_job& job);
    void enter_group(const resident_job& job);
    void leave_group(const resident_job& job);
    void block_lane(ready_lane& lane, const resident_job& first, instant now);
    void unblock(ready_lane& lane);
    static void renew_blocked(ready_lane& lane);
    void give_room(limit_state& limit);
    void open_blocked(limit_state& group, lane_place place);
    void pass_on_opening(ready_lane& lane);
    void pass_on_group(const resident_job& job);
    void open_all_blocked(limit_state& group);

    // engine_explain.cpp
    job_reason why_pending(const resident_job& job, const queue_filter& may_see);
    bool asked_from_outside(const resident_job& job, instant now) const;
    bool asked_inside(const resident_job& job, instant now) const;
    void explain_line(const resident_job& job, job_explanation& made, const queue_filter& may_see,
                      instant now);

    // engine_fair.cpp
    fair_level& level_of(ready_lane& lane, int priority);
    fair_level& add_level(ready_lane& lane, int priority, std::int64_t now, std::int64_t time);
    void begin_turns(const ready_lane& joined, int priority);
    std::int64_t new_ticket(const resident_job& job);
    bool place_is_taken(const resident_job& job) const;
    std::int64_t ticket_again(const resident_job& job);
    void rejoin_line(resident_job& job, instant now);
    void enter_fair(const resident_job& job);
    void place_beside(resident_job& job);
    void leave_fair(resident_job& job);
    void start_turn(const resident_job& job, fair_level& level);
    void end_level(ready_lane& lane, int priority);
    void end_turns(ready_lane& lane);
    void forget_line(ready_lane& lane, ready_line gone);
    void restore_fair(ready_lane& lane, const waiting_job& job);
    void end_fair_restore();
    void restore_levels(ready_lane& lane);
    void restore_turn(resident_job& job) const;
    void free_fair_levels(std::size_t jobs);

    // engine_fetch.cpp
    static void note_type(queue_state& queue, const std::string& type, instant now);
    void note_asked(const fetch_request& request, instant now);
    bool take(const fetch_request& request, std::vector<given_lease>& leases, instant now);
    bool take_from_any(const fetch_request& request, std::vector<given_lease>& leases, instant now);
    std::uint64_t park(const fetch_request& request,
                       std::optional<std::chrono::microseconds> deadline, bool quiet = false);
    void unpark(std::uint64_t id);
    void end_waits_of(const std::string& worker_id);
    void end_wait_of(const fetch_request& repeated);
    std::optional<std::uint64_t> first_taker(const queue_state& queue) const;
    void dispatch(instant now);
    void offer(queue_state& queue, instant now);
    void offer_to_handlers(instant now);

    // engine_lease.cpp
    given_lease grant_job(resident_job& job, const fetch_request& request, instant now);
    std::uint64_t gate_of_grant(const resident_job& job, const fetch_request& request) const;
    void start_lease(resident_job& job, std::chrono::milliseconds length, instant now);
    static void note_run_left(resident_job& job, instant now);
    void resume_run(resident_job& job, instant now);
    void tell_again(const fetch_request& request, std::vector<given_lease>& leases, instant now);
    void leave_handler(const lease_token& lease);

    // engine_answer.cpp
    result<resident_job*> holder(const uuid& id, const std::optional<lease_token>& lease,
                                 const std::string& worker_id, lease_outcome wanted, instant now,
                                 bool& repeated);
    void cancel_job(resident_job& job, instant now);
    void let_go(resident_job& job, instant now);
    bool may_reclaim(const job_record& record) const;
    void reclaim(resident_job& job, instant now);
    void give_back(resident_job& job, rules::job_event event, lease_outcome outcome, instant now);
    void add_failure(resident_job& job, job_failure failure, instant now);
    void fail(resident_job& job, job_failure failure, bool retryable,
              std::optional<std::chrono::milliseconds> retry_after, std::optional<exhaustion> end,
              lease_outcome outcome, instant now);
    void lapse(resident_job& job, std::string_view why, instant now);
    void expire(resident_job& job, instant now);
    beat_result renew(const heartbeat_job& beat, const heartbeat_request& request, instant now);

    // engine_pool.cpp
    void end_waits_in(std::string_view pool);
    bool take_from_pool(const fetch_request& request, pool_state& pool,
                        std::vector<given_lease>& leases, instant now);

    // engine_redrive.cpp
    redrive_view view_of(const redrive_entry& entry) const;
    void restore_redrive(redrive_record record);
    void forget_old_redrives();
    void keep_redrive(redrive_entry& entry);
    void arm_redrive(redrive_entry& entry, std::chrono::microseconds at);
    void redrive_timer(std::int64_t number, instant now);
    void look_at_redrive(redrive_entry& entry, instant now);
    std::uint64_t room_for(const redrive_entry& entry) const;
    bool must_wait(redrive_entry& entry, std::string_view queue) const;
    bool send_from(redrive_entry& entry, job_page& found, instant now);
    void revive(resident_job& job, instant now);
    void wake_redrives(std::string_view queue, redrive_wait why);
    void redrives_committed(instant now);
    void end_canary(const resident_job& job, timestamp time);

    // engine_webhook.cpp
    result<webhook_subscription*> find_webhook(std::string_view id, const webhook_check& check);
    const webhook_subscription& keep_webhook(webhook_subscription subscription);
    bool keeps_dead_letter(const resident_job& job) const;
    void tell(logged_event event, const resident_job* job = nullptr);
    void make_deliveries(instant now);
    void make_delivery(const webhook_delivery& delivery, instant now);

    // engine_cron.cpp
    void arm_cron(cron_entry& entry);
    bool realign(cron_entry& entry, timestamp now);
    void realign_crons(instant now);
    void cron_timer(std::int64_t number, instant now);
    void run_cron(cron_entry& entry, timestamp scheduled, instant now);
    void cancel_made(std::int64_t seq, instant now);
    void end_read(resident_job& job, instant now);
    void end_cron_job(std::int64_t seq);
    void start_turns(instant now);
    void start_made(resident_job& job, instant now);
    void emit_cron(const cron_entry& entry, std::string_view type, std::string_view reason,
                   timestamp scheduled, std::optional<uuid> job, instant now);

    // engine_workflow.cpp
    void end_workflow_job(const resident_job& job, timestamp time);
    void stop_workflow_job(const resident_job& job);
    void lose_workflow_job(const resident_job& job, timestamp time);
    void revive_workflow_job(const resident_job& job);
    void follow(workflow_entry& entry, const rules::workflow_step& step, timestamp time);
    void start_node(const workflow_entry& entry, resident_job& job, instant now);
    void release_held_nodes(instant now);
    void ask_for_nodes(std::vector<std::int64_t> seqs);
    void resume_workflow_job(const waiting_job& job);

    // engine_run.cpp
    result<resident_job*> running(const uuid& id, const std::optional<lease_token>& lease,
                                  const std::string& worker_id, instant now);
    void hear(resident_job& job, instant now);
    void lose_all_runs();

    // engine_log.cpp
    bool takes_line(const run_log& log, log_stream stream) const;
    bool takes_own_note(const run_log& log) const;
    void put_line(resident_job& job, log_stream stream, std::string text, timestamp time);
    void drop_lines(resident_job& job, std::uint64_t count, timestamp time);
    void tell_dropped(resident_job& job, timestamp time);
    void end_log_of_run(resident_job& job, timestamp time);
    void take_logs(journal_batch& batch);
    void name_logged();
    void logs_committed(instant now);

    // engine_timers.cpp
    void run_timer(const timer& fired, instant now);
    void lease_timer(resident_job& job, instant now);
    void due(std::int64_t seq, instant now);
    void worker_timer(std::int64_t number, instant now);
    void arm_snooze(std::int64_t seq, std::chrono::microseconds until);
    void arm_due(std::int64_t seq, job_state state, timestamp due_at, instant now);
    void request_due_loads();

    // engine_journal.cpp; what restores is in engine_restore.cpp
    resident_job& make_resident(job_record record, job_place place);
    void serve_load_waiters(instant now);
    std::optional<timestamp> purge_time(const resident_job& job) const;
    void stamp_committed(resident_job& job, instant now, std::vector<uuid>& ended);
    bool ended_before(std::uint64_t load) const;
    void evict_later(resident_job& job);
    void keep_or_evict(resident_job& job, instant now);
    void erase_job(std::int64_t seq);
};

}  // namespace sluice
