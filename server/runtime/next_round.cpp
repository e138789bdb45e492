#include "server/runtime/next_round.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace sluice {

void next_round::add(std::unique_ptr<suspended> waiter) {
    if (const auto already = gathering_.lock()) {
        already->push_back(std::move(waiter));
        return;
    }
    auto all = std::make_shared<waiters>();
    all->push_back(std::move(waiter));
    gathering_ = all;
    // Whoever comes while these go on is for the round after.
    boost::asio::post(executor_, [all = std::move(all)]() mutable {
        const auto now = std::move(*all);
        all.reset();
        for (const auto& each : now) each->resume();
    });
}

}  // namespace sluice
