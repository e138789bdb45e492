#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/conformance_quirks.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/patience.hpp"
#include "server/http/api/worker_checks.hpp"

#include <functional>
#include <utility>

namespace sluice::http {
namespace {

using std::chrono::steady_clock;

asio::awaitable<response> fetch_jobs(services_ptr services, request r, path_values) {
    auto fetch = decode_fetch(r.body);
    if (!fetch) co_return error_response(fetch.error(), r);
    if (!fetch->pool.empty()) {
        const auto missing = co_await resolve_pool(services, r, *fetch);
        if (missing) co_return error_response(*missing, r);
    }
    if (const auto refused = check_fetch(r, *fetch)) co_return error_response(*refused, r);
    const auto parsed = steady_clock::now();
    auto jobs = co_await services->queue->fetch(std::move(*fetch), r.stop);
    if (!jobs) co_return error_response(jobs.error(), r);
    response answer;
    answer.body.reserve(encoded_size(*jobs));
    answer.body += '{';
    append_leased_jobs(answer.body, *jobs);
    answer.body += '}';
    add_server_timing(answer, r, parsed, std::nullopt);
    co_return answer;
}

/// `"id":...,"job_id":...,"state":...,"attempt":N`: how the answers to ack and nack begin. The
/// binding says `job_id`, the conformance cases `id`.
void append_change(json_writer& out, const job_record& job) {
    const std::string id = to_string(job.spec->id);
    out.key("id").string(id).key("job_id").string(id).key("state").string(to_string(job.state));
    out.key("attempt").integer(job.attempt);
}

void append_time(json_writer& out, std::string_view name, const std::optional<timestamp>& time) {
    if (time) out.key(name).string(format_timestamp(*time));
}

/// Ends the object that the answer's body is, with the jobs fetched in the same request.
void close_with_jobs(std::string& body, bool fetched, const std::vector<job_record>& jobs) {
    if (fetched) {
        body += ',';
        append_leased_jobs(body, jobs);
    }
    body += '}';
}

response ack_answer(const change_answer& change, bool fetched) {
    response answer;
    answer.body.reserve(256 + encoded_size(change.jobs));
    json_writer out(answer.body);
    out.begin_object().key("acknowledged").boolean(true);
    append_change(out, change.job);
    append_time(out, "completed_at", change.job.finished_at);
    if (!change.job.children.empty()) {
        out.key("enqueued").begin_array();
        for (const auto& child : change.job.children) out.id(child);
        out.end_array();
    }
    close_with_jobs(answer.body, fetched, change.jobs);
    return answer;
}

response nack_answer(const change_answer& change, bool fetched) {
    const auto& job = change.job;
    response answer;
    answer.body.reserve(384 + encoded_size(change.jobs));
    json_writer out(answer.body);
    out.begin_object();
    append_change(out, job);
    out.key("max_attempts").integer(job.spec->retry.max_attempts);
    if (job.due_at) {
        // ojs-http-binding.md has the first name, ojs-retry.md the second.
        append_time(out, "next_attempt_at", job.due_at);
        append_time(out, "next_retry_at", job.due_at);
    }
    if (job.state == job_state::retryable && job.retry_delay) {
        out.key("retry_delay_ms").integer(job.retry_delay->count());
    }
    if (job.state == job_state::discarded) {
        append_time(out, "discarded_at", job.finished_at);
        append_time(out, "completed_at", job.finished_at);
        out.key("dead_letter").boolean(job.dead_letter);
    }
    close_with_jobs(answer.body, fetched, change.jobs);
    return answer;
}

asio::awaitable<response> ack_job(services_ptr services, request r, path_values) {
    auto ack = decode_ack(r.body, services->now().wall);
    if (!ack) co_return error_response(ack.error(), r);
    co_await resolve_pool_after(services, r, ack->fetch);
    if (const auto refused = check_answer(r, *ack)) co_return error_response(*refused, r);
    if (const auto refused = check_follow_ups(*services, r, ack->enqueue))
        co_return error_response(*refused, r);
    const auto id = ack->job_id;
    const bool fetched = ack->fetch.has_value();
    const auto parsed = steady_clock::now();
    if (!r.queue_patterns.empty()) {
        const bool allowed = co_await may_touch(services, r, id);
        if (!allowed) co_return error_response(not_found("job", to_string(id)), r);
    }
    bound_to_queues(*ack, r);
    auto change = co_await services->queue->ack(std::move(*ack));
    if (!change) co_return error_response(named(change.error(), "job", to_string(id)), r);
    response answer = ack_answer(*change, fetched);
    add_server_timing(answer, r, parsed, change->commit);
    co_return answer;
}

asio::awaitable<response> nack_job(services_ptr services, request r, path_values) {
    auto nack = decode_nack(r.body);
    if (!nack) co_return error_response(nack.error(), r);
    co_await resolve_pool_after(services, r, nack->fetch);
    if (const auto refused = check_answer(r, *nack)) co_return error_response(*refused, r);
    const auto id = nack->job_id;
    const bool fetched = nack->fetch.has_value();
    const auto parsed = steady_clock::now();
    if (!r.queue_patterns.empty()) {
        const bool allowed = co_await may_touch(services, r, id);
        if (!allowed) co_return error_response(not_found("job", to_string(id)), r);
    }
    auto change = co_await services->queue->nack(std::move(*nack));
    if (!change) co_return error_response(named(change.error(), "job", to_string(id)), r);
    response answer = nack_answer(*change, fetched);
    add_server_timing(answer, r, parsed, change->commit);
    co_return answer;
}

void append_beat(json_writer& out, const beat_result& beat) {
    out.begin_object().key("job_id").string(to_string(beat.job_id));
    if (beat.problem) {
        out.key("error").string(to_string(*beat.problem));
    } else {
        append_time(out, "lease_expires_at", beat.lease_expires_at);
    }
    if (beat.spec) out.key("state").string(to_string(beat.state));
    out.end_object();
}

response heartbeat_body(const heartbeat_answer& beat, timestamp now) {
    const auto directive = to_string(heartbeat_directive(beat));
    response answer;
    answer.body.reserve(160 + beat.jobs.size() * 192);
    json_writer out(answer.body);
    out.begin_object().key("state").string(directive).key("directive").string(directive);
    out.key("acknowledged").boolean(true);
    out.key("jobs_extended").begin_array();
    for (const auto& job : beat.jobs) {
        if (!job.problem) out.string(to_string(job.job_id));
    }
    out.end_array().key("jobs").begin_array();
    for (const auto& job : beat.jobs) append_beat(out, job);
    out.end_array().key("worker_silence_ms").integer(beat.worker_silence.count());
    out.key("server_time").string(format_timestamp(now)).end_object();
    return answer;
}

/// The answer as the caller sees it: each job of the request in its order. `foreign` ones, which
/// were never asked about, look like jobs that do not exist.
void add_foreign(heartbeat_answer& answer, const std::vector<heartbeat_job>& asked,
                 const std::vector<bool>& foreign) {
    std::vector<beat_result> all;
    all.reserve(asked.size());
    auto own = answer.jobs.begin();
    for (std::size_t i = 0; i < asked.size(); ++i) {
        if (!foreign[i]) {
            all.push_back(std::move(*own++));
            continue;
        }
        beat_result unknown;
        unknown.job_id = asked[i].job_id;
        unknown.problem = errc::not_found;
        all.push_back(std::move(unknown));
    }
    answer.jobs = std::move(all);
}

asio::awaitable<result<heartbeat_answer>> beat_own_jobs(services_ptr services, request r,
                                                        heartbeat_request beat) {
    const auto asked = std::exchange(beat.jobs, {});
    std::vector<bool> foreign;
    for (const auto& job : asked) {
        const bool allowed = co_await may_touch(services, r, job.job_id);
        foreign.push_back(!allowed);
        if (allowed) beat.jobs.push_back(job);
    }
    auto answer = co_await services->queue->heartbeat(std::move(beat));
    if (answer) add_foreign(*answer, asked, foreign);
    co_return answer;
}

asio::awaitable<response> heartbeat(services_ptr services, request r, path_values) {
    auto beat = decode_heartbeat(r.body);
    if (!beat) co_return error_response(beat.error(), r);
    if (const auto refused = check_worker_id(beat->worker_id)) {
        co_return error_response(*refused, r);
    }
    auto beating = r.queue_patterns.empty() ? services->queue->heartbeat(std::move(*beat))
                                            : beat_own_jobs(services, r, std::move(*beat));
    auto answer = co_await std::move(beating);
    if (!answer) co_return error_response(answer.error(), r);
    co_return heartbeat_body(*answer, services->now().wall);
}

}  // namespace

void add_worker_routes(router& routes, const services_ptr& services) {
    const route_options work{.needs = scope::work};
    const route_options brief{.needs = scope::work, .is_brief = asks_no_wait};
    routes.add("POST", "/ojs/v1/workers/fetch", work, std::bind_front(fetch_jobs, services));
    routes.add("POST", "/ojs/v1/workers/ack", brief, std::bind_front(ack_job, services));
    routes.add("POST", "/ojs/v1/workers/nack", brief, std::bind_front(nack_job, services));
    for (const auto path : {std::string_view("/ojs/v1/workers/heartbeat"), beat_path})
        routes.add("POST", path, brief, std::bind_front(heartbeat, services));
}

}  // namespace sluice::http
