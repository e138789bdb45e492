#pragma once

#include "server/queue/commit_gate.hpp"
#include "server/queue/commit_gathering.hpp"
#include "server/queue/engine.hpp"
#include "server/queue/local_backend.hpp"
#include "server/queue/room_line.hpp"
#include "server/runtime/notifier.hpp"
#include "server/runtime/run_blocking.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

namespace sluice {

/// The engine with its store, its threads and its timer. Everything but the store's blocking calls
/// runs on `executor_`.
class local_backend final : public backend {
public:
    local_backend(asio::any_io_executor executor, std::unique_ptr<job_store> store,
                  local_backend_options options);
    ~local_backend() override;

    /// Restores the live jobs, writes what that changed and arms the timers. Throws store_error.
    void start();

    asio::awaitable<result<push_answer>> push(push_request request) override;
    asio::awaitable<result<push_each_answer>> push_each(push_each_request request) override;
    asio::awaitable<result<job_record>> info(uuid id) override;
    asio::awaitable<result<job_explanation>> explain(uuid id, queue_filter may_see) override;
    asio::awaitable<result<job_record>> wait(uuid id, std::chrono::milliseconds wait,
                                             std::stop_token stop) override;
    asio::awaitable<result<job_record>> watch(uuid id,
                                              std::function<bool(const job_record&)> enough,
                                              std::chrono::milliseconds wait,
                                              std::stop_token stop) override;
    asio::awaitable<result<change_answer>> cancel(uuid id) override;
    asio::awaitable<result<change_answer>> cancel_in(uuid id, job_state state) override;
    asio::awaitable<result<change_answer>> activate(uuid id) override;
    asio::awaitable<result<std::vector<job_record>>> fetch(fetch_request request,
                                                           std::stop_token stop) override;
    asio::awaitable<result<change_answer>> ack(ack_request request) override;
    asio::awaitable<result<change_answer>> nack(nack_request request) override;
    asio::awaitable<result<answers_outcome>> answer_many(answers_request request) override;
    asio::awaitable<result<change_answer>> report_progress(progress_request request) override;
    asio::awaitable<result<log_receipt>> append_log(append_log_request request) override;
    asio::awaitable<result<log_page>> read_log(log_query query, std::stop_token stop) override;
    asio::awaitable<result<change_answer>> delegate(delegate_request request) override;
    void on_run_lost(std::function<void(const lease_token&)> tell) override {
        run_lost_ = std::move(tell);
    }
    void run_returned(const lease_token& lease) override;
    asio::awaitable<result<heartbeat_answer>> heartbeat(heartbeat_request request) override;
    asio::awaitable<result<job_record>> retry_dead_letter(uuid id) override;
    asio::awaitable<result<void>> delete_dead_letter(uuid id) override;
    asio::awaitable<result<void>> delete_job(uuid id) override;
    asio::awaitable<result<dead_letter_summary>> dead_letters() override;
    asio::awaitable<result<redrive_view>> begin_redrive(redrive_request request) override;
    asio::awaitable<result<redrive_view>> cancel_redrive(std::string id,
                                                         redrive_check check) override;
    asio::awaitable<result<redrive_view>> redrive(std::string id) override;
    asio::awaitable<result<std::vector<redrive_view>>> redrives() override;
    asio::awaitable<result<job_page>> list(job_query query) override;
    asio::awaitable<result<std::vector<queue_stats>>> queues() override;
    asio::awaitable<result<queue_latency>> latency(latency_query query) override;
    asio::awaitable<result<std::vector<latency_counts>>> latency_counted() override;
    asio::awaitable<result<std::vector<objective_status>>> objectives() override;
    asio::awaitable<result<queue_stats>> pause_queue(std::string name, bool paused) override;
    asio::awaitable<result<std::vector<worker_info>>> workers(
        std::optional<std::string> only) override;
    asio::awaitable<result<worker_info>> quiet_worker(std::string id, bool quiet) override;
    asio::awaitable<result<limit_info>> rate_limit(std::string key) override;
    asio::awaitable<result<limit_page>> rate_limits(limit_query query) override;
    asio::awaitable<result<limit_info>> override_limit(
        std::string key, std::optional<limit_override> given) override;
    asio::awaitable<result<queue_stats>> configure_queue(std::string name,
                                                         queue_config_change change) override;
    backend_stats stats() const override { return engine_.stats(now()); }
    asio::awaitable<result<pool_change>> set_pool(std::string name, fair_pool pool) override;
    asio::awaitable<result<fair_pool>> remove_pool(std::string name) override;
    asio::awaitable<result<fair_pool>> pool(std::string name) override;
    asio::awaitable<result<std::vector<std::pair<std::string, fair_pool>>>> pools() override;
    asio::awaitable<result<std::vector<queue_starts>>> starts() override;
    asio::awaitable<result<webhook_subscription>> add_webhook(
        webhook_subscription subscription) override;
    asio::awaitable<result<webhook_subscription>> change_webhook(std::string id,
                                                                 webhook_change change,
                                                                 webhook_check check) override;
    asio::awaitable<result<webhook_subscription>> remove_webhook(std::string id,
                                                                 webhook_check check) override;
    asio::awaitable<result<webhook_subscription>> webhook(std::string id) override;
    asio::awaitable<result<std::vector<webhook_subscription>>> webhooks() override;
    asio::awaitable<result<job_record>> test_webhook(std::string id, webhook_check check) override;
    asio::awaitable<result<cron_change>> set_cron(cron_definition definition) override;
    asio::awaitable<result<cron_record>> enable_cron(std::string name, bool enabled) override;
    asio::awaitable<result<cron_record>> remove_cron(std::string name) override;
    asio::awaitable<result<cron_record>> cron(std::string name) override;
    asio::awaitable<result<std::vector<cron_record>>> crons() override;
    asio::awaitable<result<std::vector<cron_occurrence>>> preview_cron(std::string name,
                                                                       std::size_t count) override;
    asio::awaitable<result<workflow_answer>> push_workflow(workflow_request request) override;
    asio::awaitable<result<workflow_view>> workflow(uuid id) override;
    asio::awaitable<result<workflow_view>> cancel_workflow(uuid id) override;
    asio::awaitable<result<workflow_page>> workflows(workflow_query query) override;
    asio::awaitable<result<event_page>> events(event_query query, std::stop_token stop) override;
    asio::awaitable<result<void>> reset() override;
    backend_health health() const override;
    void begin_drain() override;
    asio::awaitable<void> shut_down() override;

private:
    /// A fetch that waits; lives in the frame of its coroutine.
    struct parked_fetch {
        explicit parked_fetch(const asio::any_io_executor& executor) : woken(executor) {}
        std::vector<given_lease> leases;
        bool done = false;
        notifier woken;
    };
    /// One who waits for what happens to one job, or for lines of its log.
    struct follower {
        explicit follower(const asio::any_io_executor& executor) : woken(executor) {}
        void wake() {
            changed = true;
            woken.notify_all();
        }
        bool changed = false;
        notifier woken;
    };
    using followers = std::multimap<uuid, std::shared_ptr<follower>>;
    using ids = std::vector<uuid>;

