#include "client/cli/produce_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::cli {
namespace {

constexpr double jobs_per_producer = 250;  // a second, with room for a stall of some milliseconds
constexpr std::size_t producers_min = 4;
constexpr std::size_t producers_max = 64;

}  // namespace

std::size_t producers_of(const produce_options& options) {
    if (options.producers) return *options.producers;
    if (!options.work.rate) return 1;
    const auto needed = static_cast<std::size_t>(std::ceil(*options.work.rate / jobs_per_producer));
    return std::clamp(needed, producers_min, producers_max);
}

run_report begin_report(const produce_options& options) {
    run_report run;
    run.producers = producers_of(options);
    run.label = options.label.empty()
                    ? fmt::format("{} producer{}", run.producers, run.producers == 1 ? "" : "s")
                    : options.label;
    run.queue = options.queue;
    run.type = options.work.type;
    run.wanted = options.work.count;
    run.rate = options.work.rate;
    run.interval = options.work.interval;
    if (options.work.args.empty() && options.work.type == square_type &&
        options.work.pause.to.count() > 0) {
        run.pause = options.work.pause;
    }
    run.args_bytes = work_plan{options.work}.args(0).size();
    run.seed = options.work.seed;
    run.followed = options.wait;
    return run;
}

}  // namespace sluice::cli
