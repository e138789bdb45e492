#include "proto/codec.hpp"
#include "proto/worker_line.hpp"
#include "proto/worker_members.hpp"

#include <algorithm>
#include <array>

/// How workers answer for jobs: ack, nack, and many of both at once. Members we do not know are
/// ignored.
namespace sluice::decode {
namespace {

using std::chrono::milliseconds;

// --- ack

struct ack_draft {
    timestamp now;
    ack_request request;
};

template <auto Read>
fault in_ack(ack_draft& draft, const member& m) {
    return Read(draft.request, m);
}

fault ack_result(ack_request& r, const member& m) {
    r.result = m.value.text;
    return std::nullopt;
}

fault ack_enqueue(ack_draft& draft, const member& m) {
    if (m.value.kind != json_kind::array) return wrong_type(m, "array");
    auto jobs = read_jobs(m.value, m.name, limits::follow_ups_max, draft.now);
    if (!jobs) return jobs.error();
    draft.request.enqueue = *std::move(jobs);
    return std::nullopt;
}

constexpr std::array ack_rows{
    row<ack_draft>{"job_id", in_ack<job_id<ack_request>>, 0, presence::required},
    row<ack_draft>{"worker_id", in_ack<worker_id<ack_request>>, 1},
    row<ack_draft>{"lease", in_ack<lease<ack_request>>, 2},
    row<ack_draft>{"result", in_ack<ack_result>, 3},
    row<ack_draft>{"enqueue", ack_enqueue, 4},
    row<ack_draft>{"fetch", in_ack<fetch_too<ack_request>>, 5},
};

// --- nack

struct error_draft {
    job_failure failure;
    std::optional<bool> retryable;
    std::optional<milliseconds> retry_after;
    std::optional<timestamp> rate_limit_until;
    raw_json backtrace;
    std::string error_class;  ///< `details.error_class`
};

fault error_type(error_draft& draft, const member& m) {
    return read_words(m, limits::error_type_bytes_max, draft.failure.type);
}

fault error_code(error_draft& draft, const member& m) {
    return read_words(m, limits::error_type_bytes_max, draft.failure.code);
}

fault error_message(error_draft& draft, const member& m) {
    return read_words(m, limits::error_message_bytes_max, draft.failure.message);
}

fault error_retryable(error_draft& draft, const member& m) {
    return read_boolean(m, draft.retryable.emplace());
}

fault error_retry_after(error_draft& draft, const member& m) {
    return read_duration(m, milliseconds{1}, limits::retry_interval_max,
                         draft.retry_after.emplace());
}

fault error_rate_limit_until(error_draft& draft, const member& m) {
    std::string text;
    if (auto f = read_string(m, 64, text)) return f;
    draft.rate_limit_until = parse_timestamp(text);
    if (!draft.rate_limit_until) return bad_value(m, "be an RFC 3339 time with its offset");
    return std::nullopt;
}

raw_json bounded(std::string_view details) {
    if (details.size() <= limits::error_details_bytes_max) return raw_json{details};
    return R"({"dropped_bytes":)" + std::to_string(details.size()) + '}';
}

fault error_details(error_draft& draft, const member& m) {
    draft.failure.details = bounded(m.value.text);
    if (m.value.kind != json_kind::object) return std::nullopt;
    json_cursor members{m.value};
    std::string key;
    json_value value;
    while (members.next(key, value)) {
        if (key != "error_class" || value.kind != json_kind::string) continue;
        draft.error_class = json_unescape(value);
        cut_text(draft.error_class, limits::error_type_bytes_max);
    }
    return std::nullopt;
}

fault error_backtrace(error_draft& draft, const member& m) {
    draft.backtrace = m.value.text;
    return std::nullopt;
}

constexpr std::array error_rows{
    row<error_draft>{"type", error_type, 0},
    row<error_draft>{"code", error_code, 1},
    row<error_draft>{"message", error_message, 2, presence::required},
    row<error_draft>{"retryable", error_retryable, 3},
    row<error_draft>{"retry_after_ms", error_retry_after, 4},
    row<error_draft>{"rate_limit_until", error_rate_limit_until, 5},
    row<error_draft>{"details", error_details, 6},
    row<error_draft>{"backtrace", error_backtrace, 7},
};

struct nack_draft {
    nack_request request;
    bool has_error = false;
};

fault nack_error(nack_draft& draft, const member& m) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    draft.has_error = true;
    error_draft read;
    if (auto f = read_members<error_draft>(m.value, "error.", m.code, error_rows, read)) return f;
    auto& failure = read.failure;
    // Without a class of its own an error goes by the worker's class, else by its code.
    if (failure.type.empty()) failure.type = read.error_class;
    if (failure.type.empty()) failure.type = failure.code;
    if (failure.type.empty()) failure.type = "handler_error";
    if (failure.code.empty()) failure.code = "handler_error";
    if (failure.details.empty() && !read.backtrace.empty())
        failure.details = bounded(R"({"backtrace":)" + read.backtrace + '}');

