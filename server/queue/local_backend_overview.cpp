#include "server/queue/local_backend_impl.hpp"

/// What people ask: lists and counts.
namespace sluice {

/// What a read finds may have been written and not synced yet: answers that tell of it wait for
/// that.
asio::awaitable<result<job_page>> local_backend::list(job_query query) {
    if (failed_) co_return failure();
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    auto read = [this, &query] { return store_->list_blocking(query); };
    auto page = co_await read_store(read);
    const bool seen = co_await durable(engine_.gate());
    if (!page || !seen) co_return failure();
    co_return std::move(*page);
}

asio::awaitable<result<std::vector<queue_stats>>> local_backend::queues() {
    if (failed_) co_return failure();
    auto stats = engine_.queues();
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return stats;
}

asio::awaitable<result<queue_latency>> local_backend::latency(latency_query query) {
    if (failed_) co_return failure();
    auto known = engine_.latency(query, now());
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return known;
}

asio::awaitable<result<std::vector<latency_counts>>> local_backend::latency_counted() {
    if (failed_) co_return failure();
    auto counted = engine_.latency_counted();
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return counted;
}

asio::awaitable<result<std::vector<objective_status>>> local_backend::objectives() {
    if (failed_) co_return failure();
    auto known = engine_.objectives(now());
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return known;
}

asio::awaitable<result<dead_letter_summary>> local_backend::dead_letters() {
    if (failed_) co_return failure();
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    auto read = [this] { return store_->sum_dead_letters_blocking(dead_letters_summed_max); };
    auto summary = co_await read_store(read);
    const bool seen = co_await durable(engine_.gate());
    if (!summary || !seen) co_return failure();
    co_return std::move(*summary);
}

asio::awaitable<result<std::vector<worker_info>>> local_backend::workers(
    std::optional<std::string> only) {
    if (failed_) co_return failure();
    auto known = engine_.workers(only);
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return known;
}

asio::awaitable<result<limit_info>> local_backend::rate_limit(std::string key) {
    if (failed_) co_return failure();
    auto known = engine_.rate_limit(key, now());
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return known;
}

asio::awaitable<result<limit_page>> local_backend::rate_limits(limit_query query) {
    if (failed_) co_return failure();
    auto known = engine_.rate_limits(query, now());
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return known;
}

asio::awaitable<result<limit_info>> local_backend::override_limit(
    std::string key, std::optional<limit_override> given) {
    if (failed_) co_return failure();
    auto info = engine_.override_limit(key, std::move(given), now());
    after_command();
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return info;
}

asio::awaitable<result<queue_stats>> local_backend::configure_queue(std::string name,
                                                                    queue_config_change change) {
    if (failed_) co_return failure();
    const auto config = change(engine_.config_of(name));
    if (!config) co_return config.error();
    auto stats = engine_.configure_queue(name, *config, now());
    after_command();
    room_line_.wake_all();  // to be stored, refused or to wait on, by what holds now
    const bool ok = co_await durable(engine_.gate());
    if (!ok) co_return failure();
    co_return stats;
}

asio::awaitable<result<worker_info>> local_backend::quiet_worker(std::string id, bool quiet) {
    if (failed_) co_return failure();
    auto told = engine_.quiet_worker(id, quiet);
    const auto batch = engine_.gate();
    after_command();
    const bool ok = co_await durable(batch);
    if (!ok) co_return failure();
    co_return told;
}

}  // namespace sluice
