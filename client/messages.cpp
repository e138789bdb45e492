#include "client/messages.hpp"

#include "client/json_view.hpp"

#include <algorithm>

namespace sluice::client {
namespace {

std::optional<json_value> member_of(json_value object, std::string_view name) {
    std::optional<json_value> found;
    each_member(object, [&](std::string_view key, json_value value) {
        if (key == name) found = value;
    });
    return found;
}

timeline read_timeline(json_value value) {
    timeline times;
    each_member(value, [&](std::string_view key, json_value stamp) {
        if (key == "produced_at") set(times.produced_at, stamp);
        if (key == "received_at") set(times.received_at, stamp);
        if (key == "durable_at") set(times.durable_at, stamp);
        if (key == "available_at") set(times.available_at, stamp);
        if (key == "started_at") set(times.started_at, stamp);
        if (key == "finished_at") set(times.finished_at, stamp);
        if (key == "acked_at") set(times.acked_at, stamp);
    });
    return times;
}

attempt_info read_attempt(json_value value) {
    attempt_info attempt;
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "attempt") set(attempt.attempt, member);
        if (key == "worker_id") set(attempt.worker_id, member);
        if (key == "outcome") set(attempt.outcome, member);
        if (key == "started_at") set(attempt.started_at, member);
        if (key == "finished_at") set(attempt.finished_at, member);
    });
    return attempt;
}

void set_share(double& target, json_value value) {
    if (value.kind != json_kind::number) return;
    if (const auto number = json_number(value)) target = *number;
}

start_latency_info start_latency_from(json_value value) {
    start_latency_info info;
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "objective") set_share(info.objective, member);
        if (key == "within") set(info.within, member);
        if (key == "burning") set(info.burning, member);
        if (key != "windows") return;
        each_member(member, [&](std::string_view name, json_value counts) {
            auto& window = info.windows.emplace_back();
            window.name = name;
            each_member(counts, [&](std::string_view what, json_value number) {
                if (what == "good") set(window.good, number);
                if (what == "bad") set(window.bad, number);
                if (what == "compliance") set_share(window.compliance, number);
                if (what == "burn_rate") set_share(window.burn_rate, number);
            });
        });
    });
    return info;
}

queue_info queue_from(json_value value) {
    queue_info queue;
    queue.text = raw_json{value.text};
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "name") set(queue.name, member);
        if (key == "paused") set(queue.paused, member);
        if (key == "start_latency") queue.start_latency = start_latency_from(member);
        if (parse_job_state(key) && member.kind == json_kind::number) {
            std::uint64_t count = 0;
            set(count, member);
            queue.jobs.emplace_back(key, count);
        }
    });
    return queue;
}

event_info event_from(json_value value) {
    event_info event;
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "type") set(event.type, member);
        if (key == "time") set(event.time, member);
        if (key != "data") return;
        each_member(member, [&](std::string_view name, json_value datum) {
            if (name == "job_id") set(event.job_id, datum);
            if (name == "queue") set(event.queue, datum);
            if (name == "worker_id") set(event.worker_id, datum);
            if (name == "state") set(event.state, datum);
            if (name == "attempt") set(event.attempt, datum);
            if (name == "result") event.result = raw_json{datum.text};
            if (name == "timeline") event.times = read_timeline(datum);
        });
    });
    return event;
}

log_line line_from(json_value value) {
    log_line line;
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "number") set(line.number, member);
        if (key == "attempt") set(line.attempt, member);
        if (key == "text") set(line.text, member);
        std::optional<timestamp> time;
        if (key == "time") set(time, member);
        if (time) line.time = *time;
        if (key == "stream" && member.kind == json_kind::string)
            line.stream = parse_log_stream(json_unescape(member)).value_or(log_stream::log);
    });
    return line;
}

void append_job(json_writer& writer, const new_job& job) {
    writer.begin_object().key("type").string(job.type).key("args").raw(job.args);
    writer.key("options").begin_object().key("queue").string(job.queue);
    if (job.priority) writer.key("priority").integer(*job.priority);
    if (job.produced_at) writer.key("produced_at").string(format_timestamp(*job.produced_at));
    if (!job.fairness_key.empty()) {
        writer.key("fairness_key").string(job.fairness_key);
        if (job.fairness_weight != 1) writer.key("fairness_weight").integer(job.fairness_weight);
        if (job.cost != 1) writer.key("cost").integer(job.cost);
    }
    writer.raw_members(job.extra_options).end_object().end_object();
}

