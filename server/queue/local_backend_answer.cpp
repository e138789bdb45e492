#include "server/queue/local_backend_impl.hpp"

#include <utility>

/// Answers of workers: ack, nack, and many at once.
namespace sluice {
namespace {

/// Lets go of what may be large: many are kept at the same time, and the same job may be named
/// again and again.
void slim(result<change_answer>& answer) {
    if (!answer) return;
    auto& job = answer->job;
    job.result = {};
    job.parent_results = {};
    job.failures.clear();
    job.attempts.clear();
}

}  // namespace

result<change_answer> local_backend::named_answer(result<change_answer> answer,
                                                  const uuid& id) const {
    if (!answer && answer.error().code == errc::not_found) return missing(id);
    return answer;
}

asio::awaitable<result<change_answer>> local_backend::ack(ack_request request) {
    if (failed_) co_return failure();
    std::optional<std::uint64_t> follow_ups;
    if (!request.enqueue.empty()) {
        auto prepared = co_await prepare_jobs(request.enqueue);
        if (!prepared) co_return prepared.error();
        follow_ups = *prepared;
    }
    const bool ok = co_await load(request.job_id);
    if (!ok) co_return failure();
    auto answer = named_answer(engine_.ack(request, now()), request.job_id);
    if (follow_ups) engine_.end_load(*follow_ups);
    if (answer && !answer->repeated) pushed_ += request.enqueue.size();
    auto settled = co_await with_fetch(std::move(answer), request.job_id, std::move(request.fetch));
    co_return settled;
}

asio::awaitable<result<change_answer>> local_backend::nack(nack_request request) {
    if (failed_) co_return failure();
    const bool ok = co_await load(request.job_id);
    if (!ok) co_return failure();
    auto answer = named_answer(engine_.nack(request, now()), request.job_id);
    auto settled = co_await with_fetch(std::move(answer), request.job_id, std::move(request.fetch));
    co_return settled;
}

/// Settles an ack or nack, and leases the next jobs in the same batch where that was asked for. The
/// answer never waits for a job to come: whoever acknowledges wants to know first of all that it
/// counts.
asio::awaitable<result<change_answer>> local_backend::with_fetch(
    result<change_answer> answer, uuid id, std::optional<fetch_request> request) {
    if (!answer || !request) {
        auto settled = co_await settle(std::move(answer), id);
        co_return settled;
    }
    const auto begun = std::chrono::steady_clock::now();
    request->wait = std::chrono::milliseconds{0};
    auto outcome = engine_.fetch(*request, now());
    // First the grant: a taker that waits for a read must be known before the read is done.
    const std::stop_token nobody_goes;
    auto jobs = co_await await_grant(std::move(outcome), nobody_goes);
    auto settled = co_await settle(std::move(answer), id);
    if (!settled) co_return settled;
    if (!jobs) co_return jobs.error();
    settled->jobs = std::move(*jobs);
    settled->commit = since(begun);
    co_return settled;
}

/// One batch takes all of it: nothing comes in between once everything is in memory.
asio::awaitable<result<answers_outcome>> local_backend::answer_many(answers_request request) {
    if (failed_) co_return failure();
    ids named;
    named.reserve(request.acks.size() + request.nacks.size() + request.heartbeat.jobs.size());
    std::vector<std::uint64_t> loads;
    std::vector<std::optional<error>> refused(request.acks.size());
    for (std::size_t i = 0; i < request.acks.size(); ++i) {
        auto& ack = request.acks[i];
        named.push_back(ack.job_id);
        if (ack.enqueue.empty()) continue;
        auto prepared = co_await prepare_jobs(ack.enqueue);
        if (failed_) co_return failure();
        if (!prepared)
            refused[i] = prepared.error();
        else if (*prepared)
            loads.push_back(**prepared);
    }
    for (const auto& nack : request.nacks) named.push_back(nack.job_id);
    for (const auto& beat : request.heartbeat.jobs) named.push_back(beat.job_id);
    const bool ok = co_await make_resident(std::move(named));
    if (!ok) co_return failure();

    answers_outcome made;
    made.acks.reserve(request.acks.size());
    const auto time = now();  // reading the clocks costs as much as a tenth of an ack
    // In place: an answer is large to be moved from hand to hand.
    const auto finish = [](result<change_answer>& answer, const uuid& id) {
        if (!answer && answer.error().code == errc::not_found) answer = missing(id);
        slim(answer);
    };
    for (std::size_t i = 0; i < request.acks.size(); ++i) {
        const auto& ack = request.acks[i];
        if (refused[i])
            made.acks.emplace_back(*std::move(refused[i]));
        else
            finish(made.acks.emplace_back(engine_.ack(ack, time)), ack.job_id);
    }
    for (const auto& nack : request.nacks)
        finish(made.nacks.emplace_back(engine_.nack(nack, time)), nack.job_id);
    if (!request.heartbeat.jobs.empty())
        made.heartbeat = engine_.heartbeat(request.heartbeat, time);
    for (const auto load : loads) engine_.end_load(load);
    for (std::size_t i = 0; i < made.acks.size(); ++i)
        if (made.acks[i] && !made.acks[i]->repeated) pushed_ += request.acks[i].enqueue.size();
    const auto batch = engine_.gate();
    const auto begun = std::chrono::steady_clock::now();
    if (request.fetch) {
        request.fetch->wait = std::chrono::milliseconds{0};
        auto outcome = engine_.fetch(*request.fetch, now());
        const std::stop_token nobody_goes;
        auto jobs = co_await await_grant(std::move(outcome), nobody_goes);
        if (!jobs) co_return jobs.error();
        made.jobs = *std::move(jobs);
    }
    after_command();
    const bool settled = co_await durable(batch);
    if (!settled) co_return failure();
    made.commit = since(begun);
    for (auto* answers : {&made.acks, &made.nacks})
        for (auto& each : *answers)
            if (each && is_terminal(each->job.state) && !each->job.acked_at)
                each->job.acked_at = committed_at_;
    engine_.evict_idle(now());
    co_return made;
}

}  // namespace sluice
