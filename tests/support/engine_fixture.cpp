#include "tests/support/engine_fixture.hpp"

#include <stdexcept>

namespace sluice::test {
namespace {

template <class T>
T require(result<T> value) {
    if (!value) throw std::runtime_error("refused: " + value.error().message);
    return std::move(*value);
}

}  // namespace

job_spec make_spec(std::string queue, std::string type) {
    job_spec spec;
    spec.queue = std::move(queue);
    spec.type = std::move(type);
    spec.retry.jitter = false;
    spec.retry.strategy = backoff_strategy::constant;
    return spec;
}

engine_fixture::engine_fixture(engine_config wanted) : config(std::move(wanted)) {
    boot();
}

void engine_fixture::boot(bool closed) {
    store_ = std::make_unique<memory_store>(disk);
    engine_ = std::make_unique<engine>(config, disk->epoch() + 1, clock.now);
    grants_.clear();
    std::vector<job_record> active;
    restore_sink sink;
    sink.waiting = [&](const waiting_job& job) { engine_->restore_waiting(job); };
    sink.queue = [&](std::string_view name, bool paused) { engine_->restore_queue(name, paused); };
    sink.setting = [&](const setting_record& setting) { engine_->restore_setting(setting); };
    sink.cron = [&](cron_record record) { engine_->restore_cron(std::move(record)); };
    sink.workflow = [&](workflow_record record) { engine_->restore_workflow(std::move(record)); };
    sink.dead_letters = [&](std::string_view name, std::uint64_t count) {
        engine_->restore_dead_letters(name, count);
    };
    sink.active = [&](job_record record) { active.push_back(std::move(record)); };
    auto summary = store_->restore_blocking(sink);
    summary.closed = closed;
    engine_->boot(summary);
    for (auto& record : active) engine_->restore_active(std::move(record), clock.now);
    if (!manual) settle();
}

void engine_fixture::crash() {
    boot(false);
}

void engine_fixture::lose_power(std::size_t survivors) {
    disk->lose_power(survivors);
    boot(false);
}

// -- journal

bool engine_fixture::commit() {
    if (!engine_->has_changes()) return false;
    const auto outcome = store_->commit_blocking(engine_->take_batch(clock.now));
    if (outcome.status != commit_status::ok) throw std::runtime_error(outcome.message);
    engine_->committed(clock.now);
    collect_grants();
    return true;
}

bool engine_fixture::serve_loads() {
    auto all = engine_->take_wanted();
    for (const auto& wanted : all)
        engine_->admit_wanted(wanted, store_->load_blocking(wanted.seqs),
                              store_->load_results_blocking(wanted.parents), clock.now);
    auto reads = engine_->take_redrive_reads();
    for (const auto& read : reads)
        engine_->admit_redrive(read, store_->list_blocking(read.query), clock.now);
    collect_grants();
    return !all.empty() || !reads.empty();
}

void engine_fixture::settle() {
    bool more = true;
    while (more) {
        const bool loaded = serve_loads();
        const bool committed = commit();
        more = loaded || committed;
    }
    engine_->evict_idle(clock.now);
}

void engine_fixture::collect_grants() {
    for (auto& grant : engine_->take_grants()) grants_.emplace(grant.taker, std::move(grant));
}

void engine_fixture::make_resident(const uuid& id) {
    if (engine_->resident(id)) return;
    const auto load = engine_->begin_load();
    engine_->admit(store_->find_blocking(id), load);
}

// -- commands

result<std::vector<job_record>> engine_fixture::try_push(push_request request) {
    auto stored = push_outcome_of(std::move(request));
    if (!stored) return stored.error();
    return std::move(stored->jobs);
}

result<push_outcome> engine_fixture::push_outcome_of(push_request request) {
    for (const auto& spec : request.jobs)
        if (spec.client_id) make_resident(spec.id);
    const auto load = engine_->begin_load();
    auto lookups = unique_lookups(request.jobs);
    while (!lookups.empty()) {
        ++lookup_rounds;
        std::vector<unique_lookup> next;
        for (const auto& each : lookups) {
            auto found = store_->find_unique_blocking(each.key, each.state, each.before_seq,
                                                      unique_lookup::jobs_max);
            if (auto more = engine_->admit_unique(each, std::move(found), load))
                next.push_back(*more);
        }
        lookups = std::move(next);
    }
    auto stored = engine_->push(std::move(request), clock.now);
    engine_->end_load(load);
    if (!manual) settle();
    return stored;
}

uuid engine_fixture::push(job_spec spec) {
    push_request request;
    request.jobs.push_back(std::move(spec));
    return require(try_push(std::move(request))).front().spec->id;
}

uuid engine_fixture::push(std::string queue) {
    return push(make_spec(std::move(queue)));
}

std::vector<uuid> engine_fixture::push_many(std::string queue, int count) {
    push_request request;
    for (int i = 0; i < count; ++i) request.jobs.push_back(make_spec(queue));
    std::vector<uuid> ids;
    for (const auto& job : require(try_push(std::move(request)))) ids.push_back(job.spec->id);
    return ids;
}

std::vector<job_record> engine_fixture::fetch(fetch_request request) {
    const auto outcome = engine_->fetch(request, clock.now);
    if (!manual) settle();
    if (!outcome.parked) return engine_->granted(outcome.leases);
    auto given = answer_to(*outcome.parked);
    return given ? std::move(*given) : std::vector<job_record>{};
}

std::vector<job_record> engine_fixture::fetch(std::string queue, std::size_t count) {
    fetch_request request;
    request.worker_id = "w1";
    request.queues.push_back(std::move(queue));
    request.count = count;
    return fetch(std::move(request));
}

job_record engine_fixture::fetch_one(std::string queue, std::string worker) {
    fetch_request request;
    request.worker_id = std::move(worker);
    request.queues.push_back(std::move(queue));
    auto jobs = fetch(std::move(request));
    if (jobs.size() != 1)
        throw std::runtime_error("expected one job, got " + std::to_string(jobs.size()));
    return std::move(jobs.front());
}

std::uint64_t engine_fixture::park(fetch_request request) {
    const auto outcome = engine_->fetch(request, clock.now);
    if (!manual) settle();
    if (!outcome.parked) throw std::runtime_error("the fetch was answered at once");
    return *outcome.parked;
}

std::optional<std::vector<job_record>> engine_fixture::answer_to(std::uint64_t taker) {
    collect_grants();
    const auto it = grants_.find(taker);
    if (it == grants_.end() || it->second.gate > engine_->committed_batch()) return std::nullopt;
    return engine_->granted(it->second.leases);
}

result<change_answer> engine_fixture::ack(const job_record& granted, raw_json value) {
    make_resident(granted.spec->id);
    ack_request request;
    request.job_id = granted.spec->id;
    request.lease = granted.lease;
    request.worker_id = granted.worker_id;
    request.result = std::move(value);
    auto answer = engine_->ack(request, clock.now);
    if (!manual) settle();
    return answer;
}

result<change_answer> engine_fixture::nack(const job_record& granted) {
    return nack(granted, {});
}

result<change_answer> engine_fixture::nack(const job_record& granted, nack_request request) {
    make_resident(granted.spec->id);
    request.job_id = granted.spec->id;
    request.lease = granted.lease;
    request.worker_id = granted.worker_id;
    auto answer = engine_->nack(request, clock.now);
    if (!manual) settle();
    return answer;
}

void engine_fixture::run_returned(const job_record& granted) {
    engine_->run_returned(granted.lease, clock.now);
    if (!manual) settle();
}

result<change_answer> engine_fixture::cancel(const uuid& id) {
    make_resident(id);
    auto answer = engine_->cancel(id, clock.now);
    if (!manual) settle();
    return answer;
}

result<change_answer> engine_fixture::activate(const uuid& id) {
    make_resident(id);
    auto answer = engine_->activate(id, clock.now);
    if (!manual) settle();
    return answer;
}

result<job_record> engine_fixture::retry_dead_letter(const uuid& id) {
    make_resident(id);
    auto answer = engine_->retry_dead_letter(id, clock.now);
    if (!manual) settle();
    return answer;
}

result<void> engine_fixture::delete_dead_letter(const uuid& id) {
    make_resident(id);
    auto answer = engine_->delete_dead_letter(id, clock.now);
    if (!manual) settle();
    return answer;
}

std::string engine_fixture::begin_redrive(redrive_request request) {
    const auto begun = require(engine_->begin_redrive(std::move(request), clock.now));
    if (!manual) settle();
    return begun.redrive.id;
}

redrive_view engine_fixture::redrive(const std::string& id) {
    return require(engine_->redrive(id));
}

heartbeat_answer engine_fixture::heartbeat(std::string worker, std::vector<job_record> held) {
    heartbeat_request request;
    request.worker_id = std::move(worker);
    for (const auto& job : held) {
        make_resident(job.spec->id);
        request.jobs.push_back({job.spec->id, job.lease});
    }
    auto answer = require(engine_->heartbeat(request, clock.now));
    if (!manual) settle();
    return answer;
}

job_record engine_fixture::job(const uuid& id) {
    make_resident(id);
    auto found = require(engine_->info(id));
    if (!manual) settle();
    return found;
}

bool engine_fixture::known(const uuid& id) {
    make_resident(id);
    const bool there = engine_->info(id).has_value();
    if (!manual) settle();
    return there;
}

queue_stats engine_fixture::stats(const std::string& queue) {
    for (auto& stats : engine_->queues())
        if (stats.name == queue) return stats;
    throw std::runtime_error("no queue " + queue);
}

// -- time

void engine_fixture::run_timers() {
    engine_->run_timers(clock.now);
    if (!manual) settle();
}

void engine_fixture::pass(std::chrono::microseconds time) {
    while (time.count() > 0) {
        const auto next = engine_->next_timer(clock.now);
        const auto step =
            next && *next < time ? std::max(*next, std::chrono::microseconds{1}) : time;
        clock.advance(step);
        time -= step;
        run_timers();
    }
}

}  // namespace sluice::test