std::optional<std::chrono::microseconds> span(std::optional<timestamp> from,
                                              std::optional<timestamp> to) {
    if (!from || !to) return std::nullopt;
    return std::max(*to - *from, std::chrono::microseconds{0});
}

void append_start_latency(json_writer& writer, const std::optional<start_objective>& wanted) {
    if (!wanted) {
        writer.raw("null");
        return;
    }
    writer.begin_object().key("objective").number(wanted->objective);
    writer.key("within").string(format_within(*wanted)).end_object();
}

}  // namespace

std::optional<timestamp> timeline::due_at() const {
    const auto created = created_at();
    if (!created || !available_at) return created;
    return std::max(*created, *available_at);
}

std::optional<std::chrono::microseconds> timeline::waiting() const {
    return span(due_at(), started_at);
}
std::optional<std::chrono::microseconds> timeline::running() const {
    return span(started_at, finished_at);
}
std::optional<std::chrono::microseconds> timeline::total() const {
    return span(created_at(), finished_at);
}

bool job_info::terminal() const {
    const auto known = parse_job_state(state);
    return known && is_terminal(*known);
}

std::string encode(const new_job& job) {
    std::string text;
    json_writer writer{text};
    append_job(writer, job);
    return text;
}

std::string encode(const queue_change& change) {
    std::string text;
    json_writer writer{text};
    writer.begin_object();
    if (change.bound) {
        writer.key("backpressure").begin_object();
        writer.key("max_depth").integer(static_cast<std::int64_t>(change.bound->max_depth));
        writer.key("strategy").string(change.bound->strategy);
        writer.key("warning_threshold").number(change.bound->warning_threshold).end_object();
    }
    if (change.concurrency)
        writer.key("concurrency")
            .raw(*change.concurrency == "any" ? std::string_view("null") : *change.concurrency);
    if (change.start_latency)
        append_start_latency(writer.key("start_latency"), *change.start_latency);
    writer.end_object();
    return text;
}

std::string encode_batch(const std::vector<new_job>& jobs) {
    std::string text;
    json_writer writer{text};
    writer.begin_object().key("jobs").begin_array();
    for (const auto& job : jobs) append_job(writer, job);
    writer.end_array().end_object();
    return text;
}

job_info job_from(json_value value) {
    job_info job;
    job.text = raw_json{value.text};
    each_member(value, [&](std::string_view key, json_value member) {
        if (key == "id") set(job.id, member);
        if (key == "type") set(job.type, member);
        if (key == "queue") set(job.queue, member);
        if (key == "state") set(job.state, member);
        if (key == "priority") set(job.priority, member);
        if (key == "attempt") set(job.attempt, member);
        if (key == "max_attempts") set(job.max_attempts, member);
        if (key == "args") job.args = raw_json{member.text};
        if (key == "result") job.result = raw_json{member.text};
        if (key == "created_at") set(job.created_at, member);
        if (key == "scheduled_at" || key == "next_attempt_at") set(job.due_at, member);
        if (key == "timeline") job.times = read_timeline(member);
        if (key == "error") {
            if (const auto message = member_of(member, "message")) set(job.error_message, *message);
        }
        if (key == "lease") set(job.lease, member);
        if (key == "lease_expires_at") set(job.lease_expires_at, member);
        if (key == "attempts") {
            each_element(member,
                         [&](json_value each) { job.attempts.push_back(read_attempt(each)); });
        }
    });
    return job;
}

std::optional<job_info> read_job(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    job_info job = job_from(member_of(*root, "job").value_or(*root));
    if (job.id.empty()) return std::nullopt;
    return job;
}

