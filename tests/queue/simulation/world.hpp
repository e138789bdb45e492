#pragma once

#include "tests/queue/simulation/history.hpp"
#include "tests/support/engine_fixture.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sluice::test {

/// What is done wrong on purpose, to see that it is noticed.
struct wrongdoing {
    bool answer_at_once = false;         ///< answers are let go before their batch is durable
    bool forget_to_sync = false;         ///< the disk says ok to a sync and does none
    bool forget_epoch = false;           ///< the store opens with the epoch of the time before
    bool read_behind_its_back = false;   ///< the engine is told of a load only when it is done
    bool leave_logs_unread = false;      ///< every log is taken for one that is empty so far
    bool write_crons_late = false;       ///< what becomes of a cron job is written a batch too late
    bool forget_pauses = false;          ///< pauses are not written
    bool write_workflows_late = false;   ///< what becomes of a workflow is written a batch too late
    bool overlook_duplicates = false;    ///< jobs at rest are not looked at when a unique one comes
    bool forget_settings = false;        ///< a restart restores nothing of what was set
    bool forget_limits = false;          ///< what a restart restores has no limits
    bool write_deliveries_late = false;  ///< deliveries of events are written a batch too late
    bool forget_fairness = false;        ///< what a restart restores has no fairness keys
    bool lose_follow_ups = false;        ///< one that a completion stores is not written
    bool overstate_durability = false;   ///< every answer to a push says that it was synced
    bool write_redrives_late = false;    ///< what a redrive has sent is written a batch too late
    bool forget_redrives = false;        ///< a restart restores those as they began
};

/// The engine, a disk, and some clients and workers who do not mean well, all from one seed.
///
/// Everything that takes time in the real server takes a random number of steps here: commits,
/// reads of the store, timers. Process crashes and power losses come at any point between.
class world {
public:
    world(std::uint64_t seed, wrongdoing wrong);

    /// Does `steps` random things, then lets everything calm down; tells what was seen.
    history run(std::size_t steps);

private:
    struct fetch_of {
        moment begun = 0;
        std::chrono::microseconds begun_at{0};
        fetch_request request;
    };
    struct held_lease {
        uuid id;
        std::string args;
        std::string worker;
        lease_token lease;
    };
    struct known_job {
        uuid id;
        std::string args;
    };
    /// A command that waits for jobs to be read.
    struct waiting_command {
        std::vector<uuid> ids;
        std::vector<std::uint64_t> loads;
        bool was_read = false;
        std::vector<std::optional<job_store::found_job>> found;
        std::vector<unique_lookup> lookups;
        std::vector<std::vector<job_store::found_job>> duplicates;
        std::optional<std::uint64_t> guard;  ///< the load that keeps what the lookups brought in
        std::function<void()> go_on;
    };
    struct waiting_load {
        wanted_load wanted;
        bool was_read = false;
        std::vector<job_record> records;
        std::vector<job_results> results;
    };
    struct waiting_redrive {
        redrive_read read;
        bool was_read = false;
        job_page found;
    };

    // world.cpp: the owner's side
    void boot();
    void stop(bool power);
    void step();
    void after_command();
    void commit_step();
    void reset();
    void load_step();
    void redrive_load_step();
    void pass_time();
    void hold(std::uint64_t gate, std::function<void()> answer);
    void let_go(std::uint64_t committed);
    void with_jobs(std::vector<uuid> ids, std::function<void()> go_on,
                   std::vector<unique_lookup> lookups = {});
    void read_for(waiting_command& command);
    void admit_for(waiting_command command);
    void deliver(const fetch_of& fetch, const std::vector<given_lease>& leases);
    // ending.cpp
    void calm_down();
    void quiesce();
    void drain_of_work();
    void look_at_the_end();
    void count();
    void look_for_forgotten_takers();
    void note_handled(const fetch_request& request, const std::vector<given_lease>& leases);
    std::size_t handled_runs() const;
    void note_returned(const lease_token& lease);
    void return_runs();

    // clients.cpp: what clients and workers do
    void client_step();
    void push_something();
    void push(push_request request, push_call call);
    void repeat_a_push();
    job_spec random_job(pushed_job& told);
    void fetch_something();
    void fetch(fetch_request request);
    void answer_something();
    void ack(held_lease held);
    void nack(held_lease held, nack_request request, verb what);
    void beat();
    void say_something();
    void say(held_lease held, std::size_t at, std::vector<log_text> lines);
    void about_a_job();
    void change(verb what, known_job job);
    void look(known_job job);
    void leave();
    template <class T>
    void finish(std::size_t at, std::uint64_t gate, result<T> answer,
                std::function<void(job_call&, const T&)> note);

    // schedules.cpp
    void schedule_step();
    void set_cron();
    void remove_cron(const std::string& name);
    void pause(const std::string& queue, bool paused);
    void spoil(journal_batch& batch);
    void look_at_schedules();
    void end_schedules();
    bool is_paused(const std::string& queue) const;
    /// What all jobs made by schedules are called; which is which says their meta.
    static constexpr std::string_view made_args = R"(["made"])";
    static bool was_made(const job_spec& spec) { return spec.args == made_args; }
    static made_job made_of(const job_record& record);

