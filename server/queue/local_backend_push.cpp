#include "server/queue/local_backend_impl.hpp"
#include "server/rules/unique.hpp"

#include <algorithm>

namespace sluice {
namespace {

error key_problem(errc problem) {
    if (problem == errc::in_flight)
        return {problem, "The first request with this Idempotency-Key is still being stored."};
    return {problem, "This Idempotency-Key was used with another body."};
}

/// Whether a job may be there already.
bool needs_look_up(const job_spec& spec) {
    return spec.client_id || spec.unique;
}

std::optional<error> set_unique_keys(std::vector<job_spec>& jobs) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        auto wrong = rules::set_unique_key(jobs[i]);
        if (!wrong) continue;
        if (jobs.size() > 1) wrong->message.insert(0, "Job " + std::to_string(i) + ": ");
        return wrong;
    }
    return std::nullopt;
}

}  // namespace

/// The jobs an Idempotency-Key stands for, from memory or from the store; empty when the key is
/// new.
asio::awaitable<result<local_backend::ids>> local_backend::find_replay(idempotency_key key) {
    auto known = engine_.find_key(key, now());
    if (known.problem) co_return key_problem(*known.problem);
    if (!known.replay.empty()) co_return std::move(known.replay);
    const bool usable = co_await past_reset();
    if (!usable) co_return failure();
    const auto load = engine_.begin_load();
    auto read = [this, &key] { return store_->find_key_blocking(key.key); };
    const auto stored = co_await read_store(read);
    if (!stored) co_return failure();
    engine_.end_load(load);
    known = engine_.find_key(key, now());  // another request may have brought it in meanwhile
    if (known.problem) co_return key_problem(*known.problem);
    if (!known.replay.empty()) co_return std::move(known.replay);
    if (!*stored || (*stored)->expires_at <= now().wall) co_return ids{};
    if ((*stored)->key.body_hash != key.body_hash) co_return key_problem(errc::key_reused);
    co_return (*stored)->job_ids;
}

asio::awaitable<result<push_answer>> local_backend::replay(
    ids jobs, std::function<bool(std::string_view)> may_touch) {
    push_answer made;
    made.replayed = true;
    for (const auto& id : jobs) {
        auto job = co_await info(id);
        // A duplicate of a job elsewhere may have been the answer to somebody who may see it.
        if (job && may_touch && !may_touch(job->spec->queue))
            co_return error(errc::forbidden,
                            "The job of this Idempotency-Key is in a queue that this token may "
                            "not touch.");
        if (job) made.jobs.push_back(std::move(*job));
    }
    if (made.jobs.empty()) co_return missing(jobs.front());  // ended, and its retention has passed
    co_return made;
}

/// Brings the jobs into memory that new ones may be duplicates of. They stay until `load`, which
/// began before, has ended. False when the store failed.
asio::awaitable<bool> local_backend::load_duplicates(std::vector<unique_lookup> lookups,
                                                     std::uint64_t load) {
    using found_jobs = std::vector<std::vector<job_store::found_job>>;
    while (!lookups.empty()) {
        auto read = [this, &lookups] {
            found_jobs found;
            for (const auto& each : lookups)
                found.push_back(store_->find_unique_blocking(each.key, each.state, each.before_seq,
                                                             unique_lookup::jobs_max));
            return found;
        };
        auto found = co_await read_store(read);
        if (!found) co_return false;
        std::vector<unique_lookup> next;
        for (std::size_t i = 0; i < lookups.size(); ++i)
            if (auto more = engine_.admit_unique(lookups[i], std::move((*found)[i]), load))
                next.push_back(*more);
        lookups = std::move(next);
    }
    co_return !failed_;
}

/// Sets the unique keys of new jobs, and brings those into memory that they may be duplicates of.
/// Answers the load that keeps these until it ends, if one was needed. Errors: invalid_request,
/// store_failed.
asio::awaitable<result<std::optional<std::uint64_t>>> local_backend::prepare_jobs(
    std::vector<job_spec>& jobs) {
    if (auto wrong = set_unique_keys(jobs)) co_return *std::move(wrong);
    auto loaded = co_await load_known(jobs);
    co_return loaded;
}

/// The second half of it. Errors: store_failed.
asio::awaitable<result<std::optional<std::uint64_t>>> local_backend::load_known(
    const std::vector<job_spec>& jobs) {
    std::optional<std::uint64_t> load;
    if (std::ranges::none_of(jobs, needs_look_up)) co_return load;
    const bool usable = co_await past_reset();
    if (!usable) co_return failure();
    // What either read brings in stays until the push, and so does what was there before.
    load = engine_.begin_load();
    ids given;
    for (const auto& spec : jobs)
        if (spec.client_id) given.push_back(spec.id);
    auto lookups = unique_lookups(jobs);
    bool ok = co_await load_duplicates(std::move(lookups), *load);
    if (ok) ok = co_await make_resident(std::move(given));
    if (!ok) co_return failure();
    co_return load;
}

/// Those behind may need less room than there is.
void local_backend::leave_room_line(room_line::place& mine) {
    const auto queue = mine.queue;
    room_line_.leave(mine);
    room_line_.make_way(queue, engine_.room(queue));
}

