#pragma once

#include "server/queue/backend.hpp"
#include "server/runtime/call_across.hpp"
#include "server/runtime/inbox.hpp"

#include <utility>

namespace sluice {

/// A backend as another thread sees it: each call goes to the executor on which the backend lives,
/// and its outcome comes back.
///
/// One for each executor that asks: all calls on that of `back`, where they complete. Calls of one
/// executor begin in their order. The functions of a request (`check`, `may_touch`, `enough`, ...)
/// are called on the backend's executor while their owner waits: what they read must not change
/// meanwhile. Jobs that are granted to a fetch whose `stop` was requested before they arrived go
/// back. `push_each_request::accepted` and what is given to `on_run_lost` are called here.
///
/// `far` outlives the executor that asks, and both inboxes outlive this. The queue's own
/// stop_callbacks only post, so that a stop may be requested on this side.
class remote_backend final : public backend {
public:
    /// `there` is the inbox of the executor of `far`, `back` that of who asks.
    remote_backend(backend& far, inbox& there, inbox& back)
        : far_(far), there_(there), back_(back) {}

    asio::awaitable<result<push_answer>> push(push_request request) override;
    asio::awaitable<result<job_record>> info(uuid id) override;
    asio::awaitable<result<job_explanation>> explain(uuid id, queue_filter may_see) override;
    asio::awaitable<result<job_record>> wait(uuid id, std::chrono::milliseconds wait,
                                             std::stop_token stop) override;
    asio::awaitable<result<job_record>> watch(uuid id,
                                              std::function<bool(const job_record&)> enough,
                                              std::chrono::milliseconds wait,
                                              std::stop_token stop) override;
    asio::awaitable<result<change_answer>> cancel(uuid id) override;
    asio::awaitable<result<change_answer>> cancel_in(uuid id, job_state state) override;
    asio::awaitable<result<change_answer>> activate(uuid id) override;
    asio::awaitable<result<std::vector<job_record>>> fetch(fetch_request request,
                                                           std::stop_token stop) override;
    asio::awaitable<result<change_answer>> ack(ack_request request) override;
    asio::awaitable<result<change_answer>> nack(nack_request request) override;
    asio::awaitable<result<answers_outcome>> answer_many(answers_request request) override;
    asio::awaitable<result<change_answer>> report_progress(progress_request request) override;
    asio::awaitable<result<log_receipt>> append_log(append_log_request request) override;
    asio::awaitable<result<log_page>> read_log(log_query query, std::stop_token stop) override;
    asio::awaitable<result<change_answer>> delegate(delegate_request request) override;
    asio::awaitable<result<heartbeat_answer>> heartbeat(heartbeat_request request) override;
    asio::awaitable<result<job_record>> retry_dead_letter(uuid id) override;
    asio::awaitable<result<void>> delete_dead_letter(uuid id) override;
    asio::awaitable<result<void>> delete_job(uuid id) override;
    asio::awaitable<result<dead_letter_summary>> dead_letters() override;
    asio::awaitable<result<redrive_view>> begin_redrive(redrive_request request) override;
    asio::awaitable<result<redrive_view>> cancel_redrive(std::string id,
                                                         redrive_check check) override;
    asio::awaitable<result<redrive_view>> redrive(std::string id) override;
    asio::awaitable<result<std::vector<redrive_view>>> redrives() override;
    asio::awaitable<result<job_page>> list(job_query query) override;
    asio::awaitable<result<std::vector<queue_stats>>> queues() override;
    asio::awaitable<result<queue_latency>> latency(latency_query query) override;
    asio::awaitable<result<std::vector<latency_counts>>> latency_counted() override;
    asio::awaitable<result<std::vector<objective_status>>> objectives() override;
    asio::awaitable<result<queue_stats>> pause_queue(std::string name, bool paused) override;
    asio::awaitable<result<std::vector<worker_info>>> workers(
        std::optional<std::string> only) override;
    asio::awaitable<result<worker_info>> quiet_worker(std::string id, bool quiet) override;
    asio::awaitable<result<limit_info>> rate_limit(std::string key) override;
    asio::awaitable<result<limit_page>> rate_limits(limit_query query) override;
    asio::awaitable<result<limit_info>> override_limit(
        std::string key, std::optional<limit_override> given) override;
    asio::awaitable<result<queue_stats>> configure_queue(std::string name,
                                                         queue_config_change change) override;
    asio::awaitable<result<pool_change>> set_pool(std::string name, fair_pool pool) override;
    asio::awaitable<result<fair_pool>> remove_pool(std::string name) override;
    asio::awaitable<result<fair_pool>> pool(std::string name) override;
    asio::awaitable<result<std::vector<std::pair<std::string, fair_pool>>>> pools() override;
    asio::awaitable<result<std::vector<queue_starts>>> starts() override;
    asio::awaitable<result<webhook_subscription>> add_webhook(
        webhook_subscription subscription) override;
    asio::awaitable<result<webhook_subscription>> change_webhook(std::string id,
                                                                 webhook_change change,
                                                                 webhook_check check) override;
    asio::awaitable<result<webhook_subscription>> remove_webhook(std::string id,
                                                                 webhook_check check) override;
    asio::awaitable<result<webhook_subscription>> webhook(std::string id) override;
    asio::awaitable<result<std::vector<webhook_subscription>>> webhooks() override;
    asio::awaitable<result<job_record>> test_webhook(std::string id, webhook_check check) override;
    asio::awaitable<result<cron_change>> set_cron(cron_definition definition) override;
    asio::awaitable<result<cron_record>> enable_cron(std::string name, bool enabled) override;
    asio::awaitable<result<cron_record>> remove_cron(std::string name) override;
    asio::awaitable<result<cron_record>> cron(std::string name) override;
    asio::awaitable<result<std::vector<cron_record>>> crons() override;
    asio::awaitable<result<std::vector<cron_occurrence>>> preview_cron(std::string name,
                                                                       std::size_t count) override;
    asio::awaitable<result<workflow_answer>> push_workflow(workflow_request request) override;
    asio::awaitable<result<workflow_view>> workflow(uuid id) override;
    asio::awaitable<result<workflow_view>> cancel_workflow(uuid id) override;
    asio::awaitable<result<workflow_page>> workflows(workflow_query query) override;
    asio::awaitable<result<event_page>> events(event_query query, std::stop_token stop) override;
    asio::awaitable<result<void>> reset() override;
    asio::awaitable<result<push_each_answer>> push_each(push_each_request request) override;
    void on_run_lost(std::function<void(const lease_token&)> tell) override;
    void run_returned(const lease_token& lease) override;
    void begin_drain() override;
    asio::awaitable<void> shut_down() override;

    /// Both at one moment.
    asio::awaitable<std::pair<backend_health, backend_stats>> overview();
    /// Only on the backend's own executor: these throw std::logic_error. See `overview`.
    backend_health health() const override;
    backend_stats stats() const override;

private:
    template <class Call>
    auto ask(Call call) {
        return call_across(there_, back_, std::move(call));
    }

    backend& far_;
    inbox& there_;
    inbox& back_;
};

}  // namespace sluice
