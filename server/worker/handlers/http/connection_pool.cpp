#include "server/worker/handlers/http/connection_pool.hpp"

#include <algorithm>
#include <utility>

namespace sluice::worker::push {

namespace asio = boost::asio;

connection_pool::connection_pool(asio::any_io_executor executor, std::size_t most,
                                 std::chrono::milliseconds idle_time)
    : most_(most),
      idle_time_(idle_time),
      timer_(std::move(executor)),
      self_(std::make_shared<connection_pool*>(this)) {}

connection_pool::~connection_pool() {
    *self_ = nullptr;
    close_all();
}

std::shared_ptr<connection> connection_pool::take(const peer& whom) {
    const auto it = by_peer_.find(whom);
    while (it != by_peer_.end() && !it->second.empty()) {
        const auto youngest = it->second.back();
        it->second.pop_back();
        auto idle = std::move(youngest->idle);
        waiting_.erase(youngest);
        const bool last = it->second.empty();
        if (last) by_peer_.erase(it);
        if (idle->is_quiet()) return idle;
        idle->close();
        if (last) return nullptr;
    }
    return nullptr;
}

void connection_pool::put(peer whom, std::shared_ptr<connection> idle) {
    if (most_ == 0) {
        idle->close();
        return;
    }
    if (waiting_.size() >= most_) drop(waiting_.begin());
    const auto until = std::chrono::steady_clock::now() + idle_time_;
    const auto mine = waiting_.insert(waiting_.end(),
                                      entry{.whom = whom, .idle = std::move(idle), .until = until});
    by_peer_[std::move(whom)].push_back(mine);
    if (!watching_) watch();
}

void connection_pool::close_all() {
    while (!waiting_.empty()) drop(waiting_.begin());
    timer_.cancel();
}

void connection_pool::drop(entries::iterator which) {
    const auto it = by_peer_.find(which->whom);
    std::erase(it->second, which);
    if (it->second.empty()) by_peer_.erase(it);
    which->idle->close();
    waiting_.erase(which);
}

void connection_pool::watch() {
    watching_ = true;
    timer_.expires_at(waiting_.front().until);
    timer_.async_wait([self = self_](boost::system::error_code) {
        if (*self != nullptr) (*self)->expire();
    });
}

void connection_pool::expire() {
    watching_ = false;
    const auto now = std::chrono::steady_clock::now();
    while (!waiting_.empty() && waiting_.front().until <= now) drop(waiting_.begin());
    if (!waiting_.empty()) watch();
}

}  // namespace sluice::worker::push
