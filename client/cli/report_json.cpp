#include "client/cli/report_json.hpp"

#include "client/cli/latency_json.hpp"
#include "client/cli/table.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace sluice::cli {
namespace {

using json = nlohmann::ordered_json;

double seconds_of(nanoseconds value) {
    return static_cast<double>(value.count()) / 1e9;
}

json json_of(span value) {
    return json::array({seconds_of(value.from), seconds_of(value.to)});
}

json params_of(const run_report& run) {
    json params;
    params["queue"] = run.queue;
    params["type"] = run.type;
    params["count"] = run.wanted;
    params["producers"] = run.producers;
    if (run.rate) params["rate"] = *run.rate;
    if (run.interval) params["interval_s"] = json_of(*run.interval);
    if (run.pause) params["pause_s"] = json_of(*run.pause);
    params["args_bytes"] = run.args_bytes;
    params["seed"] = run.seed;
    return params;
}

json counts_of(const run_report& run) {
    json counts;
    counts["created"] = run.created;
    counts["unknown"] = run.unknown;
    counts["completed"] = run.completed;
    counts["discarded"] = run.discarded;
    counts["cancelled"] = run.cancelled;
    counts["retried"] = run.retried;
    counts["unfinished"] = run.followed ? run.created - run.finished() : 0;
    counts["refusals"] = run.refusals;
    return counts;
}

json json_of(const run_report& run) {
    json object;
    object["schema"] = produce_schema;
    object["label"] = run.label;
    object["mode"] = run.in_process ? "in-process" : "http";
    object["params"] = params_of(run);
    if (!run.in_process) {
        object["server"]["url"] = run.url;
        object["server"]["version"] = run.server_version;
        object["server"]["store"] = run.store;
    }
    object["counts"] = counts_of(run);
    object["duration_s"] = seconds_of(run.elapsed);
    object["rate"] = run.rate_reached();
    object["time_scale"] = run.time_scale;
    if (run.first_waiting) object["first_waiting_us"] = microseconds_of(*run.first_waiting);
    object["latency_us"] = latency_json(run);
    if (!run.lag.empty()) object["lag_us"] = latency_json(run.lag);
    return object;
}

nanoseconds from_microseconds(const json& number) {
    return nanoseconds{std::llround(number.get<double>() * 1e3)};
}

run_summary summary_of(const json& run) {
    run_summary s;
    s.label = run.at("label").get<std::string>();
    s.in_process = run.at("mode") == "in-process";
    s.jobs = run.at("counts").at("completed").get<std::uint64_t>();
    s.elapsed = nanoseconds{std::llround(run.at("duration_s").get<double>() * 1e9)};
    s.time_scale = run.at("time_scale").get<double>();
    if (run.contains("first_waiting_us")) {
        s.first_waiting = from_microseconds(run["first_waiting_us"]);
    }
    const auto& latency = run.at("latency_us");
    if (latency.contains("waiting")) {
        s.waiting_mean = from_microseconds(latency["waiting"].at("mean"));
        s.waiting_max = from_microseconds(latency["waiting"].at("max"));
    }
    if (latency.contains("total")) {
        s.total_mean = from_microseconds(latency["total"].at("mean"));
    }
    return s;
}

}  // namespace

std::string encode_report(const run_report& run, const run_report* baseline) {
    json object = json_of(run);
    if (baseline != nullptr) object["baseline"] = json_of(*baseline);
    return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

run_summary summarize(const run_report& run) {
    run_summary s;
    s.label = run.label;
    s.in_process = run.in_process;
    s.jobs = run.completed;
    s.first_waiting = run.first_waiting.value_or(nanoseconds{0});
    s.waiting_mean = run.waiting.mean();
    s.waiting_max = run.waiting.max();
    s.total_mean = run.total.mean();
    s.elapsed = run.elapsed;
    s.time_scale = run.time_scale;
    return s;
}

boost::system::result<std::vector<run_summary>, client::complaint> read_reports(
    std::string_view text) {
    try {
        const json document = json::parse(text);
        if (!document.is_object() || document.value("schema", "") != produce_schema) {
            return client::complaint{
                fmt::format("it is not a report of `sluice produce --json` ({})", produce_schema)};
        }
        std::vector<run_summary> runs{summary_of(document)};
        if (document.contains("baseline")) runs.push_back(summary_of(document["baseline"]));
        return runs;
    } catch (const json::exception&) {
        return client::complaint{"it is not JSON, or members are missing"};
    }
}

std::string render_comparison(const std::vector<run_summary>& runs, const terminal& term) {
    table side_by_side({{"run", align::left, true},
                        {"jobs", align::right},
                        {"first wait", align::right},
                        {"mean wait", align::right},
                        {"max wait", align::right},
                        {"mean total", align::right},
                        {"elapsed", align::right}});
    bool scaled = false;
    for (const auto& run : runs) {
        scaled = scaled || run.time_scale != 1;
        side_by_side.add({run.label + (run.time_scale != 1 ? "*" : ""), format_count(run.jobs),
                          format_latency(run.first_waiting), format_latency(run.waiting_mean),
                          format_latency(run.waiting_max), format_latency(run.total_mean),
                          format_latency(run.elapsed)});
    }
    std::string out = side_by_side.render(term);
    if (scaled) out += "* ran with shortened intervals and pauses; times are scaled back\n";
    return out;
}

}  // namespace sluice::cli
