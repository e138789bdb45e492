#include "proto/codec.hpp"
#include "proto/json_text.hpp"
#include "server/http/api/conformance_quirks.hpp"
#include "server/http/api/worker_answers.hpp"
#include "server/http/api/worker_checks.hpp"

#include <functional>
#include <utility>

/// Many answers of a worker in one request and one commit.
namespace sluice::http {
namespace {

using std::chrono::steady_clock;

/// Those a token may not touch are answered as if they were not there, and go no further.
struct sifted {
    std::vector<bool> acks, nacks, beats;  ///< whether each goes on
};

template <class Item>
asio::awaitable<std::vector<bool>> sift(services_ptr services, const request& r,
                                        std::vector<Item>& items) {
    std::vector<bool> goes(items.size(), true);
    if (r.queue_patterns.empty()) co_return goes;
    std::vector<Item> kept;
    for (std::size_t i = 0; i < items.size(); ++i) {
        goes[i] = co_await may_touch(services, r, items[i].job_id);
        if (goes[i]) kept.push_back(std::move(items[i]));
    }
    items = std::move(kept);
    co_return goes;
}

std::optional<error> check(const api_services& services, const request& r,
                           const answers_request& asked) {
    if (auto reserved = check_worker_id(asked.worker_id)) return reserved;
    for (const auto& each : asked.acks) {
        if (auto refused = check_answer(r, each)) return refused;
        if (auto refused = check_follow_ups(services, r, each.enqueue)) return refused;
    }
    for (const auto& each : asked.nacks)
        if (auto refused = check_answer(r, each)) return refused;
    if (asked.fetch) return check_fetch(r, *asked.fetch);
    return std::nullopt;
}

template <class Item>
std::vector<uuid> ids_of(const std::vector<Item>& items) {
    std::vector<uuid> ids;
    ids.reserve(items.size());
    for (const auto& each : items) ids.push_back(each.job_id);
    return ids;
}

class results_writer {
public:
    results_writer(std::string& out, const request& r) : out_(out), r_(r) {}

    void add(const uuid& id, const error& why) {
        const auto answer = error_response(named(why, "job", to_string(id)), r_);
        begin(id, answer.status);
        out_ += ',';
        out_.append(answer.body, 1);  // its one member is "error"
    }
    void add(const uuid& id, job_state state, const std::vector<uuid>& children = {}) {
        begin(id, 200);
        out_.append(R"(,"state":")").append(to_string(state)) += '"';
        if (!children.empty()) {
            out_ += R"(,"enqueued":)";
            json_writer list(out_);
            list.begin_array();
            for (const auto& child : children) list.id(child);
            list.end_array();
        }
        out_ += '}';
    }

private:
    void begin(const uuid& id, int status) {
        if (!std::exchange(first_, false)) out_ += ',';
        out_ += R"({"job_id":")";
        append_uuid(out_, id);
        out_.append(R"(","status":)").append(std::to_string(status));
    }

    std::string& out_;
    const request& r_;
    bool first_ = true;
};

void write_changes(results_writer& out, const std::vector<uuid>& ids, const std::vector<bool>& goes,
                   const std::vector<result<change_answer>>& changes) {
    auto next = changes.begin();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!goes[i]) {
            out.add(ids[i], error(errc::not_found));
            continue;
        }
        const auto& change = *next++;
        if (change)
            out.add(ids[i], change->job.state, change->job.children);
        else
            out.add(ids[i], change.error());
    }
}

void write_beats(results_writer& out, const std::vector<uuid>& ids, const std::vector<bool>& goes,
                 const std::optional<result<heartbeat_answer>>& answer) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!goes[i] || !answer) {
            out.add(ids[i], error(errc::not_found));
            continue;
        }
        if (!*answer) {
            out.add(ids[i], answer->error());
            continue;
        }
        const auto& beat = (*answer)->jobs[next++];
        if (beat.problem)
            out.add(ids[i], error(*beat.problem));
        else
            out.add(ids[i], beat.state);
    }
}

asio::awaitable<response> take_batch(services_ptr services, request r, path_values) {
    auto asked = decode_answers(r.body, services->now().wall);
    if (!asked) co_return error_response(asked.error(), r);
    co_await resolve_pool_after(services, r, asked->fetch);
    auto answering = answer_many(std::move(services), std::move(r), std::move(*asked));
    auto answer = co_await std::move(answering);
    co_return answer;
}

}  // namespace

asio::awaitable<response> answer_many(services_ptr services, request r, answers_request asked) {
    if (const auto refused = check(*services, r, asked)) co_return error_response(*refused, r);
    const auto parsed = steady_clock::now();
    const auto acks = ids_of(asked.acks);
    const auto nacks = ids_of(asked.nacks);
    const auto beats = ids_of(asked.heartbeat.jobs);
    sifted goes;
    goes.acks = co_await sift(services, r, asked.acks);
    goes.nacks = co_await sift(services, r, asked.nacks);
    goes.beats = co_await sift(services, r, asked.heartbeat.jobs);
    for (auto& ack : asked.acks) bound_to_queues(ack, r);
    const bool fetched = asked.fetch.has_value();
    auto made = co_await services->queue->answer_many(std::move(asked));
    if (!made) co_return error_response(made.error(), r);

    response answer;
    answer.body.reserve(128 * (acks.size() + nacks.size() + beats.size()) +
                        encoded_size(made->jobs));
    answer.body = R"({"results":[)";
    results_writer results(answer.body, r);
    write_changes(results, acks, goes.acks, made->acks);
    write_changes(results, nacks, goes.nacks, made->nacks);
    write_beats(results, beats, goes.beats, made->heartbeat);
    answer.body += ']';
    if (made->heartbeat && *made->heartbeat)
        answer.body += R"(,"directive":")" +
                       std::string(to_string(heartbeat_directive(**made->heartbeat))) + '"';
    if (fetched) {
        answer.body += ',';
        append_leased_jobs(answer.body, made->jobs);
    }
    answer.body += '}';
    add_server_timing(answer, r, parsed, made->commit);
    co_return answer;
}

void add_worker_batch_routes(router& routes, const services_ptr& services) {
    routes.add("POST", "/ojs/v1/workers/batch",
               {.needs = scope::work, .body_bytes_max = limits::batch_body_bytes_max},
               std::bind_front(take_batch, services));
}

}  // namespace sluice::http
