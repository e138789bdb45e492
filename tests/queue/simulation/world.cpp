#include "tests/queue/simulation/world.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::test {

world::world(std::uint64_t seed, wrongdoing wrong) : random_(seed), wrong_(wrong) {
    config_.visibility_timeout = 20ms + up_to(200);
    config_.execution_timeout = 100ms + up_to(2'000);
    config_.worker_silence = 50ms + up_to(500);
    config_.interruptions_max = static_cast<std::uint32_t>(below(6));
    config_.window_jobs = any(std::vector<std::size_t>{0, 1, 4, 16});
    config_.finished_cache = any(std::vector<std::size_t>{0, 1, 16});
    config_.idempotency_window = std::chrono::hours{24 * 365 * 20};
    config_.events_max = 16;
    if (one_in(8)) config_.uncommitted_bytes_max = 4'000;
    if (one_in(4)) config_.job_log_bytes = 300;
    resets_ = one_in(5);
    schedules_ = one_in(3);
    uniques_ = one_in(3);
    workflows_ = one_in(3);
    limits_ = one_in(3);
    webhooks_ = one_in(3);
    pools_ = one_in(3);
    bounds_ = one_in(3);
    weak_pushes_ = one_in(3);
    redrives_ = one_in(3);
    drops_oldest_ = one_in(2);
    fairness_ = one_in(3);
    config_.handled_types = {{"x", below(4)}, {"y", 0}};
    config_.pool_queues = {"own", std::string(webhook_queue)};
    disk_->forget_to_sync(wrong.forget_to_sync);
    disk_->forget_epoch(wrong.forget_epoch);
    boot();
    if (webhooks_) subscribe();
}

// -- the owner's side

void world::boot() {
    store_ = std::make_unique<memory_store>(disk_);
    engine_ = std::make_unique<engine>(config_, random_() + ++boots_, clock_.now);
    std::vector<job_record> active;
    restore_sink sink;
    sink.waiting = [&](waiting_job job) {
        if (wrong_.forget_limits) job.limit_key = {};
        if (wrong_.forget_fairness) job.fairness_key = {};
        engine_->restore_waiting(job);
    };
    sink.queue = [&](std::string_view name, bool paused) { engine_->restore_queue(name, paused); };
    sink.setting = [&](const setting_record& setting) {
        if (wrong_.forget_settings) return;
        if (!wrong_.forget_redrives || setting.kind != setting_kind::redrive)
            return engine_->restore_setting(setting);
        auto anew = decode_stored_redrive(setting.name, setting.value);
        anew.sent = 0;
        anew.cursor.reset();
        engine_->restore_setting({setting.kind, setting.name, encode_stored_redrive(anew)});
    };
    sink.cron = [&](cron_record record) { engine_->restore_cron(std::move(record)); };
    sink.workflow = [&](workflow_record record) { engine_->restore_workflow(std::move(record)); };
    sink.dead_letters = [&](std::string_view name, std::uint64_t count) {
        engine_->restore_dead_letters(name, count);
    };
    sink.active = [&](job_record record) { active.push_back(std::move(record)); };
    auto summary = store_->restore_blocking(sink);
    summary.closed = one_in(2);  // whether in-server runs may begin before their grant is written
    engine_->boot(summary);
    for (auto& record : active) engine_->restore_active(std::move(record), clock_.now);
    after_command();
}

/// Everything in memory is gone, and every answer that was not let go.
void world::stop(bool power) {
    held_.clear();
    committing_.reset();
    written_ = false;
    late_crons_.clear();
    late_workflows_.clear();
    late_deliveries_.clear();
    late_redrives_.clear();
    commands_.clear();
    loads_.clear();
    redrive_loads_.clear();
    redriven_held_.clear();
    parked_.clear();
    handled_.clear();
    engine_.reset();
    if (power) disk_->lose_power(below(disk_->unsynced_batches() + 1));
    seen_.stops.push_back({next(), power, false});
    boot();
}

void world::after_command() {
    for (auto& grant : engine_->take_grants()) {
        const auto taker = parked_.extract(grant.taker);
        if (taker.empty() || grant.leases.empty()) continue;
        note_handled(taker.mapped().request, grant.leases);
        hold(grant.gate, [this, fetch = std::move(taker.mapped()),
                          leases = std::move(grant.leases)] { deliver(fetch, leases); });
    }
    for (auto& wanted : engine_->take_wanted())
        loads_.push_back({std::move(wanted), false, {}, {}});
    for (auto& read : engine_->take_redrive_reads())
        redrive_loads_.push_back({std::move(read), false, {}});
}

/// Handlers that begin to run, and whether there are ever too many of them at a time.
void world::note_handled(const fetch_request& request, const std::vector<given_lease>& leases) {
    if (!request.handled_only) return;
    for (const auto& given : leases) {
        const auto job = engine_->granted({given});
        handled_.push_back({given, !job.empty() && job.front().spec->type == "x"});
    }
    const auto limit = config_.handled_types.front().concurrency;
    if (limit != 0 && handled_runs() > limit)
        seen_.miscounts.push_back("more in-server runs at one time than their handler allows");
}

/// Runs of the limited handler in this process, those included that have lost their job.
std::size_t world::handled_runs() const {
    return static_cast<std::size_t>(std::count_if(handled_.begin(), handled_.end(),
                                                  [](const auto& run) { return run.limited; }));
}

void world::note_returned(const lease_token& lease) {
    std::erase_if(handled_, [&](const handled_run& run) {
        return run.lease.lease.epoch == lease.epoch && run.lease.lease.counter == lease.counter;
    });
    engine_->run_returned(lease, clock_.now);
}

/// Some handlers that have lost their job notice it.
void world::return_runs() {
    const auto runs = handled_;
    for (const auto& run : runs)
        if (engine_->granted({run.lease}).empty() && one_in(2)) note_returned(run.lease.lease);
    after_command();
}

void world::hold(std::uint64_t gate, std::function<void()> answer) {
    if (gate <= engine_->committed_batch() || wrong_.answer_at_once)
        answer();
    else
        held_.emplace(gate, std::move(answer));
}

void world::let_go(std::uint64_t committed) {
    while (!held_.empty() && held_.begin()->first <= committed) {
        const auto answer = held_.extract(held_.begin());
        answer.mapped()();
    }
}

/// One of the three things that happen to a batch: it is closed, written, and told of.
void world::commit_step() {
    if (!committing_) {
        if (!engine_->has_changes()) return;
        committing_ = engine_->take_batch(clock_.now);
        spoil(*committing_);
        written_ = false;
    } else if (!written_) {
        if (redrives_) look_at_redrive_batch(*committing_);
        const auto outcome = store_->commit_blocking(*committing_);
        if (outcome.status != commit_status::ok) throw std::runtime_error(outcome.message);
        written_ = true;
        if (uniques_ && one_in(4)) look_at_uniques();
        if (workflows_ && one_in(4)) look_at_workflows(false);
        if (limits_ && one_in(4)) look_at_limits();
        if (webhooks_ && one_in(4)) look_at_deliveries();
        if (one_in(4)) look_at_follow_ups();
        if (redrives_ && one_in(4)) look_at_redrives();
    } else {
        committing_.reset();
        engine_->committed(clock_.now);
        let_go(engine_->committed_batch());
        engine_->evict_idle(clock_.now);
        after_command();
    }
}

void world::redrive_load_step() {
    const auto at = below(redrive_loads_.size());
    auto& load = redrive_loads_[at];
    if (!std::exchange(load.was_read, true)) {
        load.found = store_->list_blocking(load.read.query);
        return;
    }
    auto done = std::move(load);
    redrive_loads_.erase(redrive_loads_.begin() + static_cast<std::ptrdiff_t>(at));
    engine_->admit_redrive(done.read, std::move(done.found), clock_.now);
    after_command();
}

/// A read is done at one time and heard of at another; reads overtake each other.
void world::load_step() {
    if (!redrive_loads_.empty() && ((loads_.empty() && commands_.empty()) || one_in(3)))
        return redrive_load_step();
    if (!loads_.empty() && (commands_.empty() || one_in(2))) {
        const auto at = below(loads_.size());
        auto& load = loads_[at];
        if (!load.was_read) {
            load.records = store_->load_blocking(load.wanted.seqs);
            load.results = store_->load_results_blocking(load.wanted.parents);
            load.was_read = true;
            return;
        }
        const auto done = std::move(load);
        loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(at));
        engine_->admit_wanted(done.wanted, done.records, done.results, clock_.now);
        after_command();
        return;
    }
    if (commands_.empty()) return;
    const auto at = below(commands_.size());
    if (!commands_[at].was_read) return read_for(commands_[at]);
    auto done = std::move(commands_[at]);
    commands_.erase(commands_.begin() + static_cast<std::ptrdiff_t>(at));
    admit_for(std::move(done));
    after_command();
}

