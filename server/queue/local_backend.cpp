#include "server/queue/local_backend_impl.hpp"

#include <boost/asio/post.hpp>

namespace sluice {
std::unique_ptr<backend> make_local_backend(asio::any_io_executor executor,
                                            std::unique_ptr<job_store> store,
                                            local_backend_options options) {
    auto made =
        std::make_unique<local_backend>(std::move(executor), std::move(store), std::move(options));
    made->start();
    return made;
}

local_backend::local_backend(asio::any_io_executor executor, std::unique_ptr<job_store> store,
                             local_backend_options options)
    : executor_(std::move(executor)),
      store_(std::move(store)),
      options_(std::move(options)),
      engine_(options_.engine, options_.seed, options_.now()),
      room_line_(executor_),
      new_events_(executor_),
      timer_(executor_),
      purge_timer_(executor_),
      expiry_timer_(executor_),
      self_(std::make_shared<local_backend*>(this)) {}

local_backend::~local_backend() {
    *self_ = nullptr;
    {
        const std::lock_guard lock(room_mutex_);
        closing_ = true;
    }
    room_wanted_.notify_all();
    commit_thread_.join();
    reader_thread_.join();
}

void local_backend::start() {
    std::vector<job_record> active;  // the scan comes before the boot epoch is known
    restore_sink sink;
    sink.waiting = [this](const waiting_job& job) { engine_.restore_waiting(job); };
    sink.active = [&active](job_record record) { active.push_back(std::move(record)); };
    sink.queue = [this](std::string_view name, bool paused) {
        engine_.restore_queue(name, paused);
    };
    sink.setting = [this](const setting_record& setting) {
        try {
            engine_.restore_setting(setting);
        } catch (const std::invalid_argument& e) {
            throw store_error(65, e.what());
        }
    };
    sink.dead_letters = [this](std::string_view name, std::uint64_t count) {
        engine_.restore_dead_letters(name, count);
    };
    sink.cron = [this](cron_record record) { engine_.restore_cron(std::move(record)); };
    sink.workflow = [this](workflow_record record) {
        try {
            engine_.restore_workflow(std::move(record));
        } catch (const std::invalid_argument& e) {
            throw store_error(65, e.what());
        }
    };
    engine_.boot(store_->restore_blocking(sink));
    for (auto& record : active) engine_.restore_active(std::move(record), now());
    engine_.set_disk_low(store_->disk_low_blocking());
    arm_purge(options_.first_purge);
    arm_expiry(options_.first_purge);
    after_command();
}

error local_backend::missing(const uuid& id) {
    const auto text = to_string(id);
    return {errc::not_found, "Job '" + text + "' not found.",
            "\"resource_type\":\"job\",\"resource_id\":\"" + text + "\""};
}

error local_backend::failure() const {
    return {errc::store_failed, "The store has failed; the server is about to stop.",
            "\"outcome\":\"unknown\""};
}

/// Every call into the engine is followed by this: what came out of it is set in motion.
void local_backend::after_command() {
    collect_grants();
    tell_of_lost_runs();
    tell_of_events();
    for (const auto& run : engine_.take_slow_runs())
        if (options_.on_slow_run) options_.on_slow_run(run);
    for (const auto& queue : engine_.take_roomy()) room_line_.make_way(queue, engine_.room(queue));
    start_wanted_loads();
    arm_timer();
    if (commit_posted_ || under_way_ != 0 || failed_ || closed_ || !engine_.has_changes()) return;
    // Posted, not called: requests that have come in already join the batch.
    asio::post(executor_, [this, self = self_] {
        if (!*self) return;
        commit_posted_ = false;
        if (commits_alone())
            commit_in_place();
        else
            start_commit();
    });
    commit_posted_ = true;
}

/// The first failed commit ends it all: what is on disk is unknown, so nobody gets another answer
/// but that.
void local_backend::fail(const std::string& reason) {
    if (std::exchange(failed_, true)) return;
    if (options_.on_store_failure) options_.on_store_failure(reason);
    gate_.open(std::numeric_limits<std::uint64_t>::max());
    held_grants_.clear();
    while (!parked_.empty()) deliver(parked_.begin()->first, {});
    for (const auto& [id, waiters] : job_waits_) waiters->notify_all();
    wake_all_followers();
    room_line_.wake_all();
    new_events_.notify_all();
}

/// Most are shown when their batch is committed, some of no change at all at once.
void local_backend::tell_of_events() {
    const auto& log = engine_.events();
    const auto told = std::exchange(events_told_, log.last_id());
    if (told == log.last_id()) return;
    new_events_.notify_all();
    if (watchers_.empty()) return;
    const bool all =
        log.each_after(told, [this](const logged_event& event) { wake(watchers_, event.job_id); });
    if (!all) wake_all(watchers_);
}

/// Waits for a batch; false when the store failed first.
asio::awaitable<bool> local_backend::durable(std::uint64_t batch) {
    if (!gate_.is_open(batch)) {
        auto keep = [this, batch](auto waiter) { gate_.keep(batch, std::move(waiter)); };
        auto opened = suspend(std::move(keep));
        co_await std::move(opened);
    }
    co_return !failed_;
}

/// Lets go of the answer to a change of one job once it is durable, refusals included: they tell of
/// a state as well.
asio::awaitable<result<change_answer>> local_backend::settle(result<change_answer> answer,
                                                             uuid id) {
    const auto batch = engine_.gate(id);
    after_command();
    const auto begun = std::chrono::steady_clock::now();
    const bool ok = co_await durable(batch);
    if (!ok) co_return failure();
    if (answer) {
        answer->commit = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - begun);
        if (is_terminal(answer->job.state) && !answer->job.acked_at)
            answer->job.acked_at = committed_at_;
    }
    engine_.evict_idle(now());
    co_return answer;
}

