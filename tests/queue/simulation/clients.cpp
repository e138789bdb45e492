#include "proto/fairness.hpp"
#include "tests/queue/simulation/world.hpp"

#include <algorithm>
#include <limits>

namespace sluice::test {

void world::client_step() {
    const auto dice = below(100);
    if (dice < 30)
        push_something();
    else if (dice < 55)
        fetch_something();
    else if (dice < 75)
        answer_something();
    else if (dice < 85)
        say_something();
    else if (dice < 88)
        beat();
    else if (dice < 95)
        about_a_job();
    else if (one_in(2))
        leave();
    else
        return_runs();
}

// -- producers

job_spec world::random_job(pushed_job& told) {
    auto spec = make_spec(one_in(6) ? "own" : one_in(2) ? "a" : "b");
    spec.type = one_in(4) ? (one_in(2) ? "z.1" : "z.2") : one_in(2) ? "x" : "y";
    spec.args = "[" + std::to_string(++names_) + "]";
    spec.priority = one_in(5) ? static_cast<int>(below(3)) - 1 : 0;
    spec.retry.max_attempts = static_cast<std::uint32_t>(1 + below(4));
    spec.retry.initial_interval = up_to(50);
    spec.retry.jitter = one_in(2);
    if (one_in(2)) spec.retry.on_exhaustion = exhaustion::dead_letter;
    if (one_in(6)) spec.scheduled_at = clock_.now.wall + up_to(100) - 20ms;
    if (one_in(15)) spec.expires_at = clock_.now.wall + up_to(200);
    if (!spec.scheduled_at && one_in(12)) spec.pending = true;
    if (one_in(10)) spec.visibility_timeout = 1ms + up_to(50);
    if (one_in(10)) spec.timeout = 1ms + up_to(100);
    if (limits_ && one_in(3)) add_limit(spec);
    if (weak_pushes_ && one_in(2))
        spec.durability = one_in(2) ? durability_class::written : durability_class::memory;
    if (fairness_ && !one_in(3)) {
        fairness_rule rule{any(std::vector<std::string>{"f1", "f2", "f3"})};
        if (one_in(2)) rule.weight = static_cast<std::int64_t>(1 + below(4));
        if (one_in(2)) rule.cost = static_cast<std::int64_t>(1 + below(10));
        told.fairness_key = rule.key;
        spec.fairness = std::make_shared<const fairness_rule>(std::move(rule));
    }
    if (one_in(5)) {
        spec.client_id = true;
        spec.id = make_uuid(clock_.now.wall, static_cast<std::int64_t>(below(1U << 20)),
                            static_cast<std::uint32_t>(names_));
        told.id = spec.id;
    }
    told.args = spec.args;
    told.queue = spec.queue;
    told.type = spec.type;
    told.priority = spec.priority;
    told.not_before = spec.scheduled_at;
    // One that was to be dropped while it was read is passed by, and comes back after a crash.
    const bool may_drop = bounds_ && drops_oldest_ && spec.queue == "b";
    told.plain =
        !spec.scheduled_at && !spec.pending && !spec.expires_at && !spec.limit && !may_drop;
    return spec;
}

void world::push_something() {
    if (!repeatable_.empty() && one_in(6)) return repeat_a_push();
    push_request request;
    push_call call;
    const auto jobs = one_in(5) ? 1 + below(12) : 1;
    for (std::uint64_t i = 0; i < jobs; ++i) {
        call.jobs.emplace_back();
        request.jobs.push_back(random_job(call.jobs.back()));
    }
    if (one_in(4)) {
        request.key = idempotency_key{};
        request.key->key = "k" + std::to_string(names_);
        call.key = request.key->key;
    }
    if (request.key || request.jobs.front().client_id) repeatable_.emplace_back(request, call);
    push(std::move(request), std::move(call));
}

/// As a producer does who heard no answer; sometimes one that made a mistake.
void world::repeat_a_push() {
    auto [request, call] = any(repeatable_);
    if (request.key && one_in(5)) {
        request.jobs.resize(1);
        call.jobs.assign(1, {});
        request.jobs[0] = random_job(call.jobs[0]);
        std::copy_n(request.jobs[0].args.begin(), request.jobs[0].args.size(),
                    request.key->body_hash.begin());
    }
    // Who is told that it is there already may rely on more than the first one did.
    if (weak_pushes_ && one_in(3)) request.jobs.front().durability = durability_class::fsync;
    push(std::move(request), std::move(call));
}

void world::push(push_request request, push_call call) {
    call.begun = next();
    call.asked = durability_class::memory;
    for (const auto& spec : request.jobs)
        call.asked = std::max(call.asked, spec.durability.value_or(durability_class::fsync));
    const auto at = seen_.pushes.size();
    seen_.pushes.push_back(std::move(call));
    const auto replay = [this, at](std::vector<uuid> ids) {
        with_jobs(ids, [this, at, ids] {
            std::uint64_t gate = 0;
            std::vector<job_record> jobs;
            for (const auto& id : ids) {
                gate = std::max(gate, engine_->gate(id));
                if (auto job = engine_->info(id)) jobs.push_back(std::move(*job));
            }
            hold(gate, [this, at, jobs] {
                auto& told = seen_.pushes[at];
                told.ended = next();
                told.how = jobs.empty() ? told::refused : told::done;
                for (auto& wanted : told.jobs)
                    for (const auto& job : jobs)
                        if (job.spec->args == wanted.args) wanted.id = job.spec->id;
            });
        });
    };
    const auto refuse = [this, at](errc why) {
        auto& told = seen_.pushes[at];
        told.ended = next();
        told.how = told::refused;
        told.error = why;
    };
    std::vector<uuid> given;
    for (const auto& spec : request.jobs)
        if (spec.client_id) given.push_back(spec.id);
    if (request.key) {
        // The key is looked up in the store; here the read takes no time, its ids' loads do.
        auto known = engine_->find_key(*request.key, clock_.now);
        if (known.problem) return refuse(*known.problem);
        if (!known.known()) {
            const auto stored = store_->find_key_blocking(request.key->key);
            if (stored && stored->key.body_hash != request.key->body_hash)
                return refuse(errc::key_reused);
            if (stored) known.replay = stored->job_ids;
        }
        if (!known.replay.empty()) return replay(known.replay);
    }
    with_jobs(std::move(given), [this, at, replay, refuse, request = std::move(request)]() {
        if (request.key) {
            const auto known = engine_->find_key(*request.key, clock_.now);
            if (known.problem) return refuse(*known.problem);
            if (!known.replay.empty()) return replay(known.replay);
        }
        const auto depth = bounds_ ? bounded_depth() : 0;
        const auto stored = engine_->push(request, clock_.now);
        if (bounds_) look_at_bound(depth);
        const auto gate = engine_->gate();
        if (!stored) {
            const auto why = stored.error().code;
            if (why == errc::duplicate) return hold(gate, [refuse, why] { refuse(why); });
            return refuse(why);
        }
        std::vector<known_job> ids;
        for (const auto& job : stored->jobs) ids.push_back({job.spec->id, job.spec->args});
        const bool waits = stored->asked != durability_class::memory || engine_->crowded();
        hold(waits ? gate : 0, [this, at, ids, gate] {
            auto& told = seen_.pushes[at];
            told.ended = next();
            told.how = told::done;
            if (!wrong_.overstate_durability) told.reached = engine_->reached(gate);
            for (std::size_t i = 0; i < ids.size(); ++i) {
                told.jobs[i].id = ids[i].id;
                known_.push_back(ids[i]);
            }
        });
    });
}

// -- workers

void world::fetch_something() {
    fetch_request request;
    if (one_in(4)) {
        request.worker_id = std::string(in_server_worker_id);
        request.queues = {one_in(3) ? "own" : "*"};
        request.handled_only = true;
    } else {
        request.worker_id = "w" + std::to_string(below(4));
        request.queues = {one_in(2) ? "a" : "b"};
        if (pools_ && one_in(3)) {
            request.pool = "p";
            request.queues = {"a", "b"};
        } else if (one_in(3))
            request.queues.emplace_back(one_in(2) ? "own" : "a");
        if (one_in(3)) request.types = {one_in(2) ? "x" : one_in(2) ? "z.*" : "z.1"};
        if (one_in(8)) request.types.emplace_back("*");
        if (one_in(4)) request.fetch_id = "f" + std::to_string(below(3));
        if (one_in(6)) request.visibility_timeout = 1ms + up_to(100);
    }
    request.count = one_in(3) ? 1 + below(6) : 1;
    if (one_in(2)) request.wait = up_to(100);
    fetch(std::move(request));
}

void world::fetch(fetch_request request) {
    fetch_of fetch;
    fetch.begun = next();
    fetch.begun_at = clock_.now.steady;
    fetch.request = request;
    auto outcome = engine_->fetch(request, clock_.now);
    if (outcome.parked) {
        parked_.emplace(*outcome.parked, std::move(fetch));
    } else if (!outcome.leases.empty()) {
        note_handled(request, outcome.leases);
        hold(outcome.gate, [this, fetch, leases = std::move(outcome.leases)] {
            if (calm_ || !one_in(20)) return deliver(fetch, leases);
            const auto jobs = engine_->hand_over(leases, clock_.now);  // nobody is there any more
            for (const auto& given : leases) note_returned(given.lease);
            for (const auto& job : jobs) seen_.taken_back.push_back(job.spec->id);
            engine_->return_grants(jobs, clock_.now);
        });
    }
    after_command();
}

template <class T>
void world::finish(std::size_t at, std::uint64_t gate, result<T> answer,
                   std::function<void(job_call&, const T&)> note) {
    hold(gate, [this, at, answer = std::move(answer), note = std::move(note)] {
        auto& told = seen_.calls[at];
        told.ended = next();
        told.how = answer ? told::done : told::refused;
        if (!answer)
            told.error = answer.error().code;
        else if (note)
            note(told, *answer);
    });
}

void world::answer_something() {
    if (leases_.empty()) return;
    const auto recent = std::min<std::size_t>(leases_.size(), 12);
    auto held = one_in(5) ? any(leases_) : leases_[leases_.size() - 1 - below(recent)];
    if (one_in(40)) held.lease.nonce ^= 1;
    const auto dice = below(10);
    nack_request request;
    if (dice < 5) return ack(std::move(held));
    if (dice == 5) {
        request.release = true;
        return nack(std::move(held), std::move(request), verb::give_back);
    }
    if (dice == 6) {
        request.snooze = up_to(50);
        return nack(std::move(held), std::move(request), verb::give_back);
    }
    request.requeue = dice == 7;
    if (one_in(4)) request.retry_after = up_to(100);
    if (one_in(5)) request.retryable = false;
    nack(std::move(held), std::move(request), verb::fail);
}

void world::ack(held_lease held) {
    const auto at = seen_.calls.size();
    job_call call;
    call.begun = next();
    call.what = verb::ack;
    call.id = held.id;
    call.lease = held.lease;
    seen_.calls.push_back(std::move(call));
    with_jobs({held.id}, [this, at, held, enqueue = some_follow_ups(held.id)] {
        ack_request request;
        request.enqueue = enqueue;
        request.job_id = held.id;
        request.lease = held.lease;
        request.worker_id = held.worker;
        note_returned(held.lease);
        auto answer = engine_->ack(request, clock_.now);
        finish<change_answer>(at, engine_->gate(held.id), std::move(answer), {});
        if (one_in(3)) fetch_something();
    });
}

void world::nack(held_lease held, nack_request request, verb what) {
    request.worker_id = held.worker;
    const auto at = seen_.calls.size();
    job_call call;
    call.begun = next();
    call.what = what;
    call.id = held.id;
    call.lease = held.lease;
    seen_.calls.push_back(std::move(call));
    with_jobs({held.id}, [this, at, held, request]() mutable {
        request.job_id = held.id;
        request.lease = held.lease;
        const auto said_at = clock_.now.steady;
        note_returned(held.lease);
        auto answer = engine_->nack(request, clock_.now);
        finish<change_answer>(at, engine_->gate(held.id), std::move(answer),
                              [said_at](job_call& told, const change_answer& made) {
                                  if (!made.repeated && made.job.state == job_state::retryable)
                                      told.not_before = said_at + *made.job.retry_delay;
                              });
    });
}

void world::beat() {
    heartbeat_request request;
    request.worker_id = "w" + std::to_string(below(4));
    if (one_in(20)) request.state = worker_state::quiet;
    if (one_in(4)) request.visibility_timeout = 1ms + up_to(100);
    std::vector<std::size_t> at;
    std::vector<uuid> ids;
    for (const auto& held : leases_) {
        if (held.worker != request.worker_id || !one_in(3)) continue;
        job_call call;
        call.begun = next();
        call.what = verb::beat;
        call.id = held.id;
        call.lease = held.lease;
        at.push_back(seen_.calls.size());
        seen_.calls.push_back(std::move(call));
        request.jobs.push_back({held.id, held.lease});
        ids.push_back(held.id);
    }
    const auto& beating = seen_.beating;
    if (std::find(beating.begin(), beating.end(), request.worker_id) == beating.end())
        seen_.beating.push_back(request.worker_id);
    with_jobs(std::move(ids), [this, at = std::move(at), request = std::move(request)] {
        const auto answer = *engine_->heartbeat(request, clock_.now);
        hold(engine_->gate(), [this, at, answer] {
            for (std::size_t i = 0; i < at.size(); ++i) {
                auto& told = seen_.calls[at[i]];
                told.ended = next();
                told.how = answer.jobs[i].problem ? told::refused : told::done;
                told.error = answer.jobs[i].problem;
            }
        });
    });
}

// -- operators

void world::about_a_job() {
    if (known_.empty()) return;
    const auto job = any(known_);
    const auto dice = below(10);
    if (dice < 5) return look(job);
    const auto what = dice == 5   ? verb::activate
                      : dice == 6 ? verb::revive
                      : dice == 7 ? verb::remove
                                  : verb::cancel;
    change(what, job);
}

void world::look(known_job job) {
    with_jobs({job.id}, [this, job] {
        const auto found = engine_->info(job.id);
        if (!found) return;
        hold(engine_->gate(job.id), [this, id = job.id, state = found->state] {
            seen_.sightings.push_back({next(), id, state});
        });
    });
}

void world::change(verb what, known_job job) {
    const auto at = seen_.calls.size();
    job_call call;
    call.begun = next();
    call.what = what;
    call.id = job.id;
    call.args = job.args;
    seen_.calls.push_back(std::move(call));
    with_jobs({job.id}, [this, at, what, job] {
        result<change_answer> answer = error(errc::internal);
        if (what == verb::cancel) {
            answer = engine_->cancel(job.id, clock_.now);
        } else if (what == verb::activate) {
            answer = engine_->activate(job.id, clock_.now);
        } else if (what == verb::revive) {
            const auto revived = engine_->retry_dead_letter(job.id, clock_.now);
            if (revived) answer = change_answer{};
        } else {
            const auto gone = engine_->delete_dead_letter(job.id, clock_.now);
            if (gone) answer = change_answer{};
        }
        finish<change_answer>(at, engine_->gate(job.id), std::move(answer), {});
    });
}

/// A client hangs up.
void world::leave() {
    if (parked_.empty()) return;
    const auto it = std::next(parked_.begin(), static_cast<std::ptrdiff_t>(below(parked_.size())));
    if (engine_->abandon(it->first)) parked_.erase(it);
}

}  // namespace sluice::test
