#include "proto/codec.hpp"
#include "proto/stored.hpp"

namespace sluice {
namespace {

using namespace stored;

void write_failure(json_writer& out, const job_failure& failure) {
    out.begin_object();
    write_string(out, "type", failure.type);
    write_string(out, "code", failure.code);
    write_string(out, "message", failure.message);
    write_raw(out, "details", failure.details);
    out.key("attempt").integer(failure.attempt);
    write_time(out, "at", failure.occurred_at);
    out.end_object();
}

void read_failure(const field& f, job_failure& failure) {
    if (f.name == "type") {
        failure.type = string(f);
    } else if (f.name == "code") {
        failure.code = string(f);
    } else if (f.name == "message") {
        failure.message = string(f);
    } else if (f.name == "details") {
        failure.details = f.value.text;
    } else if (f.name == "attempt") {
        failure.attempt = number<std::uint32_t>(f);
    } else if (f.name == "at") {
        failure.occurred_at = time(f);
    } else {
        refuse(f);
    }
}

void write_attempt(json_writer& out, const job_attempt& attempt) {
    out.begin_object().key("attempt").integer(attempt.attempt);
    write_string(out, "worker", attempt.worker_id);
    write_time(out, "started", attempt.started_at);
    write_time(out, "finished", attempt.finished_at);
    out.key("outcome").integer(static_cast<int>(attempt.outcome)).end_object();
}

void read_attempt(const field& f, job_attempt& attempt) {
    if (f.name == "attempt") {
        attempt.attempt = number<std::uint32_t>(f);
    } else if (f.name == "worker") {
        attempt.worker_id = string(f);
    } else if (f.name == "started") {
        attempt.started_at = time(f);
    } else if (f.name == "finished") {
        attempt.finished_at = time(f);
    } else if (f.name == "outcome") {
        attempt.outcome = enumerator(f, lease_outcome::cancelled);
    } else {
        refuse(f);
    }
}

/// The latest run is nearly always what the record says of it already. Left out, it saves a quarter
/// of the bytes of a small job's row.
job_attempt latest_run(const job_record& record) {
    return {record.attempt, record.worker_id, record.started_at.value_or(timestamp{}),
            record.finished_at, record.outcome};
}

bool same(const job_attempt& a, const job_attempt& b) {
    return a.attempt == b.attempt && a.worker_id == b.worker_id && a.started_at == b.started_at &&
           a.finished_at == b.finished_at && a.outcome == b.outcome;
}

void write_attempts(json_writer& out, const job_record& record) {
    const auto& all = record.attempts;
    const bool implied = same(all.back(), latest_run(record));
    const auto written = all.size() - (implied ? 1 : 0);
    if (written > 0) {
        out.key("attempts").begin_array();
        for (std::size_t i = 0; i < written; ++i) write_attempt(out, all[i]);
        out.end_array();
    }
    if (implied) out.key("latest").boolean(true);
}

void write_progress(json_writer& out, const job_progress& progress) {
    out.begin_object().key("fraction").number(progress.fraction);
    write_string(out, "message", progress.message);
    write_raw(out, "data", progress.data);
    write_time(out, "at", progress.reported_at);
    out.end_object();
}

void read_progress(const field& f, job_progress& progress) {
    if (f.name == "fraction") {
        progress.fraction = require(json_number(f.value), f);
    } else if (f.name == "message") {
        progress.message = string(f);
    } else if (f.name == "data") {
        progress.data = f.value.text;
    } else if (f.name == "at") {
        progress.reported_at = time(f);
    } else {
        refuse(f);
    }
}

}  // namespace

std::string encode_stored_history(const job_record& record) {
    std::string text;
    if (record.failures.empty() && record.attempts.empty() && !record.progress &&
        record.children.empty())
        return text;
    json_writer out{text};
    out.begin_object();
    if (!record.failures.empty()) {
        out.key("failures").begin_array();
        for (const auto& failure : record.failures) write_failure(out, failure);
        out.end_array();
    }
    if (!record.attempts.empty()) write_attempts(out, record);
    if (record.progress) {
        out.key("progress");
        write_progress(out, *record.progress);
    }
    if (!record.children.empty()) {
        out.key("children").begin_array();
        for (const auto& child : record.children) out.id(child);
        out.end_array();
    }
    out.end_object();
    return text;
}

void decode_stored_history(std::string_view text, job_record& record) {
    if (text.empty()) return;
    each_member(open(text), [&](const field& list) {
        if (list.name == "failures") {
            each_element(list, [&](const field& each) {
                auto& failure = record.failures.emplace_back();
                each_member(each, [&](const field& f) { read_failure(f, failure); });
            });
        } else if (list.name == "attempts") {
            each_element(list, [&](const field& each) {
                auto& attempt = record.attempts.emplace_back();
                each_member(each, [&](const field& f) { read_attempt(f, attempt); });
            });
        } else if (list.name == "latest") {
            if (!require(json_boolean(list.value), list)) refuse(list);
            record.attempts.push_back(latest_run(record));
        } else if (list.name == "progress") {
            job_progress progress;
            each_member(list, [&](const field& f) { read_progress(f, progress); });
            record.progress = std::make_shared<const job_progress>(std::move(progress));
        } else if (list.name == "children") {
            each_element(list, [&](const field& each) {
                record.children.push_back(require(parse_uuid(string(each)), each));
            });
        } else {
            refuse(list);
        }
    });
}

}  // namespace sluice