    auto& request = draft.request;
    if (failure.code == "DISCARD" || failure.code == "FAIL") request.end = exhaustion::discard;
    if (failure.code == "DEAD_LETTER") request.end = exhaustion::dead_letter;
    request.retryable = read.retryable.value_or(true) && !request.end;
    request.retry_after = read.retry_after;
    request.rate_limit_until = read.rate_limit_until;
    request.failure = std::move(failure);
    return std::nullopt;
}

template <auto Read>
fault in_nack(nack_draft& draft, const member& m) {
    return Read(draft.request, m);
}

fault requeue(nack_request& r, const member& m) {
    return read_boolean(m, r.requeue);
}
fault release(nack_request& r, const member& m) {
    return read_boolean(m, r.release);
}
fault snooze_ms(nack_request& r, const member& m) {
    return read_duration(m, milliseconds{1}, limits::retry_interval_max, r.snooze.emplace());
}

constexpr std::array nack_rows{
    row<nack_draft>{"job_id", in_nack<job_id<nack_request>>, 0, presence::required},
    row<nack_draft>{"worker_id", in_nack<worker_id<nack_request>>, 1},
    row<nack_draft>{"lease", in_nack<lease<nack_request>>, 2},
    row<nack_draft>{"error", nack_error, 3},
    row<nack_draft>{"requeue", in_nack<requeue>, 4},
    row<nack_draft>{"release", in_nack<release>, 5},
    row<nack_draft>{"snooze_ms", in_nack<snooze_ms>, 6},
    row<nack_draft>{"fetch", in_nack<fetch_too<nack_request>>, 7},
};

/// One way out of a run, and a reason where it is a failure.
std::optional<error> check_nack(const nack_draft& draft, std::string_view where) {
    const auto& request = draft.request;
    const int ways = int{request.requeue} + int{request.release} + int{request.snooze.has_value()};
    if (ways > 1)
        return error{errc::invalid_request,
                     "Only one of 'requeue', 'release' and 'snooze_ms' can be asked for.",
                     "\"field\":\"" + std::string(where) + "release\""};
    if (!request.release && !request.snooze && !draft.has_error)
        return missing(where, "error", errc::invalid_request);
    return std::nullopt;
}

// --- many at once

struct answers_draft {
    timestamp now;
    answers_request request;
    bool has_heartbeat = false;
    std::size_t follow_ups = 0;  ///< over all acks
    std::int64_t credits = 0;
};

/// Calls `read` with each object of the array and its index.
template <class Read>
fault each_object(const member& m, std::string_view name, Read read) {
    if (m.value.kind != json_kind::array) return wrong_type(m, "array");
    json_cursor elements{m.value};
    std::string unused;
    json_value each;
    for (std::size_t i = 0; elements.next(unused, each); ++i) {
        const auto where = std::string(name) + '[' + std::to_string(i) + "].";
        if (i == limits::answers_max)
            return bad_value(
                m, "not have more than " + std::to_string(limits::answers_max) + " elements");
        if (each.kind != json_kind::object) return wrong_type({"", name, each}, "array of objects");
        if (auto f = read(each, where)) return f;
    }
    return std::nullopt;
}

fault many_acks(answers_draft& draft, const member& m) {
    return each_object(m, "ack", [&](json_value each, const std::string& where) -> fault {
        ack_draft one{draft.now, {}};
        if (auto f = read_members<ack_draft>(each, where, errc::invalid_request, ack_rows, one))
            return f;
        if (one.request.fetch) return bad_value({where, "fetch", each}, "be beside 'ack'");
        if (one.request.result.size() > limits::body_bytes_max)
            return bad_value({where, "result", each}, "be at most 1 MiB");
        draft.follow_ups += one.request.enqueue.size();
        if (draft.follow_ups > limits::batch_jobs_max)
            return bad_value({where, "enqueue", each},
                             "not bring the new jobs of the request above " +
                                 std::to_string(limits::batch_jobs_max));
        auto& acks = draft.request.acks;
        if (acks.empty())  // they are mostly alike; to make room again and again moves each twice
            acks.reserve(std::min(limits::answers_max, m.value.text.size() / each.text.size() + 1));
        acks.push_back(std::move(one.request));
        return std::nullopt;
    });
}

fault many_nacks(answers_draft& draft, const member& m) {
    return each_object(m, "nack", [&](json_value each, const std::string& where) -> fault {
        nack_draft one;
        if (auto f = read_members<nack_draft>(each, where, errc::invalid_request, nack_rows, one))
            return f;
        if (auto wrong = check_nack(one, where)) return wrong;
        if (one.request.fetch) return bad_value({where, "fetch", each}, "be beside 'nack'");
        draft.request.nacks.push_back(std::move(one.request));
        return std::nullopt;
    });
}

fault many_beats(answers_draft& draft, const member& m) {
    static constexpr std::array rows{
        row<heartbeat_job>{"job_id", job_id<heartbeat_job>, 0, presence::required},
        row<heartbeat_job>{"lease", lease<heartbeat_job>, 1},
    };
    draft.has_heartbeat = true;
    return each_object(m, "heartbeat", [&](json_value each, const std::string& where) -> fault {
        auto& job = draft.request.heartbeat.jobs.emplace_back();
        return read_members<heartbeat_job>(each, where, errc::invalid_request, rows, job);
    });
}

fault many_worker_id(answers_draft& draft, const member& m) {
    return read_string(m, limits::worker_id_bytes_max, draft.request.worker_id);
}

fault many_fetch(answers_draft& draft, const member& m) {
    return read_fetch(m, draft.request.fetch);
}

fault many_credits(answers_draft& draft, const member& m) {
    return read_integer(m, 0, worker_line::credits_max, draft.credits);
}

constexpr std::array answers_rows{
    row<answers_draft>{"worker_id", many_worker_id, 0},
    row<answers_draft>{"ack", many_acks, 1},
    row<answers_draft>{"nack", many_nacks, 2},
    row<answers_draft>{"heartbeat", many_beats, 3},
    row<answers_draft>{"fetch", many_fetch, 4},
};
constexpr std::array line_rows{
    answers_rows[0], answers_rows[1], answers_rows[2],
    answers_rows[3], answers_rows[4], row<answers_draft>{"credits", many_credits, 5},
};

}  // namespace
}  // namespace sluice::decode

