#include "server/runtime/next_round.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace sluice {

struct next_round::state {
    boost::asio::any_io_executor executor;
    std::vector<std::unique_ptr<suspended>> waiting;
    std::vector<std::unique_ptr<suspended>> resumed;  // keeps its room from round to round
};

next_round::next_round(boost::asio::any_io_executor executor)
    : state_(std::make_shared<state>(state{std::move(executor), {}, {}})) {}

void next_round::add(std::unique_ptr<suspended> waiter) {
    state_->waiting.push_back(std::move(waiter));
    if (state_->waiting.size() > 1) return;
    boost::asio::post(state_->executor, [all = state_] {
        all->resumed.swap(all->waiting);
        for (const auto& each : all->resumed) each->resume();
        all->resumed.clear();
    });
}

}  // namespace sluice
