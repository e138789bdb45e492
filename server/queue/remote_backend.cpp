#include "server/queue/remote_backend.hpp"

#include "server/runtime/call_across.hpp"

#include <stdexcept>

namespace sluice {
namespace {

asio::awaitable<bool> shut_down_there(backend& far) {
    co_await far.shut_down();
    co_return true;
}

using overview_pair = std::pair<backend_health, backend_stats>;

asio::awaitable<overview_pair> overview_there(const backend& far) {
    co_return overview_pair(far.health(), far.stats());
}

}  // namespace

template <class Call>
auto remote_backend::ask(Call call) {
    return call_across(there_, back_, std::move(call));
}

asio::awaitable<result<push_each_answer>> remote_backend::push_each(push_each_request request) {
    if (request.accepted) {
        // In front of the outcome, which goes the same way.
        request.accepted = [&back = back_,
                            tell = std::move(request.accepted)](std::vector<job_spec> left) {
            back.post_call([tell, left = std::move(left)]() mutable { tell(std::move(left)); });
        };
    }
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.push_each(std::move(request));
    });
}

void remote_backend::on_run_lost(std::function<void(const lease_token&)> tell) {
    auto tell_here = [&back = back_, tell = std::move(tell)](const lease_token& lease) {
        back.post_call([tell, lease] { tell(lease); });
    };
    there_.post_call([&b = far_, tell_here = std::move(tell_here)]() mutable {
        b.on_run_lost(std::move(tell_here));
    });
}

void remote_backend::run_returned(const lease_token& lease) {
    there_.post_call([&b = far_, lease] { b.run_returned(lease); });
}

void remote_backend::begin_drain() {
    there_.post_call([&b = far_] { b.begin_drain(); });
}

asio::awaitable<void> remote_backend::shut_down() {
    auto call = [&b = far_] { return shut_down_there(b); };
    auto going = ask(std::move(call));
    [[maybe_unused]] const bool done = co_await std::move(going);
}

asio::awaitable<overview_pair> remote_backend::overview() {
    return ask([&b = far_] { return overview_there(b); });
}

backend_health remote_backend::health() const {
    throw std::logic_error("health is asked for on another executor than the backend's");
}

backend_stats remote_backend::stats() const {
    throw std::logic_error("stats are asked for on another executor than the backend's");
}

asio::awaitable<result<push_answer>> remote_backend::push(push_request request) {
    return ask(
        [&b = far_, request = std::move(request)]() mutable { return b.push(std::move(request)); });
}

asio::awaitable<result<job_record>> remote_backend::info(uuid id) {
    return ask([&b = far_, id] { return b.info(id); });
}

asio::awaitable<result<job_explanation>> remote_backend::explain(uuid id, queue_filter may_see) {
    return ask([&b = far_, id, may_see = std::move(may_see)]() mutable {
        return b.explain(id, std::move(may_see));
    });
}

asio::awaitable<result<job_record>> remote_backend::wait(uuid id, std::chrono::milliseconds wait,
                                                         std::stop_token stop) {
    return ask([&b = far_, id, wait, stop = std::move(stop)]() mutable {
        return b.wait(id, wait, std::move(stop));
    });
}

asio::awaitable<result<job_record>> remote_backend::watch(
    uuid id, std::function<bool(const job_record&)> enough, std::chrono::milliseconds wait,
    std::stop_token stop) {
    return ask([&b = far_, id, enough = std::move(enough), wait, stop = std::move(stop)]() mutable {
        return b.watch(id, std::move(enough), wait, std::move(stop));
    });
}

asio::awaitable<result<change_answer>> remote_backend::cancel(uuid id) {
    return ask([&b = far_, id] { return b.cancel(id); });
}

asio::awaitable<result<change_answer>> remote_backend::cancel_in(uuid id, job_state state) {
    return ask([&b = far_, id, state] { return b.cancel_in(id, state); });
}

asio::awaitable<result<change_answer>> remote_backend::activate(uuid id) {
    return ask([&b = far_, id] { return b.activate(id); });
}

asio::awaitable<result<std::vector<job_record>>> remote_backend::fetch(fetch_request request,
                                                                       std::stop_token stop) {
    return ask([&b = far_, request = std::move(request), stop = std::move(stop)]() mutable {
        return b.fetch(std::move(request), std::move(stop));
    });
}

asio::awaitable<result<change_answer>> remote_backend::ack(ack_request request) {
    return ask(
        [&b = far_, request = std::move(request)]() mutable { return b.ack(std::move(request)); });
}

asio::awaitable<result<change_answer>> remote_backend::nack(nack_request request) {
    return ask(
        [&b = far_, request = std::move(request)]() mutable { return b.nack(std::move(request)); });
}

asio::awaitable<result<answers_outcome>> remote_backend::answer_many(answers_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.answer_many(std::move(request));
    });
}

asio::awaitable<result<change_answer>> remote_backend::report_progress(progress_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.report_progress(std::move(request));
    });
}

asio::awaitable<result<log_receipt>> remote_backend::append_log(append_log_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.append_log(std::move(request));
    });
}

asio::awaitable<result<log_page>> remote_backend::read_log(log_query query, std::stop_token stop) {
    return ask([&b = far_, query = std::move(query), stop = std::move(stop)]() mutable {
        return b.read_log(std::move(query), std::move(stop));
    });
}

asio::awaitable<result<change_answer>> remote_backend::delegate(delegate_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.delegate(std::move(request));
    });
}

asio::awaitable<result<heartbeat_answer>> remote_backend::heartbeat(heartbeat_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.heartbeat(std::move(request));
    });
}

asio::awaitable<result<job_record>> remote_backend::retry_dead_letter(uuid id) {
    return ask([&b = far_, id] { return b.retry_dead_letter(id); });
}

asio::awaitable<result<void>> remote_backend::delete_dead_letter(uuid id) {
    return ask([&b = far_, id] { return b.delete_dead_letter(id); });
}

asio::awaitable<result<void>> remote_backend::delete_job(uuid id) {
    return ask([&b = far_, id] { return b.delete_job(id); });
}

asio::awaitable<result<dead_letter_summary>> remote_backend::dead_letters() {
    return ask([&b = far_] { return b.dead_letters(); });
}

asio::awaitable<result<redrive_view>> remote_backend::begin_redrive(redrive_request request) {
    return ask([&b = far_, request = std::move(request)]() mutable {
        return b.begin_redrive(std::move(request));
    });
}

asio::awaitable<result<redrive_view>> remote_backend::cancel_redrive(std::string id,
                                                                     redrive_check check) {
    return ask([&b = far_, id = std::move(id), check = std::move(check)]() mutable {
        return b.cancel_redrive(std::move(id), std::move(check));
    });
}

asio::awaitable<result<redrive_view>> remote_backend::redrive(std::string id) {
    return ask([&b = far_, id = std::move(id)]() mutable { return b.redrive(std::move(id)); });
}

asio::awaitable<result<std::vector<redrive_view>>> remote_backend::redrives() {
    return ask([&b = far_] { return b.redrives(); });
}

asio::awaitable<result<job_page>> remote_backend::list(job_query query) {
    return ask(
        [&b = far_, query = std::move(query)]() mutable { return b.list(std::move(query)); });
}

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
