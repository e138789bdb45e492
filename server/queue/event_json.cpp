#include "server/queue/event_json.hpp"

#include "proto/json_text.hpp"
#include "proto/limits.hpp"

#include <charconv>
#include <cmath>

namespace sluice {
namespace {

constexpr std::string_view id_prefix = "evt_";

timestamp time_of(const uuid& id) {
    std::int64_t milliseconds = 0;
    for (std::size_t i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | id.bytes[i];
    return timestamp(std::chrono::milliseconds(milliseconds));
}

void append_time(json_writer& out, std::string_view name, const std::optional<timestamp>& time) {
    if (time) out.key(name).string(format_timestamp(*time));
}

void append_timeline(json_writer& out, const job_record& job) {
    out.key("timeline").begin_object();
    append_time(out, "produced_at", job.spec->produced_at);
    if (const auto offset = producer_offset(job))
        out.key("producer_offset_ms").number(static_cast<double>(offset->count()) / 1000);
    append_time(out, "received_at", job.received_at);
    append_time(out, "durable_at", job.durable_at);
    append_time(out, "available_at", job.available_at);
    append_time(out, "started_at", job.started_at);
    append_time(out, "finished_at", job.finished_at);
    append_time(out, "acked_at", job.acked_at);
    out.end_object();
}

void append_error(json_writer& out, std::string_view name, const job_failure& failure,
                  bool retryable) {
    out.key(name).begin_object().key("code").string(failure.code);
    out.key("type").string(failure.type).key("message").string(failure.message);
    out.key("retryable").boolean(retryable).end_object();
}

/// `trace_id` of the job's `meta` must be in every event of the job (§8.3).
void append_trace(json_writer& out, const job_spec& spec) {
    if (spec.meta.find("trace_id") == std::string::npos) return;
    json_cursor members(json_root(spec.meta));
    std::string key;
    json_value value;
    while (members.next(key, value)) {
        if (key == "trace_id" && value.kind == json_kind::string) {
            out.key("trace_id").raw(value.text);
            return;
        }
    }
}

/// A receiver of events is no place for large ones; the job has them whole.
void append_result(json_writer& out, const raw_json& result) {
    if (result.size() > limits::webhook_result_bytes_max)
        out.key("result_omitted").boolean(true);
    else if (!result.empty())
        out.key("result").raw(result);
}

/// What only some types have.
void append_specifics(json_writer& out, const job_event& event) {
    const auto& job = event.job;
    if (event.type == "job.completed" || event.type == "job.failed") {
        if (job.started_at && job.finished_at) {
            const auto ran = std::chrono::duration_cast<std::chrono::milliseconds>(
                *job.finished_at - *job.started_at);
            out.key("duration_ms").integer(ran.count());
        }
    }
    if (event.type == "job.completed") append_result(out, job.result);
    if (event.type == "job.scheduled") append_time(out, "scheduled_at", job.due_at);
    if (event.type == "job.heartbeat") append_time(out, "visible_until", job.lease_expires_at);
    if (event.type == "job.retrying") {
        out.key("max_attempts").integer(job.spec->retry.max_attempts);
        append_time(out, "next_retry_at", job.due_at);
    }
    if (event.type == "job.expired") {
        append_time(out, "created_at", job.received_at);
        append_time(out, "expired_at", event.time);
        if (job.spec->expires_at) {
            const auto ttl = std::chrono::duration_cast<std::chrono::milliseconds>(
                *job.spec->expires_at - job.received_at);
            out.key("ttl_ms").integer(ttl.count());
        }
    }
    if (event.type == "job.discarded") out.key("total_attempts").integer(job.attempt);
    if (job.failures.empty()) return;
    const bool retryable = job.state == job_state::retryable;
    if (event.type == "job.discarded") append_error(out, "last_error", job.failures.back(), false);
    if (event.type == "job.failed" || event.type == "job.retrying") {
        append_error(out, "error", job.failures.back(), retryable);
    }
}

void append_job_data(json_writer& out, const job_event& event) {
    const auto& job = event.job;
    out.key("job_id").string(to_string(job.spec->id));
    out.key("job_type").string(job.spec->type).key("queue").string(job.spec->queue);
    out.key("state").string(to_string(job.state)).key("attempt").integer(job.attempt);
    if (!job.worker_id.empty()) out.key("worker_id").string(job.worker_id);
    append_specifics(out, event);
    append_trace(out, *job.spec);
    append_timeline(out, job);
}

/// ojs-cron.md §9.
void append_cron_data(json_writer& out, const job_event& event) {
    const auto& cron = *event.cron;
    out.key("cron_name").string(cron.name).key("cron_expression").string(cron.expression);
    out.key("timezone").string(cron.timezone);
    out.key("job_type").string(event.job.spec->type).key("queue").string(event.job.spec->queue);
    const bool skipped = !cron.reason.empty();
    if (skipped) out.key("reason").string(cron.reason);
    if (event.job.spec->id != uuid{})
        out.key(skipped ? "active_job_id" : "job_id").string(to_string(event.job.spec->id));
    out.key("scheduled_time").string(format_timestamp(cron.scheduled_at));
    if (skipped) return;
    out.key("actual_time").string(format_timestamp(event.time));
    out.key("run_count").integer(static_cast<std::int64_t>(cron.run_count));
}

/// ojs-rate-limiting.md §11.1.
void append_limit_data(json_writer& out, const job_event& event) {
    const auto& limit = *event.limit;
    const auto& job = event.job;
    out.key("key").string(limit.key).key("strategy").string(limit.strategy);
    if (limit.strategy != "hold") out.key("limit").integer(limit.limit);
    out.key("current").integer(static_cast<std::int64_t>(limit.current));
    out.key("job_id").string(to_string(job.spec->id));
    out.key("job_type").string(job.spec->type).key("queue").string(job.spec->queue);
    if (limit.until) out.key("until").time(*limit.until).key("reason").string("nack");
}

/// ojs-backpressure.md §10.1.
void append_pressure_data(json_writer& out, const job_event& event) {
    const auto& spec = *event.job.spec;
    out.key("queue").string(spec.queue);
    out.key("depth").integer(static_cast<std::int64_t>(event.pressure->depth));
    out.key("bound").integer(static_cast<std::int64_t>(event.pressure->bound));
    if (spec.id != uuid{}) out.key("job_id").string(to_string(spec.id));
    if (!spec.type.empty()) out.key("job_type").string(spec.type);
}

void append_objective_data(json_writer& out, const job_event& event) {
    const auto& status = *event.objective;
    out.key("queue").string(status.queue);
    out.key("objective").number(status.objective.objective);
    out.key("within").plain(format_within(status.objective));
    out.key("windows").begin_object();
    for (std::size_t i = 0; i < objective_window_count; ++i) {
        out.key(to_string(static_cast<objective_window>(i)));
        append_objective_window(out, status, static_cast<objective_window>(i));
    }
    out.end_object();
}

std::string subject_of(const job_event& event) {
    if (event.cron) return event.cron->name;
    const auto& spec = *event.job.spec;
    return spec.id != uuid{} ? to_string(spec.id) : spec.queue;
}

}  // namespace

std::string event_id(timestamp time, std::uint64_t number) {
    return std::string(id_prefix) +
           to_string(make_uuid(time, static_cast<std::int64_t>(number), 0));
}

std::optional<event_cursor> parse_event_cursor(std::string_view text) {
    event_cursor cursor;
    if (text.starts_with(id_prefix)) {
        const auto id = parse_uuid(text.substr(id_prefix.size()));
        if (!id) return std::nullopt;
        cursor.number = static_cast<std::uint64_t>(sequence_of(*id));
        cursor.time = time_of(*id);
        return cursor;
    }
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, cursor.number);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    return cursor;
}

void append_objective_window(json_writer& out, const objective_status& status,
                             objective_window window) {
    const auto& counts = status.windows[static_cast<std::size_t>(window)];
    out.begin_object().key("good").integer(static_cast<std::int64_t>(counts.good));
    out.key("bad").integer(static_cast<std::int64_t>(counts.bad));
    // Six digits after the point: the rest is of the way floating point counts.
    const auto rounded = [](double number) { return std::round(number * 1e6) / 1e6; };
    out.key("compliance").number(rounded(counts.compliance()));
    out.key("burn_rate").number(rounded(status.burn_rate(window))).end_object();
}

void append_event(std::string& out, const job_event& event) {
    json_writer writer(out);
    writer.begin_object().key("specversion").string("1.0");
    writer.key("id").string(event_id(event.time, event.id)).key("type").string(event.type);
    writer.key("source").string("ojs://sluice/queue").key("subject").string(subject_of(event));
    writer.key("time").string(format_timestamp(event.time));
    writer.key("seq").integer(static_cast<std::int64_t>(event.id));
    writer.key("data").begin_object();
    if (event.cron)
        append_cron_data(writer, event);
    else if (event.limit)
        append_limit_data(writer, event);
    else if (event.objective)
        append_objective_data(writer, event);
    else if (event.pressure)
        append_pressure_data(writer, event);
    else if (!event.job.spec->type.empty())
        append_job_data(writer, event);
    writer.end_object().end_object();
}

}  // namespace sluice
