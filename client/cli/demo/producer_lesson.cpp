#include "client/cli/commands.hpp"
#include "client/cli/demo/own_server.hpp"

#include <cmath>

namespace sluice::cli {

nanoseconds demo_settings::scaled(nanoseconds pause) const {
    return nanoseconds{std::llround(static_cast<double>(pause.count()) * time_scale)};
}

span demo_settings::scaled(span pause) const {
    return {scaled(pause.from), scaled(pause.to)};
}

exit_code run_lesson(const context& ctx, const demo_settings& with, const producer_lesson& what) {
    produce_options options;
    options.work.count = what.count;
    options.work.seed = with.seed;
    options.producers = what.producers;
    options.hints = !with.own_server;
    if (what.synchronous) {
        options.work.interval = what.interval;
        options.work.pause = what.pause;
        options.baseline = baseline_choice::only;
        options.time_scale = with.time_scale;
        return produce(ctx, options);
    }
    if (what.consumers && !with.own_server) {
        complain(ctx, "--consumers is for the lesson's own server",
                 "Leave it out, or --url and SLUICE_URL.");
        return exit_code::usage;
    }
    options.work.interval = with.scaled(what.interval);
    options.work.pause = with.scaled(what.pause);
    own_server_settings wanted;
    wanted.workers = what.consumers.value_or(1);
    return with_server(ctx, with, wanted,
                       [&](const context& own) { return produce(own, options); });
}

}  // namespace sluice::cli
