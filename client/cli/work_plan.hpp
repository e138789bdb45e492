#pragma once

#include "client/cli/text.hpp"

#include <cstdint>
#include <optional>
#include <string>

/// What `produce` makes and when, as a function of the seed alone: the same seed gives the same
/// jobs at the same intervals, over HTTP and in the in-process baseline, whatever the number of
/// producers.
namespace sluice::cli {

inline constexpr std::string_view square_type = "sluice.square";

struct work_options {
    std::string type{square_type};
    std::string args;  ///< a JSON array; empty: a random number and a pause for `sluice.square`
    span pause;        ///< second argument of `sluice.square` where `args` is empty
    std::uint64_t count = 1;              ///< 0: until interrupted
    std::optional<double> rate;           ///< jobs a second, all producers together
    bool poisson = false;                 ///< at random times with that rate on average, not evenly
    std::optional<nanoseconds> duration;  ///< with a rate: no job is due then or later
    std::optional<span> interval;         ///< of each producer
    std::uint64_t seed = 0;
};

class work_plan {
public:
    explicit work_plan(work_options options) : options_(std::move(options)) {}

    const work_options& options() const { return options_; }

    /// The JSON arguments of job `index`, which counts from 0.
    std::string args(std::uint64_t index) const;
    /// The pause that belongs to job `index` before its producer makes the next one.
    nanoseconds interval(std::uint64_t index) const;
    /// Between job `index` and the one before, where arrivals are a Poisson process; in seconds.
    double gap(std::uint64_t index) const;

private:
    work_options options_;
};

/// Hands out the jobs to their producers, with the time each is due. Nobody waits in here.
class send_schedule {
public:
    send_schedule(work_plan plan, std::size_t producers);

    struct slot {
        std::uint64_t index = 0;
        std::optional<nanoseconds> at;  ///< after the start; absent: as soon as possible
    };
    /// The next job of this producer; nothing when all are handed out.
    std::optional<slot> next(std::size_t producer);

    std::uint64_t handed_out() const { return issued_; }

private:
    work_plan plan_;
    std::vector<nanoseconds> due_;  ///< of each producer, with intervals
    double arrived_ = 0;            ///< of the latest job, in seconds, with Poisson arrivals
    std::uint64_t issued_ = 0;
};

/// `sluice.square`'s work, for the baseline. Nothing when `args` are not `[number, pause_ms]`.
struct square_work {
    double number = 0;
    nanoseconds pause{0};
};
std::optional<square_work> read_square_args(std::string_view args);

/// The number as JSON, without needless digits.
std::string format_number(double number);

}  // namespace sluice::cli
