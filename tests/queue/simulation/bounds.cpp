#include "tests/queue/simulation/world.hpp"

/// A queue with a bound that an operator sets, changes and takes away.
namespace sluice::test {
namespace {

constexpr const char* bounded = "b";

}  // namespace

void world::bound_step() {
    queue_config config;
    if (!one_in(4)) config.bound.max_depth = 1 + below(12);
    config.bound.strategy = drops_oldest_ ? full_strategy::drop_oldest
                            : one_in(2)   ? full_strategy::reject
                                          : full_strategy::block;
    engine_->configure_queue(bounded, config);
    confirmed_bound_ = {};
    hold(engine_->gate(), [this, config, turn = ++bound_turn_] {
        if (turn == bound_turn_) confirmed_bound_ = config.bound;
    });
}

std::uint64_t world::bounded_depth() const {
    std::uint64_t depth = 0;
    for (const auto& stats : engine_->queues()) {
        if (stats.name != bounded) continue;
        for (std::size_t state = 0; state < job_state_count; ++state)
            if (!is_terminal(static_cast<job_state>(state))) depth += stats.jobs[state];
    }
    return depth;
}

/// No push takes a queue beyond its bound; what came there otherwise may stay above. Of a queue
/// that drops its oldest those at rest are still there until they have been read, so nothing can be
/// said of it while work is under way.
void world::look_at_bound(std::uint64_t depth_before) {
    const auto& bound = confirmed_bound_;
    if (bound.max_depth == 0 || drops_oldest_) return;
    const auto depth = bounded_depth();
    if (depth > bound.max_depth && depth > depth_before)
        seen_.miscounts.push_back("C19 bound: a push made " + std::to_string(depth) +
                                  " jobs of a queue for " + std::to_string(bound.max_depth));
}

}  // namespace sluice::test