std::optional<job_list> read_jobs(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    const auto jobs = member_of(*root, "jobs");
    if (!jobs || jobs->kind != json_kind::array) return std::nullopt;
    job_list list;
    list.text = raw_json{root->text};
    each_element(*jobs, [&](json_value each) { list.jobs.push_back(job_from(each)); });
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "next_cursor") set(list.next, member);
        if (key == "total" && member.kind == json_kind::number) {
            set(list.total.emplace(), member);
        }
    });
    return list;
}

std::optional<queue_info> read_queue(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    const auto queue = member_of(*root, "queue");
    if (!queue || queue->kind != json_kind::object) return std::nullopt;
    return queue_from(*queue);
}

std::optional<std::vector<queue_info>> read_queues(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    const auto queues = member_of(*root, "queues");
    if (!queues || queues->kind != json_kind::array) return std::nullopt;
    std::vector<queue_info> list;
    each_element(*queues, [&](json_value each) { list.push_back(queue_from(each)); });
    return list;
}

std::optional<queue_settings> read_queue_settings(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    const auto config = member_of(*root, "configuration");
    const auto bound = config ? member_of(*config, "backpressure") : std::nullopt;
    if (!bound || bound->kind != json_kind::object) return std::nullopt;
    queue_settings queue;
    queue.text = raw_json{root->text};
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "name") set(queue.name, member);
        if (key == "depth") set(queue.depth, member);
    });
    each_member(*bound, [&](std::string_view key, json_value member) {
        if (key == "max_depth") set(queue.bound.max_depth, member);
        if (key == "strategy") set(queue.bound.strategy, member);
    });
    if (const auto running = member_of(*config, "concurrency"))
        set(queue.concurrency.emplace(), *running);
    const auto objective = member_of(*config, "start_latency");
    if (objective && objective->kind == json_kind::object)
        queue.start_latency = start_latency_from(*objective);
    return queue;
}

std::optional<purge_info> read_purge(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    purge_info purge;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "purged_count") set(purge.purged, member);
        if (key == "failed") set(purge.failed, member);
        if (key == "next_cursor") set(purge.next_cursor, member);
    });
    return purge;
}

std::optional<event_list> read_events(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    const auto events = member_of(*root, "events");
    if (!events || events->kind != json_kind::array) return std::nullopt;
    event_list list;
    each_element(*events, [&](json_value each) { list.events.push_back(event_from(each)); });
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "last_id") set(list.last_id, member);
        if (key == "gap") set(list.gap, member);
    });
    return list;
}

std::optional<event_info> read_event(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    return event_from(*root);
}

std::optional<log_lines> read_log(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    log_lines log;
    bool has_lines = false;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "next") set(log.next, member);
        if (key == "more") set(log.more, member);
        if (key == "ended") set(log.ended, member);
        if (key != "lines" || member.kind != json_kind::array) return;
        has_lines = true;
        each_element(member, [&](json_value each) {
            log.texts.emplace_back(each.text);
            log.lines.push_back(line_from(each));
        });
    });
    if (!has_lines) return std::nullopt;
    return log;
}

std::optional<health_info> read_health(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    health_info health;
    health.text = raw_json{root->text};
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "status") set(health.status, member);
        if (key == "reason") set(health.reason, member);
        if (key == "server_version") set(health.version, member);
        if (key != "backend") return;
        if (const auto type = member_of(member, "type")) set(health.store, *type);
    });
    if (health.status.empty()) return std::nullopt;
    return health;
}

failure read_error(int status, std::string_view body) {
    failure f;
    f.kind = failure_kind::refused;
    f.status = status;
    f.message = "the server answered with HTTP status " + std::to_string(status);
    const auto root = parse_answer(body);
    const auto error = root ? member_of(*root, "error") : std::nullopt;
    if (!error) return f;
    each_member(*error, [&](std::string_view key, json_value member) {
        if (key == "code") set(f.code, member);
        if (key == "message") set(f.message, member);
        if (key == "retryable") set(f.retryable, member);
        if (key == "request_id") set(f.request_id, member);
        if (key != "details") return;
        f.details = raw_json{member.text};
        if (const auto fate = member_of(member, "outcome")) {
            f.not_stored = fate->kind == json_kind::string && json_unescape(*fate) == "not_stored";
        }
    });
    return f;
}

}  // namespace sluice::client
