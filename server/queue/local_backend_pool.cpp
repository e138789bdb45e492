#include "server/queue/local_backend_impl.hpp"

namespace sluice {

asio::awaitable<result<pool_change>> local_backend::set_pool(std::string name, fair_pool pool) {
    if (failed_) co_return failure();
    auto changed = engine_.set_pool(name, std::move(pool));
    auto settled = co_await settle_all(std::move(changed));
    co_return settled;
}

asio::awaitable<result<fair_pool>> local_backend::remove_pool(std::string name) {
    if (failed_) co_return failure();
    auto gone = engine_.remove_pool(name);
    auto settled = co_await settle_all(std::move(gone));
    co_return settled;
}

asio::awaitable<result<fair_pool>> local_backend::pool(std::string name) {
    if (failed_) co_return failure();
    co_return engine_.pool(name);
}

asio::awaitable<result<std::vector<std::pair<std::string, fair_pool>>>> local_backend::pools() {
    if (failed_) co_return failure();
    result<std::vector<std::pair<std::string, fair_pool>>> all = engine_.pools();
    auto settled = co_await settle_all(std::move(all));
    co_return settled;
}

asio::awaitable<result<std::vector<queue_starts>>> local_backend::starts() {
    if (failed_) co_return failure();
    result<std::vector<queue_starts>> all = engine_.starts(now());
    auto settled = co_await settle_all(std::move(all));
    co_return settled;
}

}  // namespace sluice
