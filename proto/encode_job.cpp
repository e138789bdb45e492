#include "proto/codec.hpp"
#include "proto/fairness.hpp"
#include "proto/limit_rule.hpp"
#include "proto/unique.hpp"

namespace sluice {
namespace {

void time(json_writer& out, std::string_view name, const std::optional<timestamp>& at) {
    if (!at) return;
    out.key(name).time(*at);
}

/// As the producer wrote it, if it was an absolute time.
void time(json_writer& out, std::string_view name, const std::optional<timestamp>& at,
          const std::string& text) {
    if (text.empty()) return time(out, name, at);
    out.key(name).string(text);
}

void milliseconds(json_writer& out, std::string_view name,
                  const std::optional<std::chrono::milliseconds>& duration) {
    if (duration) out.key(name).integer(duration->count());
}

void raw(json_writer& out, std::string_view name, const raw_json& json) {
    if (!json.empty()) out.key(name).raw(json);
}

void retry(json_writer& out, const job_spec& spec) {
    const auto& policy = spec.retry;
    if (policy == retry_policy{} && spec.extra_retry.empty()) return;
    out.key("retry").begin_object();
    out.key("max_attempts").integer(policy.max_attempts);
    out.key("initial_interval").string(format_iso_duration(policy.initial_interval));
    out.key("backoff_coefficient").number(policy.backoff_coefficient);
    out.key("max_interval").string(format_iso_duration(policy.max_interval));
    out.key("jitter").boolean(policy.jitter);
    if (policy.strategy != backoff_strategy::exponential)
        out.key("backoff_strategy").string(to_string(policy.strategy));
    out.key("non_retryable_errors").begin_array();
    for (const auto& type : policy.non_retryable_errors) out.string(type);
    out.end_array();
    out.key("on_exhaustion").string(to_string(policy.on_exhaustion));
    out.raw_members(spec.extra_retry).end_object();
}

/// What the producer asked for.
void wishes(json_writer& out, const job_spec& spec) {
    out.key("priority").integer(spec.priority);
    raw(out, "tags", spec.tags);
    if (!spec.schema.empty()) out.key("schema").string(spec.schema);
    time(out, "scheduled_at", spec.scheduled_at, spec.scheduled_at_text);
    time(out, "expires_at", spec.expires_at, spec.expires_at_text);
    milliseconds(out, "timeout_ms", spec.timeout);
    milliseconds(out, "visibility_timeout_ms", spec.visibility_timeout);
    retry(out, spec);
    if (spec.workflow) out.key("workflow_id").id(*spec.workflow);
    if (spec.unique) out.key("unique").raw(spec.unique->text);
    if (spec.limit) out.key("rate_limit").raw(spec.limit->text);
    if (spec.durability) out.key("durability").string(to_string(*spec.durability));
    if (spec.fairness) {
        out.key("fairness_key").string(spec.fairness->key);
        out.key("fairness_weight").integer(spec.fairness->weight);
        out.key("cost").integer(spec.fairness->cost);
    }
    if (!spec.extra_options.empty())
        out.key("options").begin_object().raw_members(spec.extra_options).end_object();
}

void failure(json_writer& out, const job_failure& f) {
    out.begin_object().key("type").string(f.type).key("code").string(f.code);
    out.key("message").string(f.message);
    raw(out, "details", f.details);
    out.key("attempt").integer(f.attempt);
    out.key("occurred_at").time(f.occurred_at).end_object();
}

void end_times(json_writer& out, const job_record& job) {
    switch (job.state) {
        case job_state::completed:
            time(out, "completed_at", job.finished_at);
            break;
        case job_state::cancelled:
            time(out, "cancelled_at", job.finished_at);
            break;
        case job_state::discarded:
            // One that expired before any run has not completed in any sense.
            if (!job.failures.empty() || job.attempt > 0)
                time(out, "completed_at", job.finished_at);
            time(out, "discarded_at", job.finished_at);
            break;
        case job_state::pending:
        case job_state::scheduled:
        case job_state::available:
        case job_state::active:
        case job_state::retryable:
            break;
    }
}

/// What happened so far.
void history(json_writer& out, const job_record& job) {
    out.key("created_at").time(job.received_at);
    if (job.state != job_state::pending && job.state != job_state::scheduled)
        time(out, "enqueued_at", job.available_at);
    time(out, "started_at", job.started_at);
    end_times(out, job);
    if (job.state == job_state::retryable) time(out, "next_attempt_at", job.due_at);
    milliseconds(out, "retry_delay_ms", job.retry_delay);
    if (job.interruptions > 0) out.key("interruptions").integer(job.interruptions);
    if (job.dead_letter) out.key("dead_letter").boolean(true);
    if (!job.children.empty()) {
        out.key("children").begin_array();
        for (const auto& child : job.children) out.id(child);
        out.end_array();
    }
    if (job.progress) {
        out.key("progress").number(job.progress->fraction);
        if (!job.progress->message.empty())
            out.key("progress_message").string(job.progress->message);
        raw(out, "progress_data", job.progress->data);
        out.key("progress_at").time(job.progress->reported_at);
    }
    raw(out, "parent_results", job.parent_results);
    raw(out, "result", job.result);
    if (job.failures.empty()) return;
    if (job.failed_last) {
        out.key("error");
        failure(out, job.failures.back());
    }
    out.key("errors").begin_array();
    for (const auto& f : job.failures) failure(out, f);
    out.end_array();
}

void timeline(json_writer& out, const job_record& job) {
    out.key("timeline").begin_object();
    time(out, "produced_at", job.spec->produced_at);
    if (const auto offset = producer_offset(job))
        out.key("producer_offset_ms").number(static_cast<double>(offset->count()) / 1000);
    out.key("received_at").time(job.received_at);
    time(out, "durable_at", job.durable_at);
    time(out, "available_at", job.available_at);
    time(out, "started_at", job.started_at);
    time(out, "finished_at", job.finished_at);
    time(out, "acked_at", job.acked_at);
    out.end_object();
}

void attempts(json_writer& out, const job_record& job) {
    if (job.attempts.empty()) return;
    out.key("attempts").begin_array();
    for (const auto& run : job.attempts) {
        out.begin_object().key("attempt").integer(run.attempt);
        if (!run.worker_id.empty()) out.key("worker_id").string(run.worker_id);
        out.key("started_at").time(run.started_at);
        time(out, "finished_at", run.finished_at);
        out.key("outcome").plain(to_string(run.outcome));
        if (run.outcome == lease_outcome::lapsed) out.key("interruption").boolean(true);
        out.end_object();
    }
    out.end_array();
}

void append(std::string& text, const job_record& job, bool leased) {
    const auto& spec = *job.spec;
    json_writer out{text};
    out.begin_object();
    out.key("specversion").plain("1.0");
    out.key("id").id(spec.id);
    out.key("type").string(spec.type);
    out.key("queue").string(spec.queue);
    out.key("state").plain(to_string(job.state));
    out.key("attempt").integer(job.attempt);
    out.key("max_attempts").integer(spec.retry.max_attempts);
    if (leased && job.lease) {
        out.key("lease").plain(to_string(job.lease));
        time(out, "lease_expires_at", job.lease_expires_at);
    }
    out.key("args").raw(spec.args);
    raw(out, "meta", spec.meta);
    wishes(out, spec);
    history(out, job);
    timeline(out, job);
    attempts(out, job);
    out.raw_members(spec.extra).end_object();
}

}  // namespace

void append_job(std::string& out, const job_record& job) {
    append(out, job, false);
}

void append_leased_job(std::string& out, const job_record& job) {
    append(out, job, true);
}

}  // namespace sluice
