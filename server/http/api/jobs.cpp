#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "proto/limit_rule.hpp"
#include "proto/limits.hpp"
#include "server/http/api/answers.hpp"
#include "server/http/api/handlers.hpp"
#include "server/http/api/idempotency.hpp"
#include "server/http/api/job_stream.hpp"
#include "server/http/api/patience.hpp"
#include "server/http/api/rate_limit_fields.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <functional>

namespace sluice::http {
namespace {

using std::chrono::steady_clock;

void add_pressure(response& answer, const queue_pressure& queue) {
    const auto percent = static_cast<int>(std::min(queue.ratio(), 1.0) * 100);
    const auto digits = std::to_string(100 + percent);
    const auto ratio = std::to_string(percent / 100) + '.' + digits.substr(digits.size() - 2);
    answer.fields.emplace_back("X-OJS-Queue-Depth", std::to_string(queue.depth));
    answer.fields.emplace_back("X-OJS-Queue-Bound", std::to_string(queue.bound));
    answer.fields.emplace_back("X-OJS-Queue-Pressure", ratio);
}

/// What is the same in the answers to one job and to a batch.
void describe_push(response& answer, const request& r, const push_answer& pushed,
                   steady_clock::time_point parsed) {
    const bool stored = !pushed.replayed && pushed.deduplicated.size() < pushed.jobs.size();
    answer.status = stored ? 201 : 200;
    answer.fields.reserve(5);
    if (pushed.replayed) answer.fields.emplace_back("Idempotency-Replayed", "true");
    answer.fields.emplace_back("Durability", to_string(pushed.durability));
    if (pushed.pressure) add_pressure(answer, *pushed.pressure);
    std::optional<std::chrono::microseconds> commit;
    if (pushed.durability != durability_class::memory) commit = pushed.commit;
    add_server_timing(answer, r, parsed, commit);
}

/// A token for some queues neither learns of jobs in others nor replaces them.
void bound_to_queues(push_request& push, const request& r) {
    if (r.queue_patterns.empty()) return;
    push.may_touch = [&r](std::string_view queue) { return queue_allowed(r, queue); };
}

using bodies_ptr = std::shared_ptr<waiting_bodies>;

/// Where too many wait for room already, this one is refused at once if there is none. To be kept
/// until the push is over.
waiting_bodies::place wait_for_room(push_request& push, const request& r, const bodies_ptr& bodies,
                                    std::chrono::seconds patience) {
    if (patience.count() == 0) return {};
    auto place = waiting_bodies::enter(bodies, r.body.size());
    if (place) push.block = patience;
    push.stop = r.stop;
    return place;
}

/// Each line is a job for itself: an Idempotency-Key would be a promise about all of them.
asio::awaitable<response> push_lines(services_ptr services, request r) {
    if (!r.field("idempotency-key").empty())
        co_return error_response(
            error(errc::invalid_request,
                  "A stream of jobs takes no Idempotency-Key; give each job an id.",
                  R"("field":"Idempotency-Key")"),
            r);
    const auto executor = co_await asio::this_coro::executor;
    co_return job_stream::answer(
        std::make_shared<job_stream>(std::move(services), std::move(r), executor));
}

asio::awaitable<response> push_job(services_ptr services, bodies_ptr bodies, request r,
                                   path_values) {
    if (r.stream) {
        auto lines = push_lines(std::move(services), std::move(r));
        auto answer = co_await std::move(lines);
        co_return answer;
    }
    auto spec = decode_job(r.body, services->now().wall);
    if (!spec) co_return error_response(spec.error(), r);
    if (!queue_allowed(r, spec->queue)) co_return error_response(forbidden_queue(spec->queue), r);
    auto key = read_idempotency_key(r);
    if (!key) co_return error_response(key.error(), r);

    push_request push;
    push.jobs.push_back(std::move(*spec));
    if (services->check_job)
        push.check = [services](const auto& jobs) { return services->check_job(jobs.front()); };
    push.key = std::move(*key);
    bound_to_queues(push, r);
    const auto patience = read_patience(r);
    if (!patience) co_return error_response(patience.error(), r);
    const auto asked_wait = preferred_wait(r);
    if (!asked_wait) co_return error_response(asked_wait.error(), r);
    const auto wait = *asked_wait;
    const auto parsed = steady_clock::now();
    const auto place = wait_for_room(push, r, bodies, *patience);
    auto pushed = co_await services->queue->push(std::move(push));
    if (!pushed) co_return error_response(pushed.error(), r);

    if (wait) {
        // The job is stored; should the wait fail, its state of a moment ago is answer enough.
        const auto id = pushed->jobs.front().spec->id;
        auto ended = co_await services->queue->wait(id, *wait, r.stop);
        if (ended) pushed->jobs.front() = std::move(*ended);
    }
    const auto& job = pushed->jobs.front();
    response answer = job_answer(job);
    if (!pushed->deduplicated.empty()) {
        answer.body.back() = ',';
        answer.body += R"("deduplicated":true})";
    }
    describe_push(answer, r, *pushed, parsed);
    answer.fields.emplace_back("Location", "/ojs/v1/jobs/" + to_string(job.spec->id));
    if (wait) add_preference_applied(answer, *wait);
    if (job.spec->limit) {
        auto limit = co_await services->queue->rate_limit(job.spec->limit->key);
        if (limit && may_see(r, *limit))
            add_rate_limit_fields(answer, *limit, services->now().wall);
    }
    co_return answer;
}

/// The first job of a batch that its handler refuses: then none is stored.
std::optional<error> check_batch(const api_services& services, const std::vector<job_spec>& specs) {
    for (std::size_t i = 0; i < specs.size(); ++i) {
        auto refused = services.check_job(specs[i]);
        if (!refused) continue;
        const auto index = std::to_string(i);
        refused->message.insert(0, "Job " + index + ": ");
        refused->details.insert(0, "\"index\":" + index + (refused->details.empty() ? "" : ","));
        return refused;
    }
    return std::nullopt;
}

asio::awaitable<response> push_batch(services_ptr services, bodies_ptr bodies, request r,
                                     path_values) {
    auto specs = decode_batch(r.body, services->now().wall);
    if (!specs) co_return error_response(specs.error(), r);
    for (const auto& spec : *specs) {
        if (!queue_allowed(r, spec.queue)) co_return error_response(forbidden_queue(spec.queue), r);
    }
    auto key = read_idempotency_key(r);
    if (!key) co_return error_response(key.error(), r);

    push_request push;
    push.jobs = std::move(*specs);
    if (services->check_job)
        push.check = [services](const auto& jobs) { return check_batch(*services, jobs); };
    push.key = std::move(*key);
    bound_to_queues(push, r);
    const auto patience = read_patience(r);
    if (!patience) co_return error_response(patience.error(), r);
    const auto parsed = steady_clock::now();
    const auto place = wait_for_room(push, r, bodies, *patience);
    auto pushed = co_await services->queue->push(std::move(push));
    if (!pushed) co_return error_response(pushed.error(), r);

    response answer;
    answer.body.reserve(encoded_size(pushed->jobs));
    answer.body += '{';
    append_jobs(answer.body, pushed->jobs);
    answer.body += ",\"count\":" + std::to_string(pushed->jobs.size());
    if (!pushed->deduplicated.empty()) {
        json_writer out(answer.body);
        answer.body += ",\"deduplicated\":";
        out.begin_array();
        for (const auto index : pushed->deduplicated) out.integer(static_cast<std::int64_t>(index));
        out.end_array();
    }
    answer.body += '}';
    describe_push(answer, r, *pushed, parsed);
    co_return answer;
}

/// The job of a path, for a caller who may see it.
asio::awaitable<result<job_record>> find_job(services_ptr services, request r, std::string id,
                                             std::optional<std::chrono::seconds> wait) {
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return not_found("job", id);
    auto job =
        wait ? services->queue->wait(*parsed, *wait, r.stop) : services->queue->info(*parsed);
    auto found = co_await std::move(job);
    if (!found) co_return named(found.error(), "job", id);
    if (!queue_allowed(r, found->spec->queue)) co_return not_found("job", id);
    co_return found;
}

asio::awaitable<response> get_job(services_ptr services, request r, path_values values) {
    const auto asked_wait = preferred_wait(r);
    if (!asked_wait) co_return error_response(asked_wait.error(), r);
    const auto wait = *asked_wait;
    // Whether the caller may see it is asked first: a foreign job must not be known by the wait.
    std::optional<std::chrono::seconds> at_once;
    auto found = co_await find_job(services, r, values[0], at_once);
    if (!found) co_return error_response(found.error(), r);
    if (wait && !is_terminal(found->state)) {
        found = co_await find_job(services, r, values[0], wait);
        if (!found) co_return error_response(found.error(), r);
    }
    response answer = job_answer(*found);
    if (wait) add_preference_applied(answer, *wait);
    co_return answer;
}

/// Cancel and activate: one change of one job.
using job_change = asio::awaitable<result<change_answer>> (backend::*)(uuid);

asio::awaitable<result<change_answer>> change_job(services_ptr services, request r, std::string id,
                                                  job_change change) {
    const auto parsed = parse_uuid(id);
    if (!parsed) co_return not_found("job", id);
    if (!r.queue_patterns.empty()) {
        std::optional<std::chrono::seconds> at_once;
        auto found = co_await find_job(services, r, id, at_once);
        if (!found) co_return found.error();
    }
    auto changed = co_await (services->queue->*change)(*parsed);
    if (!changed) co_return named(changed.error(), "job", id);
    co_return changed;
}

asio::awaitable<response> cancel_job(services_ptr services, request r, path_values values) {
    auto changed = co_await change_job(services, r, values[0], &backend::cancel);
    if (!changed) co_return error_response(changed.error(), r);
    co_return job_answer(changed->job);
}

asio::awaitable<response> activate_job(services_ptr services, request r, path_values values) {
    auto changed = co_await change_job(services, r, values[0], &backend::activate);
    if (!changed) co_return error_response(changed.error(), r);
    response answer = job_answer(changed->job);
    // Two members that only this answer has (ojs-http-binding.md §9.5).
    answer.body.resize(answer.body.size() - 2);
    answer.body += R"(,"previous_state":"pending")";
    if (const auto& at = changed->job.available_at) {
        answer.body += R"(,"activated_at":")" + format_timestamp(*at) + '"';
    }
    answer.body += "}}";
    co_return answer;
}

}  // namespace