    instant now() const { return options_.now(); }
    error failure() const;
    static error missing(const uuid& id);

    // Commits
    void after_command();
    journal_batch take_batch();
    void start_commit();
    bool can_commit_in_place(std::size_t bytes_max, std::chrono::microseconds latency_max) const;
    bool commits_alone() const;
    bool can_gather() const;
    void gather();
    void commit_in_place();
    struct commit_report {
        commit_outcome outcome;
        bool purged = false;  ///< it was asked to purge, and nothing more has expired
    };
    struct expiry {
        timestamp by;
        std::size_t rows_max = 0;
    };
    expiry purge_along(const journal_batch& batch);
    commit_report commit(const journal_batch& batch, expiry expired);
    commit_outcome commit_with_patience(const journal_batch& batch);
    void on_committed(const commit_report& report, std::chrono::steady_clock::time_point begun);
    void fail(const std::string& reason);
    asio::awaitable<bool> durable(std::uint64_t batch);
    asio::awaitable<result<change_answer>> settle(result<change_answer> answer, uuid id);
    template <class Answer>
    asio::awaitable<result<Answer>> settle_all(result<Answer> answer);

    result<change_answer> named_answer(result<change_answer> answer, const uuid& id) const;
    asio::awaitable<result<change_answer>> with_fetch(result<change_answer> answer, uuid id,
                                                      std::optional<fetch_request> request);

    // Loads
    asio::awaitable<result<workflow_record>> read_workflow(uuid id);
    asio::awaitable<bool> past_reset();
    /// What `read` makes of the store, on the reader's thread. Nothing: that failed, and with it
    /// the backend.
    template <class Read>
    asio::awaitable<std::optional<std::invoke_result_t<Read&>>> read_store(Read read) {
        auto attempt = [&read]() -> std::optional<std::invoke_result_t<Read&>> {
            try {
                return read();
            } catch (const std::exception&) {
                return std::nullopt;
            }
        };
        auto made = co_await run_blocking(reader_thread_, attempt);
        if (!made) fail("A read of the store failed.");
        co_return made;
    }
    asio::awaitable<result<change_answer>> cancel_if(uuid id, std::optional<job_state> only);
    asio::awaitable<bool> load(uuid id);
    asio::awaitable<bool> make_resident(ids wanted);
    using removal = result<void> (engine::*)(const uuid& id, instant now);
    asio::awaitable<result<void>> remove(uuid id, removal how);
    asio::awaitable<result<ids>> find_replay(idempotency_key key);
    asio::awaitable<result<push_answer>> replay(ids jobs,
                                                std::function<bool(std::string_view)> may_touch);
    asio::awaitable<bool> load_duplicates(std::vector<unique_lookup> lookups, std::uint64_t load);
    asio::awaitable<result<std::optional<std::uint64_t>>> prepare_jobs(std::vector<job_spec>& jobs);
    asio::awaitable<result<std::optional<std::uint64_t>>> load_known(
        const std::vector<job_spec>& jobs);
    asio::awaitable<result<push_answer>> push_patiently(push_request request);

