#include "client/cli/bench/bench_report.hpp"
#include "client/cli/latency_json.hpp"

#include <nlohmann/json.hpp>

namespace sluice::cli::bench {
namespace {

using json = nlohmann::ordered_json;

double seconds_of(nanoseconds value) {
    return static_cast<double>(value.count()) / 1e9;
}

json params_of(const bench_report& report) {
    const auto& options = report.options;
    json params;
    params["loop"] = options.closed ? "closed" : "open";
    if (!options.closed) {
        params["arrivals"] = options.poisson ? "poisson" : "constant";
        params["rates"] = options.rates;
        params["find_max"] = options.find_max;
    }
    params["queue"] = report.queue;
    params["type"] = type_of(options);
    params["handler"] = options.handler.text;
    if (options.handler.kind == handler_kind::remote) params["workers"] = options.workers;
    params["connections_max"] = connections_max(options);
    params["batch"] = options.batch;
    params["args_bytes"] = args_of(options).size();
    if (options.durability) params["durability"] = to_string(*options.durability);
    params["duration_s"] = seconds_of(options.duration);
    params["warmup_s"] = seconds_of(options.warmup);
    params["drain_s"] = seconds_of(options.drain);
    params["seed"] = options.seed;
    return params;
}

json counts_of(const step_result& step) {
    json counts;
    counts["created"] = step.run.created;
    counts["completed"] = step.run.completed;
    counts["discarded"] = step.run.discarded;
    counts["cancelled"] = step.run.cancelled;
    counts["retried"] = step.run.retried;
    counts["unfinished"] = step.unfinished();
    counts["errors"] = step.errors;
    counts["unknown"] = step.run.unknown;
    counts["unsent"] = step.unsent;
    counts["blocked_requests"] = step.blocked;
    counts["refusals"] = step.run.refusals;
    return counts;
}

json json_of(const objective_result& result) {
    json object;
    object["objective"] = result.what.text;
    object["phase"] = name_of(result.what.of);
    object["share"] = result.what.share;
    object["limit_us"] = microseconds_of(result.what.limit);
    object["measured_us"] = nullptr;
    if (result.measured) object["measured_us"] = microseconds_of(*result.measured);
    object["met"] = result.met;
    return object;
}

json over_time_of(const step_result& step) {
    json points = json::array();
    for (std::size_t i = 0; i < step.over_time.size(); ++i) {
        const auto& values = step.over_time[i];
        if (values.empty()) continue;
        json point;
        point["from_s"] = seconds_of(step.slice) * static_cast<double>(i);
        point["count"] = values.count();
        point["p50"] = microseconds_of(values.quantile(0.5));
        point["p99"] = microseconds_of(values.quantile(0.99));
        point["max"] = microseconds_of(values.max());
        points.push_back(std::move(point));
    }
    return points;
}

json json_of(const step_result& step) {
    json object;
    object["offered_rate"] = nullptr;
    if (step.rate) object["offered_rate"] = *step.rate;
    if (step.rate) object["sent_share"] = step.sent_share;
    object["rate"] = step.run.rate_reached();
    object["duration_s"] = seconds_of(step.run.elapsed);
    object["connections"] = step.run.producers;
    object["counts"] = counts_of(step);
    object["latency_us"] = latency_json(step.run);
    if (!step.run.lag.empty()) {
        object["lag_us"] = latency_json(step.run.lag);
        object["generator_lag_us"] = latency_json(step.generator_lag);
        object["generator_too_slow"] = step.generator_too_slow();
    }
    object["slo"] = json::array();
    for (const auto& each : step.objectives) object["slo"].push_back(json_of(each));
    object["overall_us_over_time"] = over_time_of(step);
    return object;
}

}  // namespace

std::string encode_report(const bench_report& report) {
    json object;
    object["schema"] = bench_schema;
    object["params"] = params_of(report);
    object["server"]["url"] = report.url;
    object["server"]["version"] = report.server_version;
    object["server"]["store"] = report.store;
    object["interrupted"] = report.interrupted;
    object["slo_met"] = nullptr;
    object["highest_rate"] = nullptr;
    if (!report.options.objectives.empty()) {
        object["slo_met"] = report.objectives_met();
        if (report.best) object["highest_rate"] = *report.best;
    }
    object["steps"] = json::array();
    for (const auto& step : report.steps) object["steps"].push_back(json_of(step));
    return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::cli::bench
