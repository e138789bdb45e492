#include "server/queue/local_backend_impl.hpp"

namespace sluice {

asio::awaitable<result<queue_stats>> local_backend::pause_queue(std::string name, bool paused) {
    if (failed_) co_return failure();
    result<queue_stats> stats = engine_.pause_queue(name, paused, now());
    auto settled = co_await settle_all(std::move(stats));
    co_return settled;
}

asio::awaitable<result<cron_change>> local_backend::set_cron(cron_definition definition) {
    if (failed_) co_return failure();
    auto changed = engine_.set_cron(std::move(definition), now());
    auto settled = co_await settle_all(std::move(changed));
    co_return settled;
}

asio::awaitable<result<cron_record>> local_backend::enable_cron(std::string name, bool enabled) {
    if (failed_) co_return failure();
    auto changed = engine_.enable_cron(name, enabled, now());
    auto settled = co_await settle_all(std::move(changed));
    co_return settled;
}

asio::awaitable<result<cron_record>> local_backend::remove_cron(std::string name) {
    if (failed_) co_return failure();
    auto gone = engine_.remove_cron(name);
    auto settled = co_await settle_all(std::move(gone));
    co_return settled;
}

asio::awaitable<result<cron_record>> local_backend::cron(std::string name) {
    if (failed_) co_return failure();
    auto found = engine_.cron(name);
    auto settled = co_await settle_all(std::move(found));
    co_return settled;
}

asio::awaitable<result<std::vector<cron_record>>> local_backend::crons() {
    if (failed_) co_return failure();
    result<std::vector<cron_record>> all = engine_.crons();
    auto settled = co_await settle_all(std::move(all));
    co_return settled;
}

asio::awaitable<result<std::vector<cron_occurrence>>> local_backend::preview_cron(
    std::string name, std::size_t count) {
    if (failed_) co_return failure();
    auto times = engine_.preview_cron(name, count, now());
    auto settled = co_await settle_all(std::move(times));
    co_return settled;
}

}  // namespace sluice
