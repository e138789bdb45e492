#pragma once

#include "client/cli/bench/objective.hpp"
#include "client/cli/work_plan.hpp"
#include "proto/durability.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli::bench {

/// What takes the jobs: a handler of the server, or workers in this process that fetch over HTTP.
enum class handler_kind : std::uint8_t { noop, sleep, square, remote };

struct handler_choice {
    handler_kind kind = handler_kind::noop;
    nanoseconds pause{0};  ///< how long a job takes, with `sleep` and `remote`
    std::string text = "noop";
};

/// "noop", "sleep:5ms", "square", "remote", "remote:5ms".
std::optional<handler_choice> parse_handler(std::string_view text);

/// "128", "128B", "4KiB" (1,024), "4k" or "4kB" (1,000); at most 1 MiB.
std::optional<std::size_t> parse_size(std::string_view text);

/// What `sluice bench` was asked for.
struct bench_options {
    std::vector<double> rates{1000};  ///< jobs a second
    bool poisson = false;             ///< arrivals at random times, not evenly spaced
    bool closed = false;              ///< each connection waits for its answer, whatever the rate
    bool find_max = false;            ///< look for the highest rate, from the first of `rates` on
    std::optional<std::size_t> connections;
    std::size_t batch = 1;       ///< jobs in a request
    std::size_t args_bytes = 0;  ///< filled up to so many; 0: as few as the handler needs
    handler_choice handler;
    std::size_t workers = 16;  ///< jobs at a time, with `remote`
    std::optional<durability_class> durability;
    nanoseconds duration = std::chrono::seconds{10};  ///< of each rate
    nanoseconds warmup = std::chrono::seconds{2};     ///< before the first; not reported
    nanoseconds drain = std::chrono::seconds{10};     ///< for what is open after the last was sent
    std::vector<objective> objectives;
    std::string hdr;   ///< a file for the percentile distribution; empty: none
    std::string plot;  ///< a file for the picture; empty: none
    std::uint64_t seed = 0;
};

/// With a rate as many as it takes that a slow answer does not delay the next job, within reason.
std::size_t connections_max(const bench_options& options);

std::string_view type_of(const bench_options& options);
/// The JSON arguments of every job.
std::string args_of(const bench_options& options);

}  // namespace sluice::cli::bench
