#pragma once

#include "client/cli/bench/bench_session.hpp"
#include "client/cli/terminal.hpp"

#include <string>
#include <string_view>

namespace sluice::cli::bench {

/// Version of the JSON a benchmark prints; a change that breaks a reader gets the next number.
inline constexpr std::string_view bench_schema = "sluice.bench/1";

/// One line or two of what is run, wrapped to the terminal.
std::string render_header(const bench_report& report, const terminal& term);

/// One step in full, or a line for each of several; and which objectives were met.
std::string render_report(const bench_report& report, const terminal& term);

/// For programs: a line for each step, separated by tabs: rate, done a second, enqueue p99, waiting
/// p50 and p99, running p99, overall p50, p99 and p99.9, lag p99 (all in microseconds), errors,
/// missing jobs, "ok" or "missed". Closed loop: the rate is 0.
std::string render_plain_report(const bench_report& report);

/// What a person should know beside the figures, a line each; usually empty.
std::string render_warnings(const bench_report& report, const terminal& term);

/// All of it as one line of JSON. Times are in microseconds where the name says `_us`, in seconds
/// where it says `_s`.
std::string encode_report(const bench_report& report);

/// `overall` against the rate, or over time where there is one step: an SVG document.
std::string draw_report(const bench_report& report);

}  // namespace sluice::cli::bench
