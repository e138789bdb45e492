#pragma once

#include "client/cli/run_report.hpp"
#include "client/failure.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// Version of the JSON a run prints; a change that breaks a reader gets the next number.
inline constexpr std::string_view produce_schema = "sluice.produce/1";

/// One run as one line of JSON; with `baseline`, the in-process run stands beside it under that
/// name. Times are in microseconds with decimals where the name says `_us`, in seconds where it
/// says `_s`.
std::string encode_report(const run_report& run, const run_report* baseline);

/// What `sluice report compare` shows of a run.
struct run_summary {
    std::string label;
    bool in_process = false;
    std::uint64_t jobs = 0;
    nanoseconds first_waiting{0};
    nanoseconds waiting_mean{0};
    nanoseconds waiting_max{0};
    nanoseconds total_mean{0};
    nanoseconds elapsed{0};
    double time_scale = 1;
};

run_summary summarize(const run_report& run);

/// The runs in one JSON document that `encode_report` wrote (one, or two with a baseline).
boost::system::result<std::vector<run_summary>, client::complaint> read_reports(
    std::string_view json);

/// The runs side by side.
std::string render_comparison(const std::vector<run_summary>& runs, const terminal& term);

}  // namespace sluice::cli