void world::read_for(waiting_command& command) {
    for (const auto& id : command.ids) command.found.push_back(store_->find_blocking(id));
    for (const auto& each : command.lookups)
        command.duplicates.push_back(store_->find_unique_blocking(
            each.key, each.state, each.before_seq, unique_lookup::jobs_max));
    command.was_read = true;
}

/// What was read is heard of; the command goes on, or reads more.
void world::admit_for(waiting_command command) {
    for (std::size_t i = 0; i < command.found.size(); ++i) {
        if (wrong_.read_behind_its_back) command.loads.push_back(engine_->begin_load());
        engine_->admit(std::move(command.found[i]), command.loads[i]);
    }
    std::vector<unique_lookup> more;
    for (std::size_t i = 0; i < command.lookups.size(); ++i) {
        auto next = engine_->admit_unique(command.lookups[i], std::move(command.duplicates[i]),
                                          *command.guard);
        if (next) more.push_back(*next);
    }
    if (more.empty()) {
        command.go_on();
        if (command.guard) engine_->end_load(*command.guard);
        return;
    }
    command.lookups = std::move(more);
    command.ids.clear();
    command.found.clear();
    command.loads.clear();
    command.duplicates.clear();
    command.was_read = false;
    commands_.push_back(std::move(command));
}

