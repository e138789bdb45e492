#include "client/cli/produce_options.hpp"

#include <fmt/format.h>

namespace sluice::cli {
std::size_t producers_max(const produce_options& options) {
    constexpr std::size_t enough_for_a_rate = 128;
    return options.producers.value_or(options.work.rate ? enough_for_a_rate : 1);
}

run_report begin_report(const produce_options& options) {
    run_report run;
    run.producers = options.work.rate ? 0 : producers_max(options);
    run.label = options.label;
    if (run.label.empty() && options.work.rate) run.label = format_rate(*options.work.rate) + "/s";
    if (run.label.empty()) {
        run.label = fmt::format("{} producer{}", run.producers, run.producers == 1 ? "" : "s");
    }
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
