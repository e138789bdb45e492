#include "client/work_messages.hpp"

#include "client/json_view.hpp"

namespace sluice::client {
namespace {

void append_fetch(json_writer& out, const fetch_order& order) {
    out.begin_object().key("worker_id").string(order.worker_id);
    out.key("queues").begin_array();
    for (const auto& queue : order.queues) out.string(queue);
    out.end_array();
    if (!order.types.empty()) {
        out.key("types").begin_array();
        for (const auto& type : order.types) out.string(type);
        out.end_array();
    }
    out.key("count").integer(static_cast<std::int64_t>(order.count));
    if (order.visibility_timeout)
        out.key("visibility_timeout_ms").integer(order.visibility_timeout->count());
    if (order.wait.count() > 0) out.key("wait_ms").integer(order.wait.count());
    if (!order.fetch_id.empty()) out.key("fetch_id").string(order.fetch_id);
    out.end_object();
}

void append_claim(json_writer& out, const lease_name& lease, std::string_view worker_id) {
    out.key("job_id").string(lease.job_id);
    out.key("lease").string(lease.lease).key("worker_id").string(worker_id);
}

void append_error(json_writer& out, std::string_view code, std::string_view type,
                  std::string_view message, const raw_json& details = {}) {
    out.key("error").begin_object();
    out.key("code").string(code).key("type").string(type).key("message").string(message);
    if (!details.empty()) out.key("details").raw(details);
}

/// Writes the members of a nack that say how the run ended.
struct nack_writer {
    json_writer& out;

    void operator()(const completed&) const {}
    void operator()(const failed& f) const {
        append_error(out, "handler_error", f.type, f.message, f.details);
        if (!f.retryable) out.key("retryable").boolean(false);
        if (f.retry_after) out.key("retry_after_ms").integer(f.retry_after->count());
        out.end_object();
    }
    void operator()(const snoozed& s) const { out.key("snooze_ms").integer(s.delay.count()); }
    void operator()(const discarded& d) const {
        append_error(out, "DISCARD", "handler_error", d.message);
        out.end_object();
    }
    void operator()(const dead_lettered& d) const {
        append_error(out, "DEAD_LETTER", "handler_error", d.message);
        out.end_object();
    }
    void operator()(const released&) const { out.key("release").boolean(true); }
};

void set_jobs(std::vector<job_info>& target, json_value value) {
    each_element(value, [&](json_value each) { target.push_back(job_from(each)); });
}

}  // namespace

std::string encode(const fetch_order& order) {
    std::string text;
    json_writer out{text};
    append_fetch(out, order);
    return text;
}

std::string encode_ack(const lease_name& lease, std::string_view worker_id,
                       const completed& outcome, const fetch_order* fetch) {
    std::string text;
    json_writer out{text};
    out.begin_object();
    append_claim(out, lease, worker_id);
    if (!outcome.result.empty()) out.key("result").raw(outcome.result);
    if (fetch != nullptr) {
        out.key("fetch");
        append_fetch(out, *fetch);
    }
    out.end_object();
    return text;
}

std::string encode_nack(const lease_name& lease, std::string_view worker_id,
                        const job_outcome& outcome, const fetch_order* fetch) {
    std::string text;
    json_writer out{text};
    out.begin_object();
    append_claim(out, lease, worker_id);
    std::visit(nack_writer{out}, outcome);
    if (fetch != nullptr) {
        out.key("fetch");
        append_fetch(out, *fetch);
    }
    out.end_object();
    return text;
}

std::string encode(const beat_order& order) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("worker_id").string(order.worker_id);
    out.key("state").string(order.state).key("active_jobs").begin_array();
    for (const auto& each : order.leases) {
        out.begin_object().key("job_id").string(each.job_id);
        out.key("lease").string(each.lease).end_object();
    }
    out.end_array().end_object();
    return text;
}

std::string encode_progress(const lease_name& lease, std::string_view worker_id,
                            const progress_report& report) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("lease").string(lease.lease).key("worker_id").string(worker_id);
    out.key("progress").number(report.fraction);
    if (!report.message.empty()) out.key("message").string(report.message);
    out.end_object();
    return text;
}

std::string encode_log(const lease_name& lease, std::string_view worker_id,
                       const std::vector<log_text>& lines) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("lease").string(lease.lease).key("worker_id").string(worker_id);
    out.key("entries").begin_array();
    for (const auto& line : lines) {
        out.begin_object().key("stream").plain(to_string(line.stream));
        out.key("text").string(line.text);
        if (line.age.count() > 0) out.key("age_ms").integer(line.age.count());
        out.end_object();
    }
    out.end_array().end_object();
    return text;
}

std::optional<answer_info> read_answer(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    answer_info answer;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "state") set(answer.state, member);
        if (key == "attempt") set(answer.attempt, member);
        if (key == "dead_letter") set(answer.dead_letter, member);
        if (key == "next_attempt_at") set(answer.next_attempt_at, member);
        if (key == "jobs") set_jobs(answer.jobs, member);
    });
    if (answer.state.empty()) return std::nullopt;
    return answer;
}

std::optional<beat_info> read_beat(std::string_view body) {
    const auto root = parse_answer(body);
    if (!root || root->kind != json_kind::object) return std::nullopt;
    beat_info beat;
    each_member(*root, [&](std::string_view key, json_value member) {
        if (key == "directive" || (key == "state" && beat.directive.empty()))
            set(beat.directive, member);
        if (key == "worker_silence_ms") {
            if (const auto ms = json_integer(member); ms && *ms > 0)
                beat.worker_silence = std::chrono::milliseconds{*ms};
        }
        if (key != "jobs") return;
        each_element(member, [&](json_value each) {
            auto& job = beat.jobs.emplace_back();
            each_member(each, [&](std::string_view name, json_value value) {
                if (name == "job_id") set(job.job_id, value);
                if (name == "error") set(job.problem, value);
                if (name == "state") set(job.state, value);
            });
        });
    });
    if (beat.directive.empty()) return std::nullopt;
    return beat;
}

}  // namespace sluice::client