    // uniques.cpp: jobs with unique keys, looked at apart from all others
    void unique_step();
    job_spec unique_job(std::uint8_t number, conflict_policy on_conflict);
    void push_unique(push_request request, bool must_store);
    void look_at_uniques();
    void end_uniques();
    static bool is_unique(const job_spec& spec);

    // workflows.cpp: workflows, whose jobs are looked at apart as well
    void workflow_step();
    workflow_definition random_workflow();
    void delay_workflows(journal_batch& batch);
    void look_at_workflows(bool at_rest);
    static bool is_of_workflow(const job_spec& spec);

    // deliveries.cpp
    void subscribe();
    void delivery_step();
    void pool_step();
    void delay_deliveries(journal_batch& batch);
    void look_at_deliveries();
    static bool is_delivery(const job_spec& spec);

    // redrives.cpp
    void redrive_step();
    void push_redriven();
    void work_on_redriven();
    void begin_redrive();
    void delay_redrives(journal_batch& batch);
    void wrong_redrive(const std::string& what);
    void look_at_redrive_batch(const journal_batch& batch);
    void look_at_redrives();
    void end_redrives();
    static bool is_redriven(const job_spec& spec);

    // follow_ups.cpp
    std::vector<job_spec> some_follow_ups(const uuid& parent);
    static void lose_follow_up(journal_batch& batch);
    void look_at_follow_ups();
    static bool is_follow_up(const job_spec& spec);

    // bounds.cpp
    void bound_step();
    std::uint64_t bounded_depth() const;
    void look_at_bound(std::uint64_t depth_before);

    // limits.cpp
    void add_limit(job_spec& spec);
    bool has_room(const job_spec& spec) const;
    void look_at_limits();

    // chance
    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    std::chrono::milliseconds up_to(std::uint64_t ms) {
        return std::chrono::milliseconds{static_cast<std::int64_t>(below(ms + 1))};
    }
    template <class T>
    const T& any(const std::vector<T>& of) {
        return of[below(of.size())];
    }
    moment next() { return ++now_; }

    std::mt19937_64 random_;
    wrongdoing wrong_;
    fake_clock clock_;
    engine_config config_;
    std::shared_ptr<memory_disk> disk_ = std::make_shared<memory_disk>();
    std::unique_ptr<job_store> store_;
    std::unique_ptr<engine> engine_;
    std::uint64_t boots_ = 0;
    bool resets_ = false;     ///< everything is emptied now and then
    bool schedules_ = false;  ///< there are cron jobs and pauses
    bool uniques_ = false;    ///< there are jobs with unique keys
    bool workflows_ = false;  ///< there are workflows
    bool limits_ = false;     ///< there are jobs with rate limits
    bool fairness_ = false;   ///< there are jobs with fairness keys
    bool webhooks_ = false;   ///< somebody has subscribed to events
    bool bounds_ = false;     ///< a queue has a bound now and then
    bool pools_ = false;      ///< some ask by the rule of a pool
    bool redrives_ = false;   ///< dead letters are sent back now and then
    bool calm_ = false;

    moment now_ = 0;
    history seen_;
    std::multimap<std::uint64_t, std::function<void()>> held_;
    std::optional<journal_batch> committing_;
    bool written_ = false;
    std::vector<cron_write> late_crons_;
    std::map<std::string, std::uint64_t> turns_;  ///< how often each was registered or removed
    std::map<std::string, overlap_policy> registered_;  ///< cron jobs that were confirmed
    std::vector<workflow_write> late_workflows_;
    std::vector<job_write> late_deliveries_;
    std::vector<uuid> known_workflows_;  ///< that were confirmed
    bool weak_pushes_ = false;           ///< some jobs ask for less than a sync
    bool drops_oldest_ = false;          ///< is what that queue does when it is full
    queue_bound confirmed_bound_;        ///< empty: it has none, or that is not known
    std::uint64_t bound_turn_ = 0;
    std::vector<waiting_command> commands_;
    std::vector<waiting_load> loads_;
    std::vector<waiting_redrive> redrive_loads_;
    std::vector<setting_record> late_redrives_;
    std::vector<std::string> redrives_begun_;  ///< those that were confirmed
    std::vector<held_lease> redriven_held_;
    std::map<std::uint64_t, fetch_of> parked_;
    struct handled_run {
        given_lease lease;
        bool limited = false;
    };
    std::vector<handled_run> handled_;  ///< in-server runs whose handler has not returned

    std::uint64_t names_ = 0;
    std::vector<std::pair<push_request, push_call>> repeatable_;
    std::vector<known_job> known_;
    std::vector<held_lease> leases_;  ///< all that were ever given, the latest last
};

}  // namespace sluice::test
