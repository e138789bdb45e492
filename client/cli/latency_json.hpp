#pragma once

#include "client/cli/run_report.hpp"

#include <nlohmann/json.hpp>

/// Latencies as every JSON report of this program writes them: in microseconds, with decimals.
namespace sluice::cli {

double microseconds_of(nanoseconds value);

/// Count, quantiles, and the occupied bins as pairs of upper bound and count.
nlohmann::ordered_json latency_json(const histogram& values);

/// The phases of a run that were measured, by name.
nlohmann::ordered_json latency_json(const run_report& run);

}  // namespace sluice::cli
