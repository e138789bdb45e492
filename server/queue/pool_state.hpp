#pragma once

#include "proto/fair_pool.hpp"
#include "server/queue/queue_table.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace sluice {

/// A pool, and whose turn it is.
///
/// Turns of weighted queues go by stride scheduling (Waldspurger and Weihl, 1995): each queue has a
/// pass that grows by the reciprocal of its weight whenever it is served, and the smallest pass is
/// next. One that had no jobs for a while starts where the others are: what it did not take is not
/// owed to it.
class pool_state {
public:
    explicit pool_state(fair_pool config) : config_(std::move(config)) {}

    const fair_pool& config() const { return config_; }

    /// A queue that has jobs, while some are handed out.
    struct turn {
        queue_state* queue;
        std::uint64_t weight;
        std::uint64_t pass;
    };
    turn turn_of(queue_state& queue) const {
        return {&queue, weight_of(*queue.name), pass_of(*queue.name)};
    }

    /// Whether `a`, which is listed after `b`, goes before it.
    bool before(const turn& a, const turn& b) const {
        switch (config_.strategy) {
            case pool_strategy::strict:
                return false;
            case pool_strategy::round_robin:
            case pool_strategy::weighted:
                return a.pass < b.pass;
            case pool_strategy::least_loaded:
                return waiting(*a.queue) > waiting(*b.queue);
        }
        return false;
    }

    /// One job of this queue was handed out.
    void served(turn& queue) {
        now_ = queue.pass;
        queue.pass += stride / queue.weight;
        passes_[*queue.queue->name] = queue.pass;
    }

private:
    /// So large that the shares of the largest weights are right to a ten-thousandth; enough for
    /// 10^11 jobs.
    static constexpr std::uint64_t stride = std::uint64_t{1} << 27;

    static std::uint64_t waiting(const queue_state& queue) {
        return queue.jobs[static_cast<std::size_t>(job_state::available)];
    }
    std::uint64_t pass_of(const std::string& queue) const {
        const auto known = passes_.find(queue);
        return known == passes_.end() ? now_ : std::max(known->second, now_);
    }
    std::uint64_t weight_of(std::string_view queue) const {
        if (config_.strategy != pool_strategy::weighted) return 1;
        const auto share = std::ranges::find(config_.queues, queue, &fair_pool::share::queue);
        return share == config_.queues.end() ? 1 : static_cast<std::uint64_t>(share->weight);
    }

    fair_pool config_;
    std::map<std::string, std::uint64_t> passes_;
    std::uint64_t now_ = 0;  ///< pass of the one served last
};

}  // namespace sluice