/// Does `go_on` once all these jobs are in memory, or known not to exist.
void world::with_jobs(std::vector<uuid> ids, std::function<void()> go_on,
                      std::vector<unique_lookup> lookups) {
    std::vector<uuid> here;
    std::erase_if(ids, [&](const uuid& id) {
        if (engine_->resident(id)) here.push_back(id);
        return engine_->resident(id);
    });
    if (wrong_.overlook_duplicates) lookups.clear();
    if (ids.empty() && lookups.empty()) {
        go_on();
        after_command();
        return;
    }
    waiting_command command;
    if (!lookups.empty()) command.guard = engine_->begin_load();
    if (!wrong_.read_behind_its_back)
        for (std::size_t i = 0; i < ids.size(); ++i) command.loads.push_back(engine_->begin_load());
    for (const auto& id : here) engine_->keep(id);
    command.ids = std::move(ids);
    command.lookups = std::move(lookups);
    command.go_on = std::move(go_on);
    commands_.push_back(std::move(command));
}

void world::deliver(const fetch_of& fetch, const std::vector<given_lease>& leases) {
    const auto jobs = engine_->hand_over(leases, clock_.now);
    for (const auto& given : leases)
        if (engine_->granted({given}).empty()) note_returned(given.lease);
    for (const auto& job : jobs) {
        // An answer that was asked for again tells nothing new.
        if (std::any_of(leases_.rbegin(), leases_.rend(),
                        [&](const held_lease& held) { return held.lease == job.lease; }))
            continue;
        leases_.push_back({job.spec->id, job.spec->args, job.worker_id, job.lease});
        if (was_made(*job.spec) || is_unique(*job.spec) || is_of_workflow(*job.spec) ||
            is_delivery(*job.spec) || is_follow_up(*job.spec))
            continue;
        if (is_redriven(*job.spec)) {
            redriven_held_.push_back(leases_.back());
            continue;
        }
        delivery d;
        d.begun = fetch.begun;
        d.ended = next();
        d.how = told::done;
        d.id = job.spec->id;
        d.args = job.spec->args;
        d.worker = job.worker_id;
        d.lease = job.lease;
        d.attempt = job.attempt;
        d.interruptions = job.interruptions;
        d.begun_at = fetch.begun_at;
        d.ended_at = clock_.now.steady;
        d.exclusive = job.spec->timeout.value_or(config_.execution_timeout);
        if (job.worker_id != in_server_worker_id) {
            const std::chrono::microseconds length = fetch.request.visibility_timeout.value_or(
                job.spec->visibility_timeout.value_or(config_.visibility_timeout));
            d.exclusive = std::min(d.exclusive, length);
        }
        seen_.deliveries.push_back(std::move(d));
    }
}

void world::pass_time() {
    if (one_in(150)) {
        const std::chrono::hours jump{24 * 30};
        clock_.jump_wall(one_in(2) ? jump : -jump);
        seen_.clock_jumps.push_back(next());
    } else {
        clock_.advance(std::chrono::microseconds{static_cast<std::int64_t>(below(6'000))});
    }
    seen_.clock.push_back({next(), clock_.now.wall});
}

void world::step() {
    const auto dice = below(1'000);
    if (dice < 3) {
        stop(one_in(2));
    } else if (dice < 5) {
        seen_.stops.push_back({next(), false, true});
        engine_->begin_drain();
        engine_->release_in_server(clock_.now);
        after_command();
    } else if (engine_->draining() && dice < 60) {
        stop(one_in(2));
    } else if (dice < 250) {
        commit_step();
    } else if (dice < 450) {
        load_step();
    } else if (dice < 550) {
        pass_time();
    } else if (dice < 650) {
        engine_->run_timers(clock_.now);
        after_command();
    } else if (dice < 670 && schedules_) {
        schedule_step();
    } else if (dice < 710 && dice >= 690 && workflows_) {
        workflow_step();
        after_command();
    } else if (dice >= 710 && dice < 730 && webhooks_) {
        delivery_step();
    } else if (dice >= 730 && dice < 740 && pools_) {
        pool_step();
        after_command();
    } else if (dice >= 740 && dice < 748 && bounds_) {
        bound_step();
        after_command();
    } else if (dice >= 748 && dice < 868 && redrives_) {
        redrive_step();
        after_command();
    } else if (dice < 690 && uniques_) {
        unique_step();
        after_command();
    } else {
        client_step();
    }
}

history world::run(std::size_t steps) {
    seen_.clock.push_back({next(), clock_.now.wall});
    for (std::size_t i = 0; i < steps; ++i) {
        step();
        if (i % 250 == 249 && !wrong_.answer_at_once) {
            quiesce();
            count();
            if (resets_ && one_in(3)) reset();
        }
    }
    calm_down();
    return std::move(seen_);
}

}  // namespace sluice::test
