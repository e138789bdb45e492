#include "client/cli/latency_json.hpp"

namespace sluice::cli {

using nlohmann::ordered_json;

double microseconds_of(nanoseconds value) {
    return static_cast<double>(value.count()) / 1e3;
}

nlohmann::ordered_json latency_json(const histogram& values) {
    ordered_json bins = ordered_json::array();
    for (const auto& bin : values.bins()) {
        bins.push_back(ordered_json::array({microseconds_of(bin.upper), bin.count}));
    }
    ordered_json object;
    object["count"] = values.count();
    object["min"] = microseconds_of(values.min());
    object["p50"] = microseconds_of(values.quantile(0.5));
    object["p90"] = microseconds_of(values.quantile(0.9));
    object["p99"] = microseconds_of(values.quantile(0.99));
    object["p99_9"] = microseconds_of(values.quantile(0.999));
    object["max"] = microseconds_of(values.max());
    object["mean"] = microseconds_of(values.mean());
    object["histogram"] = std::move(bins);
    return object;
}

nlohmann::ordered_json latency_json(const run_report& run) {
    ordered_json latency = ordered_json::object();
    if (!run.enqueue.empty()) latency["enqueue"] = latency_json(run.enqueue);
    if (!run.waiting.empty()) latency["waiting"] = latency_json(run.waiting);
    if (!run.running.empty()) latency["running"] = latency_json(run.running);
    if (!run.total.empty()) latency["total"] = latency_json(run.total);
    if (!run.overall.empty()) latency["overall"] = latency_json(run.overall);
    return latency;
}

}  // namespace sluice::cli
