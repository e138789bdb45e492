#pragma once

#include "client/cli/terminal.hpp"
#include "client/cli/text.hpp"
#include "proto/histogram.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::cli {

/// All that a run of `produce` found out. Definitions (one clock, the server's):
/// waiting = started - due, due = the later of durable and available; running = finished - started;
/// total = finished - durable. `enqueue` is the client's: from the intended time of sending to the
/// answer, so a stalled server cannot hide behind a sender that waits for it.
struct run_report {
    std::string label;
    bool in_process = false;  ///< the synchronous baseline: no server, no enqueue

    std::string url;
    std::string server_version;
    std::string store;

    std::string queue;
    std::string type;
    std::uint64_t wanted = 0;   ///< 0: until interrupted
    std::size_t producers = 1;  ///< that were in use; 0 while not known
    std::optional<double> rate;
    std::optional<span> interval;
    std::optional<span> pause;
    std::size_t args_bytes = 0;
    std::uint64_t seed = 0;
    /// The baseline slept this share of each interval and pause; its times are divided by it again.
    double time_scale = 1;
    bool followed = true;  ///< false: the jobs were only created
    /// Whether `overall` is kept: worth it where jobs have an intended time of sending.
    bool measures_overall = false;

    std::uint64_t created = 0;
    std::uint64_t unknown = 0;  ///< pushed without an answer: stored or not
    std::uint64_t completed = 0;
    std::uint64_t discarded = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t retried = 0;   ///< finished jobs that took more than one attempt
    std::uint64_t refusals = 0;  ///< times the server said "not now"

    nanoseconds elapsed{0};
    histogram enqueue;
    histogram waiting;
    histogram running;
    histogram total;
    histogram overall;                         ///< enqueue + total of each job
    histogram lag;                             ///< actual minus intended time of sending
    std::optional<nanoseconds> first_waiting;  ///< of the job made first
    std::string sample_id;                     ///< the last job that finished

    std::uint64_t finished() const { return completed + discarded + cancelled; }
    double rate_reached() const;
};

/// One line or two of what is run, wrapped to the terminal.
std::string render_header(const run_report& run, const terminal& term);

/// The figures, and the waiting times as a histogram on a log scale.
std::string render_report(const run_report& run, const terminal& term);

/// The figures for programs: a line for each phase with its name, the count and, in microseconds,
/// min, p50, p90, p99, p99.9, max, mean; separated by tabs.
std::string render_plain_report(const run_report& run);

/// What a person should know beside the figures, a line each; usually empty.
std::string render_warnings(const run_report& run, const terminal& term);

/// The histogram alone: rows of powers of two of a millisecond, nothing when empty.
std::string render_histogram(const histogram& values, const terminal& term);

}  // namespace sluice::cli
