#include "server/queue/remote_backend.hpp"

/// What is asked of queues, workers, limits, webhooks, cron jobs, workflows and events.
namespace sluice {

asio::awaitable<result<std::vector<queue_stats>>> remote_backend::queues() {
    return ask([&b = far_] { return b.queues(); });
}

asio::awaitable<result<queue_latency>> remote_backend::latency(latency_query query) {
    return ask(
        [&b = far_, query = std::move(query)]() mutable { return b.latency(std::move(query)); });
}

asio::awaitable<result<std::vector<latency_counts>>> remote_backend::latency_counted() {
    return ask([&b = far_] { return b.latency_counted(); });
}

asio::awaitable<result<std::vector<objective_status>>> remote_backend::objectives() {
    return ask([&b = far_] { return b.objectives(); });
}

asio::awaitable<result<queue_stats>> remote_backend::pause_queue(std::string name, bool paused) {
    return ask([&b = far_, name = std::move(name), paused]() mutable {
        return b.pause_queue(std::move(name), paused);
    });
}

asio::awaitable<result<std::vector<worker_info>>> remote_backend::workers(
    std::optional<std::string> only) {
    return ask(
        [&b = far_, only = std::move(only)]() mutable { return b.workers(std::move(only)); });
}

asio::awaitable<result<worker_info>> remote_backend::quiet_worker(std::string id, bool quiet) {
    return ask([&b = far_, id = std::move(id), quiet]() mutable {
        return b.quiet_worker(std::move(id), quiet);
    });
}

asio::awaitable<result<limit_info>> remote_backend::rate_limit(std::string key) {
    return ask(
        [&b = far_, key = std::move(key)]() mutable { return b.rate_limit(std::move(key)); });
}

asio::awaitable<result<limit_page>> remote_backend::rate_limits(limit_query query) {
    return ask([&b = far_, query = std::move(query)]() mutable {
        return b.rate_limits(std::move(query));
    });
}

asio::awaitable<result<limit_info>> remote_backend::override_limit(
    std::string key, std::optional<limit_override> given) {
    return ask([&b = far_, key = std::move(key), given = std::move(given)]() mutable {
        return b.override_limit(std::move(key), std::move(given));
    });
}

asio::awaitable<result<queue_stats>> remote_backend::configure_queue(std::string name,
                                                                     queue_config_change change) {
    return ask([&b = far_, name = std::move(name), change = std::move(change)]() mutable {
        return b.configure_queue(std::move(name), std::move(change));
    });
}

asio::awaitable<result<pool_change>> remote_backend::set_pool(std::string name, fair_pool pool) {
    return ask([&b = far_, name = std::move(name), pool = std::move(pool)]() mutable {
        return b.set_pool(std::move(name), std::move(pool));
    });
}

asio::awaitable<result<fair_pool>> remote_backend::remove_pool(std::string name) {
    return ask(
        [&b = far_, name = std::move(name)]() mutable { return b.remove_pool(std::move(name)); });
}

asio::awaitable<result<fair_pool>> remote_backend::pool(std::string name) {
    return ask([&b = far_, name = std::move(name)]() mutable { return b.pool(std::move(name)); });
}

asio::awaitable<result<std::vector<std::pair<std::string, fair_pool>>>> remote_backend::pools() {
    return ask([&b = far_] { return b.pools(); });
}

asio::awaitable<result<std::vector<queue_starts>>> remote_backend::starts() {
    return ask([&b = far_] { return b.starts(); });
}

asio::awaitable<result<webhook_subscription>> remote_backend::add_webhook(
    webhook_subscription subscription) {
    return ask([&b = far_, subscription = std::move(subscription)]() mutable {
        return b.add_webhook(std::move(subscription));
    });
}

asio::awaitable<result<webhook_subscription>> remote_backend::change_webhook(std::string id,
                                                                             webhook_change change,
                                                                             webhook_check check) {
    return ask([&b = far_, id = std::move(id), change = std::move(change),
                check = std::move(check)]() mutable {
        return b.change_webhook(std::move(id), std::move(change), std::move(check));
    });
}

asio::awaitable<result<webhook_subscription>> remote_backend::remove_webhook(std::string id,
                                                                             webhook_check check) {
    return ask([&b = far_, id = std::move(id), check = std::move(check)]() mutable {
        return b.remove_webhook(std::move(id), std::move(check));
    });
}

asio::awaitable<result<webhook_subscription>> remote_backend::webhook(std::string id) {
    return ask([&b = far_, id = std::move(id)]() mutable { return b.webhook(std::move(id)); });
}

asio::awaitable<result<std::vector<webhook_subscription>>> remote_backend::webhooks() {
    return ask([&b = far_] { return b.webhooks(); });
}

asio::awaitable<result<job_record>> remote_backend::test_webhook(std::string id,
                                                                 webhook_check check) {
    return ask([&b = far_, id = std::move(id), check = std::move(check)]() mutable {
        return b.test_webhook(std::move(id), std::move(check));
    });
}

asio::awaitable<result<cron_change>> remote_backend::set_cron(cron_definition definition) {
    return ask([&b = far_, definition = std::move(definition)]() mutable {
        return b.set_cron(std::move(definition));
    });
}

asio::awaitable<result<cron_record>> remote_backend::enable_cron(std::string name, bool enabled) {
    return ask([&b = far_, name = std::move(name), enabled]() mutable {
        return b.enable_cron(std::move(name), enabled);
    });
}

asio::awaitable<result<cron_record>> remote_backend::remove_cron(std::string name) {
    return ask(
        [&b = far_, name = std::move(name)]() mutable { return b.remove_cron(std::move(name)); });
}

asio::awaitable<result<cron_record>> remote_backend::cron(std::string name) {
    return ask([&b = far_, name = std::move(name)]() mutable { return b.cron(std::move(name)); });
}

asio::awaitable<result<std::vector<cron_record>>> remote_backend::crons() {
    return ask([&b = far_] { return b.crons(); });
}

asio::awaitable<result<std::vector<cron_occurrence>>> remote_backend::preview_cron(
    std::string name, std::size_t count) {
    return ask([&b = far_, name = std::move(name), count]() mutable {
        return b.preview_cron(std::move(name), count);
    });
}

asio::awaitable<result<workflow_answer>> remote_backend::push_workflow(workflow_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.push_workflow(std::move(request));
    });
}

asio::awaitable<result<workflow_view>> remote_backend::workflow(uuid id) {
    return ask([&b = far_, id] { return b.workflow(id); });
}

asio::awaitable<result<workflow_view>> remote_backend::cancel_workflow(uuid id) {
    return ask([&b = far_, id] { return b.cancel_workflow(id); });
}

asio::awaitable<result<workflow_page>> remote_backend::workflows(workflow_query query) {
    return ask(
        [&b = far_, query = std::move(query)]() mutable { return b.workflows(std::move(query)); });
}

asio::awaitable<result<event_page>> remote_backend::events(event_query query,
                                                           std::stop_token stop) {
    return ask([&b = far_, query = std::move(query), stop = std::move(stop)]() mutable {
        return b.events(std::move(query), std::move(stop));
    });
}

asio::awaitable<result<void>> remote_backend::reset() {
    return ask([&b = far_] { return b.reset(); });
}

}  // namespace sluice