void add_job_routes(router& routes, const services_ptr& services) {
    const route_options enqueue{.needs = scope::enqueue};
    const route_options enqueue_lines{
        .needs = scope::enqueue, .takes_stream = true, .is_brief = asks_no_wait};
    const route_options enqueue_batch{.needs = scope::enqueue,
                                      .body_bytes_max = limits::batch_body_bytes_max,
                                      .is_brief = asks_no_wait};
    const route_options read{.needs = scope::read, .is_brief = asks_no_wait};
    const auto bodies = services->bodies
                            ? services->bodies
                            : std::make_shared<waiting_bodies>(services->waiting_bodies_max);
    routes.add("POST", "/ojs/v1/jobs", enqueue_lines, std::bind_front(push_job, services, bodies));
    routes.add("POST", "/ojs/v1/jobs/batch", enqueue_batch,
               std::bind_front(push_batch, services, bodies));
    routes.add("GET", "/ojs/v1/jobs/{id}", read, std::bind_front(get_job, services));
    routes.add("DELETE", "/ojs/v1/jobs/{id}", enqueue, std::bind_front(cancel_job, services));
    routes.add("POST", "/ojs/v1/jobs/{id}/activate", enqueue,
               std::bind_front(activate_job, services));
}

}  // namespace sluice::http
