#include "tests/queue/simulation/world.hpp"

#include "proto/type_pattern.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

/// How a run comes to its end, and what is looked at then.
namespace sluice::test {
namespace {

/// The lines of a log that somebody wrote; notes are checked where they are made.
std::vector<std::string> lines_of(const disk_image& image, std::int64_t seq) {
    std::vector<std::string> lines;
    const auto log = image.logs.find(seq);
    if (log == image.logs.end()) return lines;
    for (const auto& write : log->second)
        if (write.line.stream != log_stream::note) lines.push_back(write.line.text);
    return lines;
}

}  // namespace

/// Lets everything that is under way come to its end.
void world::quiesce() {
    for (int i = 0; i < 100'000; ++i) {
        const bool reads = !loads_.empty() || !commands_.empty() || !redrive_loads_.empty();
        if (reads) load_step();
        const bool writes = committing_ || engine_->has_changes();
        if (writes) commit_step();
        if (!reads && !writes) return;
    }
    throw std::runtime_error("the engine never comes to rest");
}

/// No more faults: workers take and finish what there is until nothing is left.
void world::drain_of_work() {
    for (int round = 0; round < 400; ++round) {
        clock_.advance(100ms);
        engine_->run_timers(clock_.now);
        after_command();
        quiesce();
        for (const auto* queue : {"a", "b", "own", "redriven"}) {
            fetch_request request;
            request.worker_id = "last";
            request.queues.emplace_back(queue);
            request.count = 100;
            fetch(std::move(request));
        }
        quiesce();
        const auto latest = leases_;
        for (const auto& lease : latest)
            if (lease.worker == "last") ack(lease);
        std::erase_if(leases_, [](const held_lease& lease) { return lease.worker == "last"; });
        quiesce();
        const auto image = disk_->image();
        if (image.live.empty() && engine_->stats(clock_.now).redrives == 0) return;
        for (const auto& [seq, row] : image.live)
            if (row.record->state == job_state::pending && !was_made(*row.record->spec) &&
                !is_of_workflow(*row.record->spec))
                change(verb::activate, {row.record->spec->id, row.record->spec->args});
        quiesce();
    }
}

/// Nobody may wait for a job while one is there that he could take.
void world::look_for_forgotten_takers() {
    if (engine_->draining()) return;
    const auto limit = config_.handled_types.front().concurrency;
    const bool full = limit != 0 && handled_runs() >= limit;
    for (const auto& [taker, fetch] : parked_) {
        const auto& request = fetch.request;
        if (!engine_->wants_jobs(request.worker_id)) continue;
        const auto wants = [](const std::vector<std::string>& names, const std::string& name) {
            return std::find(names.begin(), names.end(), name) != names.end();
        };
        for (const auto& [seq, row] : disk_->image().live) {
            const auto& spec = *row.record->spec;
            const bool queue =
                wants(request.queues, spec.queue) ||
                (wants(request.queues, "*") && spec.queue != "own" && spec.queue != webhook_queue);
            bool type = request.handled_only ? spec.type == "y" || (spec.type == "x" && !full)
                                             : request.types.empty();
            if (!request.handled_only)
                visit_patterns(spec.type, [&](std::string_view pattern) {
                    return type = type || wants(request.types, std::string(pattern));
                });
            if (row.record->state != job_state::available || !queue || !type) continue;
            if (is_paused(spec.queue) || !has_room(spec)) continue;
            seen_.miscounts.push_back("a taker waits although " + spec.args + " is available");
        }
    }
}

void world::count() {
    look_for_forgotten_takers();
    look_at_schedules();
    std::map<std::string, std::array<std::uint64_t, job_state_count>> there;
    for (const auto& [seq, row] : disk_->image().live)
        ++there[row.record->spec->queue][static_cast<std::size_t>(row.record->state)];
    for (const auto& stats : engine_->queues())
        for (std::size_t state = 0; state < job_state_count; ++state) {
            if (is_terminal(static_cast<job_state>(state))) continue;
            const auto counted = stats.jobs[state];
            if (counted != there[stats.name][state])
                seen_.miscounts.push_back(stats.name + " has " +
                                          std::to_string(there[stats.name][state]) + " " +
                                          std::string(to_string(static_cast<job_state>(state))) +
                                          ", counted " + std::to_string(counted));
        }
}

void world::look_at_the_end() {
    const auto image = disk_->image();
    for (const auto* table : {&image.live, &image.history})
        for (const auto& [seq, row] : *table) {
            if (is_unique(*row.record->spec) || is_of_workflow(*row.record->spec) ||
                is_delivery(*row.record->spec) || is_follow_up(*row.record->spec) ||
                is_redriven(*row.record->spec))
                continue;
            if (was_made(*row.record->spec))
                seen_.made.push_back(made_of(*row.record));
            else
                seen_.at_the_end.push_back({row.record->spec->args, row.record->spec->id,
                                            row.record->state, lines_of(image, seq)});
        }
    for (const auto& [seq, log] : image.logs)
        if (!image.live.contains(seq) && !image.history.contains(seq))
            seen_.miscounts.push_back("a log without its job");
}

void world::calm_down() {
    calm_ = true;
    // Across a restart back-offs are times of day, so after jumps they may lie months ahead: in
    // half of the runs the clock passes them all before a last restart, in the others all the time
    // passes in the same process.
    if (engine_->draining() || one_in(2)) {
        clock_.jump_wall(std::chrono::hours{24 * 365 * 2});
        seen_.clock_jumps.push_back(next());
        stop(false);
    } else {
        clock_.advance(std::chrono::hours{24 * 365 * 2});
    }
    seen_.clock.push_back({next(), clock_.now.wall});
    quiesce();
    count();
    end_schedules();
    drain_of_work();
    if (uniques_) end_uniques();
    if (workflows_) look_at_workflows(true);
    if (webhooks_) look_at_deliveries();
    look_at_follow_ups();
    if (redrives_) end_redrives();
    count();
    look_at_the_end();
}

/// Everything goes, and the story begins anew; only old leases are still known.
void world::reset() {
    engine_->reset(clock_.now);
    after_command();
    quiesce();
    const auto image = disk_->image();
    const bool empty =
        image.live.empty() && image.history.empty() && image.logs.empty() && image.crons.empty();
    registered_.clear();
    confirmed_bound_ = {};
    ++bound_turn_;
    webhooks_ = false;  // the subscription has gone as well
    known_workflows_.clear();
    redrives_begun_.clear();
    redriven_held_.clear();
    held_.clear();
    parked_.clear();
    // Their handlers are told that they lost their jobs.
    for (const auto& run : std::exchange(handled_, {})) note_returned(run.lease.lease);
    repeatable_.clear();
    known_.clear();
    seen_ = {};
    if (!empty) seen_.miscounts.emplace_back("something is left after a reset");
    seen_.clock.push_back({next(), clock_.now.wall});
}

}  // namespace sluice::test
