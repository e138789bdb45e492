#include "client/cli/job_view.hpp"

#include "client/cli/table.hpp"
#include "client/cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {
namespace {

constexpr std::size_t label_columns = 12;

style style_of(const std::string& state) {
    if (state == "completed") return style::green;
    if (state == "discarded" || state == "cancelled") return style::red;
    if (state == "active") return style::cyan;
    return style::yellow;
}

std::string row(std::string_view name, const std::string& value) {
    return "  " + pad(name, label_columns, align::left) + value + "\n";
}

std::string moment(std::string_view name, const std::optional<timestamp>& at, timestamp zero,
                   const std::string& remark) {
    if (!at) return {};
    const bool before = *at < zero;
    const auto distance = before ? zero - *at : *at - zero;
    std::string text = (before ? "-" : "+") + format_latency(distance);
    if (!remark.empty()) text = pad(text, 12, align::left) + remark;
    return row(name, text);
}

std::string render_timeline(const client::timeline& times, const terminal& term) {
    if (!times.received_at) return {};
    const timestamp zero = *times.received_at;
    const auto waiting = times.waiting();
    const auto running = times.running();
    std::string out = "\n" + paint(term, style::bold, "Timeline") + "\n";
    // Its clock may differ: what is between the two is its offset and the way of the request.
    out += moment("produced", times.produced_at, zero, "by the producer's clock");
    out += row("received", format_timestamp(zero));
    out += moment("durable", times.durable_at, zero, "");
    out += moment("available", times.available_at, zero, "");
    out += moment("started", times.started_at, zero,
                  waiting ? "waited " + format_latency(*waiting) : "");
    out += moment("finished", times.finished_at, zero,
                  running ? "ran " + format_latency(*running) : "");
    out += moment("acked", times.acked_at, zero, "");
    return out;
}

std::string render_attempts(const client::job_info& job, const terminal& term) {
    if (job.attempts.size() < 2) return {};
    table rows({{"attempt", align::right},
                {"outcome"},
                {"ran", align::right},
                {"worker", align::left, true}});
    for (const auto& each : job.attempts) {
        const bool ended = each.started_at && each.finished_at;
        rows.add({std::to_string(each.attempt), each.outcome,
                  ended ? format_latency(*each.finished_at - *each.started_at) : "",
                  each.worker_id});
    }
    return "\n" + rows.render(term);
}

}  // namespace

std::string render_job(const client::job_info& job, const terminal& term) {
    const std::size_t room = term.width - label_columns - 2;
    const auto cut = [&](const std::string& text) {
        return clip(printable(text), room, glyphs_of(term).ellipsis);
    };
    std::string out = paint(term, style::bold, "Job " + printable(job.id)) + "  " +
                      paint(term, style_of(job.state), printable(job.state)) + "\n";
    out += row("type", cut(job.type));
    out += row("queue", cut(job.queue));
    if (job.priority != 0) out += row("priority", std::to_string(job.priority));
    out += row("attempt", fmt::format("{} of {}", job.attempt, job.max_attempts));
    out += row("args", cut(job.args));
    if (!job.result.empty()) out += row("result", cut(job.result));
    if (!job.error_message.empty()) {
        out += row("error", paint(term, style::red, cut(job.error_message)));
    }
    if (job.due_at && !job.terminal()) out += row("due", whole_seconds(*job.due_at));
    return out + render_timeline(job.times, term) + render_attempts(job, term);
}

std::string render_jobs(const std::vector<client::job_info>& jobs, output_format format,
                        const terminal& term, std::string_view whole) {
    if (format == output_format::json && !whole.empty())
        return printable_json(one_line(whole), term) + "\n";
    if (format == output_format::json) {
        std::string out = "{\"jobs\":[";
        for (const auto& job : jobs)
            out += (out.back() == '[' ? "" : ",") + printable_json(one_line(job.text), term);
        return out + "]}\n";
    }
    std::string out;
    if (format != output_format::table) {
        for (const auto& job : jobs) out += render_job_line(job, format, term);
        return out;
    }
    table rows({{"id"},
                {"type", align::left, true},
                {"queue", align::left, true},
                {"state"},
                {"created"}});
    for (const auto& job : jobs) {
        rows.add({job.id, job.type, job.queue, job.state,
                  job.created_at ? whole_seconds(*job.created_at).substr(11) : ""});
    }
    return rows.render(term);
}

std::string render_job_line(const client::job_info& job, output_format format,
                            const terminal& term) {
    if (format == output_format::json || format == output_format::jsonl) {
        return printable_json(one_line(job.text), term) + "\n";
    }
    return printable(job.id) + "\t" + printable(job.state) + "\t" + printable(job.type) + "\t" +
           printable(job.queue) + "\n";
}

std::string whole_seconds(timestamp time) {
    std::string text = format_timestamp(time);  // 2026-02-12T10:30:00.000123Z
    text.replace(10, 1, " ");
    return text.substr(0, 19) + "Z";
}

std::string one_line(std::string_view json) {
    std::string line{json};
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::replace(line.begin(), line.end(), '\r', ' ');
    return line;
}

}  // namespace sluice::cli
