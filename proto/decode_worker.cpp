#include "proto/codec.hpp"
#include "proto/decode.hpp"
#include "proto/limits.hpp"
#include "proto/type_pattern.hpp"
#include "proto/worker_members.hpp"

#include <algorithm>
#include <array>

/// What workers send beside their answers: fetch, progress, heartbeat. Members we do not know are
/// ignored.
namespace sluice::decode {

fault read_lease(const member& m, std::optional<lease_token>& out) {
    if (m.value.kind != json_kind::string) return wrong_type(m, "string");
    out = parse_lease(json_unescape(m.value));
    // A text that was never issued is a lease that was never given.
    if (!out)
        return error{errc::lease_lost, "The lease was not given by this server.",
                     R"("field":"lease")"};
    return std::nullopt;
}

/// A worker's words are shortened, never refused: its answer matters more.
fault read_words(const member& m, std::size_t bytes_max, std::string& out) {
    if (m.value.kind != json_kind::string) return wrong_type(m, "string");
    out = json_unescape(m.value);
    cut_text(out, bytes_max);
    return std::nullopt;
}

namespace {

using std::chrono::milliseconds;

// --- fetch

fault queues(fetch_request& r, const member& m) {
    if (auto f = read_strings(m, limits::fetch_queues_max, limits::queue_bytes_max, r.queues))
        return f;
    // A name no job can have is a mistake that would otherwise look like an empty queue.
    json_cursor elements{m.value};
    std::string unused;
    member element = m;
    while (elements.next(unused, element.value)) {
        std::string name;
        if (auto f = read_queue(element, name)) return f;
    }
    return std::nullopt;
}

fault pool(fetch_request& r, const member& m) {
    return read_queue(m, r.pool);
}

/// Names that no job can have are never there; a star that is no pattern is a mistake.
fault types(fetch_request& r, const member& m) {
    if (auto f = read_strings(m, limits::fetch_types_max, limits::type_bytes_max, r.types))
        return f;
    for (const auto& type : r.types) {
        const auto prefix = pattern_prefix(type);
        const auto star = prefix.value_or(type).find('*');
        if (star != std::string_view::npos || (prefix && *prefix == "."))
            return bad_value(m, "hold types, prefixes that end in '.*', or '*'");
    }
    // All of them is what no filter means.
    if (std::find(r.types.begin(), r.types.end(), "*") != r.types.end()) r.types.clear();
    return std::nullopt;
}

fault fetch_id(fetch_request& r, const member& m) {
    return read_string(m, limits::fetch_id_bytes_max, r.fetch_id);
}

fault count(fetch_request& r, const member& m) {
    std::int64_t number = 0;
    if (auto f = read_integer(m, 1, INT64_MAX, number)) return f;
    r.count = std::min(static_cast<std::size_t>(number), limits::fetch_count_max);
    return std::nullopt;
}

fault wait_ms(fetch_request& r, const member& m) {
    std::int64_t number = 0;
    if (auto f = read_integer(m, 0, INT64_MAX, number)) return f;
    r.wait = milliseconds{std::min<std::int64_t>(number, limits::wait_max.count())};
    return std::nullopt;
}

constexpr std::array fetch_rows{
    row<fetch_request>{"worker_id", worker_id<fetch_request>, 0},
    row<fetch_request>{"queues", queues, 1},
    row<fetch_request>{"types", types, 2},
    row<fetch_request>{"count", count, 3},
    row<fetch_request>{"visibility_timeout_ms", visibility_timeout_ms<fetch_request>, 4},
    row<fetch_request>{"wait_ms", wait_ms, 5},
    row<fetch_request>{"fetch_id", fetch_id, 6},
    row<fetch_request>{"pool", pool, 7},
};

fault read_fetch_members(json_value object, std::string_view where, fetch_request& out) {
    auto f = read_members<fetch_request>(object, where, errc::invalid_request, fetch_rows, out);
    if (f) return f;
    if (!out.pool.empty() && !out.queues.empty())
        return error{errc::invalid_request, "'pool' must not come with 'queues'.",
                     "\"field\":\"" + std::string(where) + "pool\""};
    if (out.pool.empty() && out.queues.empty()) out.queues.emplace_back("default");
    return std::nullopt;
}

// --- progress

fault progress_fraction(progress_request& r, const member& m) {
    const auto number = json_number(m.value);
    if (!number) return wrong_type(m, "number");
    r.fraction = std::clamp(*number, 0.0, 1.0);
    return std::nullopt;
}

fault progress_data(progress_request& r, const member& m) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    if (m.value.text.size() > limits::progress_data_bytes_max)
        return bad_value(
            m, "be at most " + std::to_string(limits::progress_data_bytes_max) + " bytes");
    r.data = m.value.text;
    return std::nullopt;
}

fault progress_message(progress_request& r, const member& m) {
    return read_words(m, limits::progress_message_bytes_max, r.message);
}

constexpr std::array progress_rows{
    row<progress_request>{"worker_id", worker_id<progress_request>, 0},
    row<progress_request>{"lease", lease<progress_request>, 1},
    row<progress_request>{"progress", progress_fraction, 2},
    row<progress_request>{"message", progress_message, 3},
    row<progress_request>{"data", progress_data, 4},
};

// --- heartbeat

fault active_job_object(heartbeat_job& job, json_value object) {
    static constexpr std::array rows{
        row<heartbeat_job>{"job_id", job_id<heartbeat_job>, 0, presence::required},
        row<heartbeat_job>{"lease", lease<heartbeat_job>, 1},
    };
    return read_members<heartbeat_job>(object, "active_jobs[].", errc::invalid_request, rows, job);
}

/// Ids, or objects that name the lease too.
fault read_jobs(heartbeat_request& r, const member& m) {
    json_cursor elements{m.value};
    std::string unused;
    member element = m;
    while (elements.next(unused, element.value)) {
        if (r.jobs.size() == limits::heartbeat_jobs_max)
            return bad_value(
                m, "not name more than " + std::to_string(limits::heartbeat_jobs_max) + " jobs");
        auto& job = r.jobs.emplace_back();
        auto f = element.value.kind == json_kind::object ? active_job_object(job, element.value)
                                                         : read_job_id(element, job.job_id);
        if (f) return f;
    }
    return std::nullopt;
}

/// The binding has ids here; the worker protocol has their number and puts the ids in
/// `active_job_ids`.
fault active_jobs(heartbeat_request& r, const member& m) {
    if (m.value.kind == json_kind::array) return read_jobs(r, m);
    if (json_integer(m.value)) return std::nullopt;
    return wrong_type(m, "array");
}

fault active_job_ids(heartbeat_request& r, const member& m) {
    if (m.value.kind != json_kind::array) return wrong_type(m, "array");
    return read_jobs(r, m);
}

fault state(heartbeat_request& r, const member& m) {
    std::string name;
    if (auto f = read_string(m, 64, name)) return f;
    if (name == "running") {
        r.state = worker_state::running;
    } else if (name == "quiet" || name == "drain" || name == "draining") {
        r.state = worker_state::quiet;
    } else if (name == "terminate" || name == "shutting_down") {
        r.state = worker_state::terminate;
    } else {
        return bad_value(m, "be 'running', 'quiet' or 'terminate'");
    }
    return std::nullopt;
}

constexpr std::array heartbeat_rows{
    row<heartbeat_request>{"worker_id", worker_id<heartbeat_request>, 0, presence::required},
    row<heartbeat_request>{"state", state, 1},
    row<heartbeat_request>{"active_jobs", active_jobs, 2},
    row<heartbeat_request>{"active_job_ids", active_job_ids, 3},
    row<heartbeat_request>{"visibility_timeout_ms", visibility_timeout_ms<heartbeat_request>, 4},
};

}  // namespace

fault read_fetch(const member& m, std::optional<fetch_request>& out) {
    if (m.value.kind != json_kind::object) return wrong_type(m, "object");
    return read_fetch_members(m.value, "fetch.", out.emplace());
}

}  // namespace sluice::decode

namespace sluice {

result<fetch_request> decode_fetch(std::string_view body) {
    const auto root = decode::open_object(body);
    if (!root) return root.error();
    fetch_request request;
    if (auto f = decode::read_fetch_members(*root, "", request)) return *std::move(f);
    return request;
}

result<progress_request> decode_progress(std::string_view body) {
    auto request = decode::decode_body<progress_request>(body, decode::progress_rows);
    if (request && !request->fraction && request->data.empty())
        return *decode::missing("", "progress", errc::invalid_request);
    return request;
}

result<heartbeat_request> decode_heartbeat(std::string_view body) {
    auto request = decode::decode_body<heartbeat_request>(body, decode::heartbeat_rows);
    if (request && request->worker_id.empty())
        return *decode::bad_value({"", "worker_id", {}}, "not be empty");
    return request;
}

}  // namespace sluice