// -- timers --------------------------------------------------------------------------------------

/// One timer for everything the engine waits for. While anything is scheduled it looks at the wall
/// clock once a minute at least, so that a jump of that clock is noticed within a minute.
void local_backend::arm_timer() {
    constexpr std::chrono::microseconds look_at_least = std::chrono::minutes{1};
    // Most commands change nothing here, and reading two clocks costs more than to see that.
    const auto next = engine_.next_timers();
    if (next == timer_looked_at_) return;
    timer_looked_at_ = next;
    const auto left = engine_.next_timer(now());
    if (!left) return;
    const auto at = std::chrono::steady_clock::now() + std::min(*left, look_at_least);
    if (at >= timer_set_for_) return;
    timer_set_for_ = at;
    timer_.expires_at(at);
    timer_.async_wait([this, self = self_](const boost::system::error_code& ec) {
        if (ec || !*self) return;
        timer_set_for_ = std::chrono::steady_clock::time_point::max();
        timer_looked_at_ = {};
        if (failed_) return;
        // Whoever waits for room and writes nothing hears of it in no other way.
        if (engine_.disk_low()) recheck_disk();
        engine_.run_timers(now());
        after_command();
    });
}

// -- life ----------------------------------------------------------------------------------------

backend_health local_backend::health() const {
    backend_health health;
    health.commit_latency = commit_latency_;
    health.jobs_pushed = pushed_;
    health.jobs_granted = engine_.granted_total();
    health.jobs_finished = finished_;
    health.commits = commits_;
    if (failed_) {
        health = {false, "unhealthy", "the store has failed", "sqlite", commit_latency_};
    } else if (disk_full_ || engine_.disk_low()) {
        health.ready = !disk_full_;
        health.status = "degraded";
        health.reason = disk_full_ ? "the disk is full" : "the disk is nearly full";
    } else if (engine_.draining()) {
        health.ready = false;
        health.status = "degraded";
        health.reason = "the server is shutting down";
    }
    return health;
}

void local_backend::begin_drain() {
    engine_.begin_drain();
    for (const auto& [id, waiters] : job_waits_) waiters->notify_all();
    wake_all_followers();
    room_line_.wake_all();
    new_events_.notify_all();
    after_command();
}

asio::awaitable<void> local_backend::shut_down() {
    begin_drain();
    engine_.release_in_server(now());
    after_command();
    while (!failed_ && (engine_.has_changes() || under_way_ != 0)) {
        const bool ok = co_await durable(engine_.gate());
        if (!ok) break;
    }
    closed_ = true;
    timer_.cancel();
    purge_timer_.cancel();
    expiry_timer_.cancel();
    if (failed_) co_return;
    auto close = [this]() -> std::string {
        reader_thread_.join();  // a line or a job that is due may just be read
        try {
            store_->close_blocking();
        } catch (const std::exception& e) {
            return e.what();
        }
        return {};
    };
    commit_thread_busy_ = true;
    const auto fault = co_await run_blocking(commit_thread_, close);
    if (!fault.empty()) fail(fault);
}

}  // namespace sluice
