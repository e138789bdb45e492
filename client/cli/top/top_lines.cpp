#include "client/cli/table.hpp"
#include "client/cli/text.hpp"
#include "client/cli/top/top_view.hpp"
#include "proto/json_text.hpp"

#include <fmt/format.h>

#include <array>

/// What programs read: lines and JSON.
namespace sluice::cli {
namespace {

struct field {
    std::string_view title;
    std::size_t width;
    align side = align::right;
};
constexpr std::array<field, 17> fields{{{"time", 20, align::left},
                                        {"queue", 20, align::left},
                                        {"in/s", 8},
                                        {"start/s", 8},
                                        {"done/s", 8},
                                        {"fail/s", 8},
                                        {"available", 9},
                                        {"scheduled", 9},
                                        {"retryable", 9},
                                        {"active", 7},
                                        {"oldest_s", 9},
                                        {"wait_p50_ms", 11},
                                        {"wait_p99_ms", 11},
                                        {"run_p50_ms", 10},
                                        {"run_p99_ms", 10},
                                        {"workers", 7},
                                        {"status", 0, align::left}}};

std::string whole_second(timestamp time) {
    return format_timestamp(time).substr(0, 19) + "Z";
}

double seconds_of(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

std::string milliseconds_of(const histogram& values, double q) {
    return values.empty() ? "-" : fmt::format("{:.3f}", seconds_of(values.quantile(q)) * 1e3);
}

std::string age_of(const top_row& row) {
    if (!row.oldest) return "-";
    return fmt::format("{}{:.1f}", row.oldest->at_least ? ">" : "", seconds_of(row.oldest->time));
}

std::array<std::string, fields.size()> cells_of(const top_scene& scene, const top_interval& seen,
                                                const top_row& row) {
    const auto rate = [&](std::uint64_t count) { return fmt::format("{:.1f}", seen.rate(count)); };
    return {whole_second(scene.at),
            printable(row.name),
            rate(row.in),
            rate(row.started),
            rate(row.finished),
            rate(row.failed),
            std::to_string(row.available),
            std::to_string(row.scheduled),
            std::to_string(row.retryable),
            std::to_string(row.active),
            age_of(row),
            milliseconds_of(row.waiting, 0.5),
            milliseconds_of(row.waiting, 0.99),
            milliseconds_of(row.running, 0.5),
            milliseconds_of(row.running, 0.99),
            std::to_string(row.workers),
            row.paused ? "paused" : "active"};
}

template <class Cells>
std::string line_of(const Cells& cells, bool tabs) {
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) line += tabs ? "\t" : " ";
        line += tabs ? std::string{cells[i]} : pad(cells[i], fields[i].width, fields[i].side);
    }
    return line + "\n";
}

void append_latency(json_writer& out, std::string_view name, const histogram& values) {
    out.key(name);
    if (values.empty()) {
        out.null();
        return;
    }
    out.begin_object().key("count").integer(static_cast<std::int64_t>(values.count()));
    out.key("p50").number(seconds_of(values.quantile(0.5)) * 1e6);
    out.key("p99").number(seconds_of(values.quantile(0.99)) * 1e6).end_object();
}

void append_row(json_writer& out, const top_interval& seen, const top_row& row) {
    const auto count = [&](std::string_view name, std::uint64_t number) {
        out.key(name).integer(static_cast<std::int64_t>(number));
    };
    out.key("per_second").begin_object().key("in").number(seen.rate(row.in));
    out.key("started").number(seen.rate(row.started));
    out.key("finished").number(seen.rate(row.finished));
    out.key("failed").number(seen.rate(row.failed)).end_object();
    out.key("backlog").begin_object();
    count("available", row.available);
    count("scheduled", row.scheduled);
    count("retryable", row.retryable);
    out.end_object();
    count("active", row.active);
    out.key("oldest_waiting_s");
    if (row.oldest)
        out.number(seconds_of(row.oldest->time));
    else
        out.null();
    out.key("oldest_at_least").boolean(row.oldest && row.oldest->at_least);
    append_latency(out, "waiting_us", row.waiting);
    append_latency(out, "running_us", row.running);
    count("workers", row.workers);
}

}  // namespace

std::string render_top_titles() {
    std::array<std::string_view, fields.size()> titles;
    for (std::size_t i = 0; i < fields.size(); ++i) titles[i] = fields[i].title;
    return line_of(titles, false);
}

std::string render_top_lines(const top_scene& scene, const top_interval& seen, bool tabs) {
    std::string text;
    for (const auto& row : seen.queues) text += line_of(cells_of(scene, seen, row), tabs);
    return text;
}

std::string render_top_json(const top_scene& scene, const top_interval& seen) {
    std::string text;
    json_writer out{text};
    out.begin_object().key("schema").string("sluice.top/1");
    out.key("time").string(format_timestamp(scene.at)).key("url").string(scene.url);
    out.key("interval_s").number(seconds_of(seen.length));
    out.key("connected").boolean(scene.away.empty());
    if (!scene.away.empty()) out.key("away").string(printable(scene.away));
    out.key("reconnected").boolean(scene.reconnected).key("gap").boolean(seen.gap);
    out.key("queues").begin_array();
    for (const auto& row : seen.queues) {
        out.begin_object().key("name").string(row.name).key("paused").boolean(row.paused);
        append_row(out, seen, row);
        out.end_object();
    }
    out.end_array().key("all").begin_object();
    append_row(out, seen, seen.all);
    out.end_object().end_object();
    return text + "\n";
}

}  // namespace sluice::cli