    // local_backend_push_each.cpp
    result<pushed_job> store_one(job_spec spec, const push_each_request& request,
                                 durability_class& asked);
    bool has_to_wait(const job_spec& spec) const;
    asio::awaitable<bool> until_less_waits();

    void leave_room_line(room_line::place& mine);
    asio::awaitable<result<push_answer>> look_up_and_store(push_request request);
    asio::awaitable<result<push_answer>> store(push_request request,
                                               std::optional<std::uint64_t> load);
    void start_wanted_loads();
    void start_redrive_reads();
    void recheck_disk();

    // Logs
    asio::awaitable<bool> learn_log(uuid id);
    asio::awaitable<result<log_page>> look_at_log(log_query query);

    // Followers
    static void wake(const followers& those, const uuid& id);
    static void wake_all(const followers& those);
    void wake_all_followers();
    std::function<void()> waker(std::shared_ptr<follower> one) const;

    // Grants and timers
    void collect_grants();
    void tell_of_lost_runs();
    void tell_of_events();
    bool deliver_grants();
    void deliver(std::uint64_t taker, std::vector<given_lease> leases);
    asio::awaitable<result<std::vector<job_record>>> await_grant(fetch_outcome outcome,
                                                                 std::stop_token stop);
    void arm_timer();
    void arm_purge(std::chrono::steady_clock::duration delay);
    void purge();
    void end_purge();
    void arm_expiry(std::chrono::steady_clock::duration delay);
    void expire_dead_letters();
    void drop_dead_letters(std::vector<job_record> found, std::uint64_t load);

    asio::any_io_executor executor_;
    std::unique_ptr<job_store> store_;
    local_backend_options options_;
    engine engine_;
    commit_gate gate_;
    commit_gathering gathering_;

    std::uint64_t under_way_ = 0;  ///< number of the batch being committed; 0: none
    std::uint64_t commits_ = 0;
    std::uint64_t pushed_ = 0;
    std::uint64_t finished_ = 0;
    bool commit_posted_ = false;       ///< the next one is about to be taken
    bool commit_thread_busy_ = false;  ///< with the store, other than by a commit
    bool failed_ = false;
    bool closed_ = false;  ///< the store is being closed; nothing more is asked of it
    bool disk_full_ = false;
    bool disk_check_running_ = false;
    timestamp committed_at_;
    std::chrono::microseconds commit_latency_{0};

    std::deque<grant> held_grants_;  ///< wait for their batch
    std::unordered_map<std::uint64_t, parked_fetch*> parked_;
    std::map<uuid, std::shared_ptr<notifier>> job_waits_;
    followers log_readers_;
    followers watchers_;
    room_line room_line_;
    std::function<void(const lease_token&)> run_lost_;
    notifier new_events_;
    std::uint64_t events_told_ = 0;  ///< the latest event that those who wait have been woken for
    asio::steady_timer timer_;
    /// What the timer was last set, or need not be set anew, for.
    engine::next_times timer_looked_at_;
    std::chrono::steady_clock::time_point timer_set_for_ =
        std::chrono::steady_clock::time_point::max();
    asio::steady_timer purge_timer_;
    asio::steady_timer expiry_timer_;      ///< of dead letters
    bool purging_ = false;                 ///< there may be rows whose retention has passed
    std::uint64_t purge_seen_ = 0;         ///< commits when that was looked at last
    std::size_t written_since_purge_ = 0;  ///< jobs

    std::mutex room_mutex_;  ///< guards `closing_`, for the commit thread's wait for disk space
    std::condition_variable room_wanted_;
    bool closing_ = false;

    std::shared_ptr<local_backend*>
        self_;  ///< null inside once this is gone; for what threads post back
    asio::thread_pool commit_thread_{1};
    asio::thread_pool reader_thread_{1};
};

inline std::chrono::microseconds since(std::chrono::steady_clock::time_point begun) {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                 begun);
}

/// Lets go of an answer once all that was changed so far is durable.
template <class Answer>
asio::awaitable<result<Answer>> local_backend::settle_all(result<Answer> answer) {
    const auto batch = engine_.gate();
    after_command();
    const bool ok = co_await durable(batch);
    if (!ok) co_return failure();
    co_return answer;
}

}  // namespace sluice