namespace sluice {

void name_worker(answers_request& request, const std::string& worker_id) {
    request.worker_id = worker_id;
    const auto set = [&](std::string& id) {
        if (id.empty()) id = worker_id;
    };
    for (auto& each : request.acks) set(each.worker_id);
    for (auto& each : request.nacks) set(each.worker_id);
    if (request.fetch) set(request.fetch->worker_id);
    request.heartbeat.worker_id = worker_id;
    request.heartbeat.keeps_state = true;
}

result<ack_request> decode_ack(std::string_view body, timestamp now) {
    auto draft =
        decode::decode_body<decode::ack_draft>(body, decode::ack_rows, decode::ack_draft{now, {}});
    if (!draft) return draft.error();
    return std::move(draft->request);
}

result<nack_request> decode_nack(std::string_view body) {
    auto draft = decode::decode_body<decode::nack_draft>(body, decode::nack_rows);
    if (!draft) return draft.error();
    if (auto wrong = decode::check_nack(*draft, "")) return *std::move(wrong);
    return std::move(draft->request);
}

result<answers_request> decode_answers(std::string_view body, timestamp now) {
    auto draft = decode::decode_body<decode::answers_draft>(
        body, decode::answers_rows, decode::answers_draft{.now = now, .request = {}});
    if (!draft) return draft.error();
    if (draft->has_heartbeat && draft->request.worker_id.empty())
        return *decode::missing("", "worker_id", errc::invalid_request);
    name_worker(draft->request, std::string(draft->request.worker_id));
    return std::move(draft->request);
}

result<worker_line> decode_worker_line(std::string_view line, timestamp now) {
    auto draft = decode::decode_body<decode::answers_draft>(
        line, decode::line_rows, decode::answers_draft{.now = now, .request = {}});
    if (!draft) return draft.error();
    name_worker(draft->request, std::string(draft->request.worker_id));
    return worker_line{std::move(draft->request), static_cast<std::uint64_t>(draft->credits)};
}

}  // namespace sluice
