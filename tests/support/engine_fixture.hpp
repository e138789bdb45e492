#pragma once

#include "server/queue/engine.hpp"
#include "tests/support/memory_store.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

using namespace std::chrono_literals;

/// Two clocks that move only when told to. `jump_wall` is what an operator or NTP does.
struct fake_clock {
    instant now{timestamp{std::chrono::microseconds{1'700'000'000'000'000}}, 5s};

    void advance(std::chrono::microseconds time) {
        now.wall += time;
        now.steady += time;
    }
    void jump_wall(std::chrono::microseconds by) { now.wall += by; }
};

/// As far as tests set the wall clock.
constexpr std::chrono::microseconds month = std::chrono::hours{24 * 30};

/// A job for `queue` that is tried up to three times, one second apart.
job_spec make_spec(std::string queue = "default", std::string type = "work");

/// Every job is at rest whenever it can be.
inline engine_config nothing_kept() {
    engine_config config;
    config.window_jobs = 0;
    config.finished_cache = 0;
    return config;
}

/// A lease of 10 s, which may be lost twice.
inline engine_config short_leases() {
    engine_config config;
    config.visibility_timeout = 10s;
    config.interruptions_max = 2;
    return config;
}

/// Why it was refused, if it was.
template <class T>
std::optional<errc> code_of(const result<T>& answer) {
    if (answer) return std::nullopt;
    return answer.error().code;
}

/// The engine on a memory disk, driven step by step on one thread.
///
/// Every helper below commits and serves loads until nothing is left to do, so that a test reads
/// like a story. With `manual` set nothing is committed or loaded unless the test says so.
class engine_fixture {
public:
    explicit engine_fixture(engine_config config = {});

    fake_clock clock;
    engine_config config;
    std::shared_ptr<memory_disk> disk = std::make_shared<memory_disk>();
    bool manual = false;

    engine& core() { return *engine_; }
    job_store& store() { return *store_; }

    // -- commands; they fail the test when they are refused, unless they return a result
    uuid push(std::string queue = "default");
    uuid push(job_spec spec);
    std::vector<uuid> push_many(std::string queue, int count);
    result<std::vector<job_record>> try_push(push_request request);
    result<push_outcome> push_outcome_of(push_request request);
    int lookup_rounds = 0;  ///< rounds of reads for jobs with unique keys so far

    std::vector<job_record> fetch(fetch_request request);
    std::vector<job_record> fetch(std::string queue = "default", std::size_t count = 1);
    /// Exactly one job, or the test fails.
    job_record fetch_one(std::string queue = "default", std::string worker = "w1");
    /// A fetch that waits; its number.
    std::uint64_t park(fetch_request request);
    /// What a parked fetch was given. Nothing: it still waits. Empty: its wait ended.
    std::optional<std::vector<job_record>> answer_to(std::uint64_t taker);

    result<change_answer> ack(const job_record& granted, raw_json value = {});
    result<change_answer> nack(const job_record& granted);
    result<change_answer> nack(const job_record& granted, nack_request request);
    /// The handler of an in-server run has returned.
    void run_returned(const job_record& granted);
    result<change_answer> cancel(const uuid& id);
    result<change_answer> activate(const uuid& id);
    result<job_record> retry_dead_letter(const uuid& id);
    result<void> delete_dead_letter(const uuid& id);
    /// Its id.
    std::string begin_redrive(redrive_request request);
    redrive_view redrive(const std::string& id);
    heartbeat_answer heartbeat(std::string worker, std::vector<job_record> held = {});

    job_record job(const uuid& id);
    bool known(const uuid& id);
    queue_stats stats(const std::string& queue);

    // -- time
    void run_timers();
    /// Moves both clocks and runs what became due on the way, each at its time.
    void pass(std::chrono::microseconds time);

    // -- journal
    /// Commits the open batch, if there is anything in it.
    bool commit();
    bool serve_loads();
    void settle();
    /// The process dies; batches that were not committed are gone. Then a new one starts.
    void crash();
    void lose_power(std::size_t survivors = 0);
    /// Loads a job that is at rest, as the owner does before a command.
    void make_resident(const uuid& id);

private:
    void boot(bool closed = true);
    void collect_grants();

    std::unique_ptr<job_store> store_;
    std::unique_ptr<engine> engine_;
    std::map<std::uint64_t, grant> grants_;
};

}  // namespace sluice::test