/// For a producer that rather waits than be refused: tries whenever there may be room in a full
/// queue.
asio::awaitable<result<push_answer>> local_backend::push_patiently(push_request request) {
    const auto deadline = std::chrono::steady_clock::now() + request.block;
    if (request.key && !failed_) {  // what is stored already waits for no room
        auto known = co_await find_replay(*request.key);
        if (!known) co_return known.error();
        if (!known->empty()) {
            auto first = co_await replay(std::move(*known), std::move(request.may_touch));
            co_return first;
        }
    }
    std::map<std::string, std::uint64_t> counts;
    for (const auto& spec : request.jobs) ++counts[spec.queue];
    room_line::place mine;
    std::optional<std::string> at;
    const bool may_join = !failed_ && !engine_.draining();
    for (const auto& [queue, count] : counts)
        // Those come first; but what can never fit must not stand in their way.
        if (may_join && room_line_.crowded(queue) &&
            engine_.may_wait(queue, count, request.insists))
            at = queue;
    for (bool last = false;;) {
        if (!at) {
            auto attempt = request;
            auto made = co_await look_up_and_store(std::move(attempt));
            if (!made && made.error().code == errc::queue_full)
                at = engine_.blocked_at(counts, request.insists);
            if (!at || last) {
                leave_room_line(mine);
                co_return made;
            }
        }
        // Room that was kept for this one is for those behind it, now that it waits elsewhere.
        if (mine.ticket != 0 && mine.queue != *at) leave_room_line(mine);
        room_line_.join(mine, *at, counts.at(*at));
        auto waiting = room_line_.wait(mine, deadline, request.stop);
        last = !co_await std::move(waiting);
        at.reset();
        if (request.stop.stop_requested()) {  // nobody is there any more to hear of it
            leave_room_line(mine);
            co_return error(errc::queue_full);
        }
    }
}

/// Most pushes need no read, and no coroutine but the one that stores.
asio::awaitable<result<push_answer>> local_backend::push(push_request request) {
    if (request.block.count() > 0) return push_patiently(std::move(request));
    const bool plain = !request.key && std::ranges::none_of(request.jobs, needs_look_up);
    if (plain) return store(std::move(request), std::nullopt);
    return look_up_and_store(std::move(request));
}

asio::awaitable<result<push_answer>> local_backend::look_up_and_store(push_request request) {
    if (failed_) co_return failure();
    if (request.key) {
        auto known = co_await find_replay(*request.key);
        if (!known) co_return known.error();
        if (!known->empty()) {
            auto may_touch = std::move(request.may_touch);
            auto first = co_await replay(std::move(*known), std::move(may_touch));
            co_return first;
        }
    }
    auto prepared = co_await prepare_jobs(request.jobs);
    if (!prepared) co_return prepared.error();
    const auto load = *prepared;
    if (request.key && load) {
        auto known = engine_.find_key(*request.key, now());
        if (known.known()) engine_.end_load(*load);
        if (known.problem) co_return key_problem(*known.problem);
        if (!known.replay.empty()) {
            auto may_touch = std::move(request.may_touch);
            auto first = co_await replay(std::move(known.replay), std::move(may_touch));
            co_return first;
        }
    }
    // Up to its first wait this runs at once: nothing comes in between.
    auto storing = store(std::move(request), load);
    auto stored = co_await std::move(storing);
    co_return stored;
}

/// Ends `load` once the jobs are in memory.
asio::awaitable<result<push_answer>> local_backend::store(push_request request,
                                                          std::optional<std::uint64_t> load) {
    if (failed_) co_return failure();
    // A job that is there already is a duplicate, whatever the rules say of it now.
    const bool known = std::any_of(
        request.jobs.begin(), request.jobs.end(),
        [this](const job_spec& spec) { return spec.client_id && engine_.resident(spec.id); });
    const bool keyed = request.key.has_value();
    std::optional<error> refused;
    if (request.check && !known) refused = request.check(request.jobs);
    result<push_outcome> stored = push_outcome{};
    if (!refused) stored = engine_.push(std::move(request), now());
    if (load) engine_.end_load(*load);
    if (refused) co_return *std::move(refused);
    const auto batch = engine_.gate();
    after_command();
    if (!stored) {
        if (stored.error().code == errc::disk_low) recheck_disk();
        engine_.evict_idle(now());
        if (stored.error().code == errc::duplicate) {
            // The job that has the id may still be on its way to the disk.
            const bool there = co_await durable(batch);
            if (!there) co_return failure();
        }
        co_return stored.error();
    }
    push_answer made;
    made.jobs = std::move(stored->jobs);
    made.deduplicated = std::move(stored->deduplicated);
    made.pressure = stored->pressure;
    const auto begun = std::chrono::steady_clock::now();
    // A key must be there when the request is repeated.
    if (stored->asked != durability_class::memory || keyed || engine_.crowded()) {
        const bool ok = co_await durable(batch);
        if (!ok) co_return failure();
    }
    made.durability = engine_.reached(batch);
    pushed_ += made.jobs.size() - made.deduplicated.size();
    made.commit = since(begun);
    auto there_before = made.deduplicated.begin();
    for (std::size_t i = 0; i < made.jobs.size(); ++i) {
        auto& job = made.jobs[i];
        if (there_before != made.deduplicated.end() && *there_before == i) {
            ++there_before;
            continue;
        }
        if (made.durability == durability_class::memory) continue;
        if (made.durability == durability_class::fsync) job.durable_at = committed_at_;
        if (job.available_at) job.available_at = committed_at_;
    }
    co_return made;
}

}  // namespace sluice
