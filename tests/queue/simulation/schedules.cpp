#include "tests/queue/simulation/world.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice::test {
namespace {

std::string member(const job_spec& spec, const std::string& name) {
    const auto key = '"' + name + "\":\"";
    const auto at = spec.meta.find(key);
    if (at == std::string::npos) return {};
    const auto from = at + key.size();
    return spec.meta.substr(from, spec.meta.find('"', from) - from);
}

}  // namespace

made_job world::made_of(const job_record& record) {
    return {member(*record.spec, "cron_name"), member(*record.spec, "cron_triggered_at"),
            record.spec->id, record.state};
}

void world::schedule_step() {
    const std::string name = "c" + std::to_string(below(3));
    const std::string queue = one_in(2) ? "a" : one_in(2) ? "b" : "own";
    const auto dice = below(10);
    if (dice < 2) {
        set_cron();
    } else if (dice == 2 && one_in(2)) {
        remove_cron(name);
    } else if (dice == 3) {
        engine_->enable_cron(name, !one_in(3), clock_.now);
    } else if (dice == 4) {
        pause(queue, true);
    } else if (dice == 5) {
        pause(queue, false);
    } else {
        clock_.advance(up_to(1'200));
        seen_.clock.push_back({next(), clock_.now.wall});
        engine_->run_timers(clock_.now);
    }
    after_command();
}

void world::set_cron() {
    cron_definition made;
    made.name = "c" + std::to_string(below(3));
    made.expression = one_in(3) ? "*/2 * * * * *" : one_in(2) ? "@every 1s" : "* * * * * *";
    made.overlap = any(std::vector{overlap_policy::skip, overlap_policy::allow,
                                   overlap_policy::cancel_previous, overlap_policy::enqueue});
    made.catch_up =
        any(std::vector{catch_up_policy::one, catch_up_policy::none, catch_up_policy::all});
    const std::string type = one_in(2) ? "x" : "y";
    const std::string queue = one_in(2) ? "a" : "b";
    made.job = R"({"type":")" + type + R"(","args":["made"],"options":{"queue":")" + queue + "\"}}";
    const auto overlap = made.overlap;
    const auto there = engine_->cron(made.name);
    const auto changed = engine_->set_cron(std::move(made), clock_.now);
    // The name of one that was deleted, whose jobs in another queue have not ended.
    if (!changed && changed.error().code == errc::conflict && !there) return;
    if (!changed) throw std::runtime_error(changed.error().message);
    const auto name = changed->cron.definition.name;
    registered_.erase(name);
    hold(engine_->gate(), [this, name, overlap, turn = ++turns_[name]] {
        if (turns_[name] == turn) registered_.insert_or_assign(name, overlap);
    });
}

void world::remove_cron(const std::string& name) {
    registered_.erase(name);
    ++turns_[name];
    engine_->remove_cron(name);
}

void world::pause(const std::string& queue, bool paused) {
    pause_call call;
    call.begun = next();
    call.queue = queue;
    call.paused = paused;
    const auto at = seen_.pauses.size();
    seen_.pauses.push_back(std::move(call));
    engine_->pause_queue(queue, paused, clock_.now);
    hold(engine_->gate(), [this, at] {
        seen_.pauses[at].ended = next();
        seen_.pauses[at].how = told::done;
    });
}

/// What a store does that is faulty on purpose.
void world::spoil(journal_batch& batch) {
    if (wrong_.write_crons_late) std::swap(batch.crons, late_crons_);
    if (wrong_.write_workflows_late) delay_workflows(batch);
    if (wrong_.write_deliveries_late) delay_deliveries(batch);
    if (wrong_.write_redrives_late) delay_redrives(batch);
    if (wrong_.lose_follow_ups) lose_follow_up(batch);
    if (wrong_.forget_pauses) batch.paused_queues.clear();
}

bool world::is_paused(const std::string& queue) const {
    const auto all = engine_->queues();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& each) { return each.name == queue && each.paused; });
}

/// At rest: what is confirmed is there, and what it says of its jobs is true.
void world::look_at_schedules() {
    const auto image = disk_->image();
    for (const auto& [name, overlap] : registered_) {
        const auto cron = engine_->cron(name);
        if (!cron || cron->definition.overlap != overlap) {
            seen_.miscounts.push_back("the cron job " + name + " is not as it was confirmed");
            continue;
        }
        std::size_t running = 0;
        for (const auto seq : cron->unfinished) {
            const auto row = image.live.find(seq);
            if (row == image.live.end()) {
                seen_.miscounts.push_back(name + " takes a job for unfinished that is gone");
                continue;
            }
            if (row->second.record->state != job_state::pending) ++running;
        }
        // Jobs of an earlier policy may be among them.
        if (cron->unfinished.size() > 0 && running == 0)
            seen_.miscounts.push_back("nobody lets the pending jobs of " + name + " go");
    }
}

/// Nothing is made any more, and nothing held back.
void world::end_schedules() {
    for (const std::string name : {"c0", "c1", "c2"}) remove_cron(name);
    for (const std::string queue : {"a", "b", "own"}) pause(queue, false);
    confirmed_bound_ = {};
    ++bound_turn_;
    engine_->configure_queue("b", {}, clock_.now);
    after_command();
    quiesce();
}

}  // namespace sluice::test
